import type { BackendName } from './task.ts';
import type { BackendCapabilities } from './task-backend.ts';

/**
 * Why a submission went where it went.
 * `frozen`: a freeze is in force. `requested`: the caller named the backend. `capability`: only canary can do what
 * was asked. `flag`: the feature flag said so. `ratio`: its bucket lies below (canary) or above (stable) the ratio.
 * `canary-down`: it would have gone to canary, which does not answer. `stale`: the control state changed too often
 * while it was being accepted. `duplicate`: the idempotency key was known; the first submission's place is kept.
 */
export type DecisionReason =
  | 'frozen'
  | 'requested'
  | 'capability'
  | 'flag'
  | 'ratio'
  | 'canary-down'
  | 'stale'
  | 'duplicate';

export interface RoutingDecision {
  readonly backend: BackendName;
  readonly reason: DecisionReason;
  /** The epoch of the control state it was made in. */
  readonly epoch: number;
  /** The submission's place in [0, 1). Canary takes the places below the ratio. */
  readonly bucket: number;
  /** The ratio it was held against, 0 to 1. */
  readonly ratio: number;
  /** The flag that decided, with what it said. Only with reason `flag`. */
  readonly flag?: { readonly key: string; readonly value: FlagValue };
  /** Wishes that the chosen backend cannot fulfil. */
  readonly ignored?: readonly (keyof BackendCapabilities)[];
}

/** Boolean: canary or not. String: the backend. Number: a ratio, 0 to 1. */
export type FlagValue = boolean | BackendName | number;

/** What targeting rules and percentage rollouts can look at. */
export interface FlagContext {
  readonly stickyKey: string;
  readonly task: string;
  readonly queue: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

export interface FlagAnswer {
  readonly key: string;
  readonly value: FlagValue;
  /** `live`: evaluated now. `last-known`: the source is down and this was its last answer for the task. */
  readonly source: 'live' | 'last-known';
}

/** Where flag answers come from. Never rejects and never blocks a submission. */
export interface FlagSource {
  /** null: no usable answer, the ratio decides. */
  evaluate(context: FlagContext): Promise<FlagAnswer | null>;
  /** For `hybrid status`. */
  describe(): {
    readonly source: 'off' | 'file' | 'launchdarkly';
    /** `idle`: the mode is ratio, so nobody asks. */
    readonly state: 'ready' | 'initialising' | 'unavailable' | 'idle';
    readonly problem?: string;
  };
  close(): Promise<void>;
}
