import type { RunMeter } from '../domain/aggregates.ts';
import type { WorkerEvent } from '../domain/events.ts';
import type { MovedTask, WorkerLease, WorkerLedger } from '../domain/ledger.ts';
import type { Logger } from '../domain/logger.ts';
import type { OutcomeRecorder } from '../domain/outcome.ts';
import type { BackendName } from '../domain/task.ts';
import type { RunningTasks } from './running-tasks.ts';
import type { TaskRegistry } from './task-registry.ts';

/** What every delivery in this process shares. */
export interface RunEnvironment {
  readonly tasks: TaskRegistry;
  readonly running: RunningTasks;
  readonly ledger: WorkerLedger;
  readonly outcomes: OutcomeRecorder;
  readonly meter: RunMeter;
  /** The lease in force; a new one after Redis restarted. */
  readonly lease: () => WorkerLease;
  /** Puts a task that changed hands into stable's moved queue. */
  readonly enqueueMoved: (task: MovedTask) => Promise<void>;
  readonly emit: (event: WorkerEvent) => void;
  readonly canPostpone: (backend: BackendName) => boolean;
  readonly resultTtlSeconds: number;
  readonly failureTtlSeconds: number;
  /** When a side of a pair is missing, in seconds; a copy's record and outcome stay a little longer. */
  readonly copyDeadlineSeconds: number;
  readonly resultLimitBytes: number;
  readonly abortGraceMs: number;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Aborts when the process gives up on its unfinished runs. */
  readonly giveUp: AbortSignal;
  readonly log: Logger;
}
