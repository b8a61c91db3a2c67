import type { Logger } from '../domain/logger.ts';
import type { RollbackReport } from '../domain/rollback.ts';
import type { Connections } from '../manager/connections.ts';
import type { Kind } from './tasks.ts';

export interface DrillOptions {
  /** Synthetic tasks, 20 to 2,000. @default 200 */
  readonly tasks?: number;
  /** For what is left to chance: the order of the tasks, their priorities, the producer's pauses. @default another one each time */
  readonly seed?: number;
  /** During the rollback BullMQ's Redis is looked for at a port where nobody listens. @default false */
  readonly canaryDown?: boolean;
  /** Called after each step. */
  readonly onStep?: (step: DrillStep) => void;
  /** What the parts have to say while it runs. @default nobody is told */
  readonly log?: Logger;
  /** Ends it early; it cleans up all the same. */
  readonly signal?: AbortSignal;
  /**
   * Breaks what the rollback works with, to show that the verdict can be `failed`. For tests.
   * @default nothing is broken
   */
  readonly sabotage?: (connections: Connections) => Connections;
}

export interface DrillStep {
  readonly name: string;
  /** `skipped`: an earlier step could not be finished. */
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly ms: number;
  /** What was seen, in a few words. */
  readonly detail: string;
  readonly problems: readonly string[];
}

/** What came of a drill. Times are milliseconds since 1970 where they end in `At`, durations where they end in `Ms`. */
export interface DrillReport {
  readonly verdict: 'passed' | 'failed';
  /** Why it failed, a sentence each; empty if it passed. */
  readonly reasons: readonly string[];
  readonly isInterrupted: boolean;
  /** The throw-away namespace, which is gone. */
  readonly namespace: string;
  readonly seed: number;
  readonly isCanaryDown: boolean;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly steps: readonly DrillStep[];
  /** How many tasks of each kind. */
  readonly tasks: Readonly<Partial<Record<Kind, number>>>;
  /** Keys in Redis, all of them removed at the end. */
  readonly keys: { readonly removed: number; readonly remaining: number; readonly leftOvers: number } | null;
  readonly rollback: RollbackReport | null;
}
