import type { MismatchKind, PairKind } from './parity.ts';
import type { BackendName } from './task.ts';

/**
 * How a task came to its backend. `assigned`: by ratio or flag, so that the two backends can be held against each other.
 * `forced`: the caller named it, only it can do what was asked, frozen, or canary was down. `moved`: accepted for canary,
 * brought back. `shadow`, `control`, `replay`: copies.
 */
export type Arm = 'assigned' | 'forced' | 'moved' | PairKind;

/** What is counted of one task on one backend, as far as it came there one way. Sums of a window. */
export interface RunCounts {
  /** Submissions. Counted by whoever submits; of copies by whoever makes them. */
  readonly submitted: number;
  /**
   * Submissions that the ratio decided, each with a bucket of its own, by the backend that it chose (not the one that took
   * it in the end): what a ratio test can look at.
   */
  readonly randomised: number;
  /** Submissions that would have gone to canary, were the ratio kept exactly: the sum of ratios over both backends' randomised. */
  readonly expectedCanary: number;
  /** Sum of ratio × (1 − ratio) over the same: the variance of the number on canary. */
  readonly variance: number;
  readonly succeeded: number;
  /** For good, after all tries. */
  readonly failed: number;
  /** Runs that were tried again. */
  readonly retried: number;
  /** Finished later than the task's `timeoutMs` after they were due, waiting included. */
  readonly overdue: number;
}

export const NO_COUNTS: RunCounts = Object.freeze({
  submitted: 0,
  randomised: 0,
  expectedCanary: 0,
  variance: 0,
  succeeded: 0,
  failed: 0,
  retried: 0,
  overdue: 0,
});

export type Counter = keyof RunCounts;

/** What is timed of each run, in microseconds. `wait`: from due to started. `run`: the handler, its last try. `total`: from due to finished. Of copies only `run`. */
export type Timing = 'wait' | 'run' | 'total';

/** Buckets per doubling: each is about 3 % wide. Finer ones would fill Redis for nothing that a report can use. */
const PER_DOUBLING = 32;

/**
 * The bucket of a value as HdrHistogram (Gil Tene) makes them, with 32 of them per doubling: values below 64 have one each.
 * @returns the lowest value of the bucket
 */
export function bucketOf(value: number): number {
  const whole = Math.max(0, Math.round(value));
  const width = bucketWidthOf(whole);
  return Math.floor(whole / width) * width;
}

/** How many whole values a bucket holds. @param value any of them */
export function bucketWidthOf(value: number): number {
  return value < 2 * PER_DOUBLING ? 1 : 2 ** Math.floor(Math.log2(value)) / PER_DOUBLING;
}

/** Counts what a process submits and runs. Costs no round trip. */
export interface RunMeter {
  /** @param by @default 1 */
  count(task: string, backend: BackendName, arm: Arm, counter: Counter, by?: number): void;
  time(task: string, backend: BackendName, arm: Arm, timing: Timing, ms: number): void;
}

/** How often each value was seen: buckets by their lowest value, in microseconds (`bucketOf`). */
export type Buckets = ReadonlyMap<number, number>;

export interface RunCell {
  readonly task: string;
  readonly backend: BackendName;
  readonly arm: Arm;
  readonly counts: RunCounts;
  readonly timings: Readonly<Record<Timing, Buckets>>;
}

/** Verdicts on pairs of one task and kind. */
export interface PairCell {
  readonly task: string;
  readonly kind: PairKind;
  /** `matched` and all of `mismatched`. */
  readonly compared: number;
  readonly matched: number;
  readonly mismatched: Readonly<Partial<Record<MismatchKind, number>>>;
  /** Not compared: a side was cancelled, or neither side had an outcome by the deadline. */
  readonly dropped: number;
  /** Pairs by the JSON pointer where they differ, array positions as `*`; the 50 most frequent. */
  readonly paths: Readonly<Record<string, number>>;
}

/** Everything that was counted in a window. */
export interface Aggregates {
  /** Milliseconds since 1970, from (inclusive) and to (exclusive), rounded to what is kept: minutes, beyond a day hours. */
  readonly from: number;
  readonly to: number;
  /** When anybody last wrote into the window; null: nobody. */
  readonly newestAt: number | null;
  readonly runs: readonly RunCell[];
  readonly pairs: readonly PairCell[];
  /**
   * The same counts by time, one entry per part that has any: five minutes of whole hours, minutes at the ends of the window.
   * Of hours more than a day ago that a former version has added up, the hour.
   */
  readonly timeline: readonly TimelineEntry[];
}

export interface TimelineEntry {
  /** Beginning, milliseconds since 1970. */
  readonly at: number;
  readonly spanMs: number;
  readonly task: string;
  readonly backend: BackendName;
  readonly arm: Arm;
  readonly succeeded: number;
  readonly failed: number;
}
