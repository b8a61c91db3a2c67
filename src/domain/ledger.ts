import type { ControlState } from './control-state.ts';
import type { Outcome } from './outcome.ts';
import type { Pair, PairKind } from './parity.ts';
import type { RoutingDecision } from './routing-decision.ts';
import type { BackendName, Backoff } from './task.ts';

/** `handed-over`: rollback gave it to plain bee-queue workers, which keep no record of how it ends. */
export type EntryState =
  | 'accepted'
  | 'running'
  | 'retrying'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'handed-over';

/** Whether somebody still has to run it. */
export function isUnfinished({ state }: { readonly state: EntryState }): boolean {
  return state === 'accepted' || state === 'running' || state === 'retrying';
}

/** What is known about a submission from the start and never changes. */
export interface TaskSpec {
  readonly task: string;
  readonly queue: string;
  readonly namesTask: boolean;
  readonly retries: number;
  readonly backoff: Required<Backoff>;
  readonly timeoutMs: number;
  readonly dueAt: number | null;
  readonly priority: number | null;
  readonly decision: RoutingDecision | null;
  /** It is a copy, made only to be compared: cancelled by a rollback, never moved, in none of I8's counts. */
  readonly copy?: PairKind;
}

/** A pair that begins with a copy. Its times are the ledger's: clocks of two machines differ. */
export interface AnnouncedPair extends Pick<Pair, 'primary' | 'replay'> {
  /** How long after it was due a side may take, in milliseconds. */
  readonly patienceMs: number;
}

/** A copy to be made of a submission. */
export interface CopyRequest {
  readonly id: string;
  readonly owner: BackendName;
  readonly spec: TaskSpec & { readonly copy: PairKind };
  /** JSON text. */
  readonly payload: string;
  readonly entryTtlSeconds: number;
  /** The pair that waits for it; null: the pair is announced by its other copy. */
  readonly pair: AnnouncedPair | null;
}

/** `frozen`: no copies while a freeze is in force. `full`: as many copies are unfinished as may be. */
export type CopyResult =
  | { readonly status: 'accepted'; readonly acceptedAt: number }
  | { readonly status: 'frozen' | 'full' };

export interface AcceptRequest {
  readonly id: string;
  readonly epoch: number;
  readonly spec: TaskSpec;
  /** JSON text. */
  readonly payload: string;
  /** How long the entry stays after the task finished: the longer of its two result lifetimes. */
  readonly entryTtlSeconds: number;
  readonly key: { readonly hash: string; readonly ttlSeconds: number } | null;
}

/**
 * `duplicate`: this id was accepted before, by this very call repeated or by another. `key`: another submission has
 * the idempotency key. `stale`: the decision is out of date; decide again.
 */
export type AcceptResult =
  | { readonly status: 'accepted'; readonly acceptedAt: number }
  | { readonly status: 'duplicate'; readonly owner: BackendName; readonly acceptedAt: number }
  | { readonly status: 'key'; readonly id: string; readonly owner: BackendName; readonly confirmed: boolean }
  | { readonly status: 'stale' };

export interface StartRequest {
  readonly id: string;
  /** Unique for each delivery; repeating it after a lost answer is the same start. */
  readonly token: string;
  /** How long a failure's outcome stays, should this start find that the task is poison. 0: the task stores none. */
  readonly failureTtlSeconds: number;
}

export type StartResult =
  | { readonly status: 'granted'; readonly attempt: number; readonly failures: number }
  /** No entry. `now` is the ledger's clock, milliseconds since 1970. */
  | { readonly status: 'absent'; readonly now: number }
  | { readonly status: 'skip'; readonly why: 'moved' | 'finished' | 'cancelled' | 'parked' }
  /** Another live worker runs it. */
  | { readonly status: 'busy' };

export interface FinishRequest {
  readonly id: string;
  readonly token: string;
  readonly backend: BackendName;
  readonly state: 'succeeded' | 'failed';
  /** The stored outcome; null: the task stores none. */
  readonly outcome: Outcome | null;
  readonly outcomeTtlSeconds: number;
  readonly entryTtlSeconds: number;
  /** A copy whose entry Redis has lost is nobody's work and is forgotten. @default false */
  readonly isCopy?: boolean;
}

export type RetryResult =
  | { readonly status: 'retrying' | 'cancelled' | 'fenced' }
  | { readonly status: 'moved'; readonly task: MovedTask };

/** Everything needed to enqueue a task that changed hands. */
export interface MovedTask {
  readonly id: string;
  readonly spec: TaskSpec;
  readonly payload: string;
  readonly acceptedAt: number;
  /** The due time in force: of its retry if it is waiting for one, else of its submission. */
  readonly dueAt: number | null;
  readonly failures: number;
}

/**
 * `corrupt`: listed as open, and its record is gone or unreadable. Only of a rollback: `aside`: it has a priority, and
 * those without one come first; `later`: the answer was full, ask again; `thawed`: nobody has frozen, or somebody has
 * resumed, and nothing was done.
 */
export type ReassignResult =
  | { readonly status: 'moved'; readonly task: MovedTask }
  | { readonly status: 'left'; readonly owner: BackendName; readonly state: EntryState }
  | { readonly status: 'cancelled' | 'absent' | 'corrupt' | 'aside' | 'later' | 'thawed' };

/** One task's record, as `hybrid task` shows it. */
export interface LedgerEntry {
  readonly id: string;
  readonly owner: BackendName;
  readonly state: EntryState;
  readonly spec: TaskSpec;
  /** JSON text; null once the task has finished. */
  readonly payload: string | null;
  readonly attempt: number;
  readonly failures: number;
  readonly losses: number;
  readonly worker: string | null;
  readonly cancelRequested: boolean;
  readonly acceptedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly movedAt: number | null;
  readonly dueAt: number | null;
}

/** What one call that ends copies came to; others may end some at the same time. */
export interface CancelledCopies {
  /** Will not run. */
  readonly cancelled: number;
  /** Were running, and were asked to end; they may come to their own end first. */
  readonly asked: number;
}

/** Where copies are made and ended. Every call may be repeated after a lost answer. */
export interface CopyLedger {
  accept(request: CopyRequest): Promise<CopyResult>;
  /** Those that a live worker runs are asked to end. @returns how many were cancelled or asked */
  cancel(ids: readonly string[]): Promise<number>;
  cancelAll(signal?: AbortSignal): Promise<CancelledCopies>;
}

/** The numbers of the conservation invariant (I8), read at one instant. */
export interface LedgerCounts {
  readonly accepted: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly reassigned: number;
  readonly movedSucceeded: number;
  readonly movedFailed: number;
  readonly movedCancelled: number;
  readonly handedOver: number;
  /** Of `failed` and of `movedFailed`: entries that could not be read, and were parked. */
  readonly corrupt: number;
  readonly movedCorrupt: number;
  readonly openCanary: number;
  readonly openMoved: number;
}

/** Outcomes recorded for tasks that went to stable at once and so have no entry. */
export interface PlainCounts {
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** Both identities of I8. */
export function isConserved(c: LedgerCounts): boolean {
  return (
    c.accepted === c.succeeded + c.failed + c.cancelled + c.reassigned + c.openCanary &&
    c.reassigned === c.movedSucceeded + c.movedFailed + c.movedCancelled + c.handedOver + c.openMoved
  );
}

/** What a worker asks of the ledger. Every call may be repeated after a lost answer. */
export interface WorkerLedger {
  start(backend: BackendName, worker: WorkerLease, request: StartRequest): Promise<StartResult>;
  finish(request: FinishRequest): Promise<'recorded' | 'fenced'>;
  retry(id: string, token: string, options: { free: boolean; dueAt: number }): Promise<RetryResult>;
  adopt(backend: BackendName, id: string, entry: AdoptedEntry): Promise<void>;
}

export interface AdoptedEntry {
  readonly spec: TaskSpec;
  readonly payload: string;
  readonly acceptedAt: number;
  readonly entryTtlSeconds: number;
}

/** A worker process's right to be believed alive. */
export interface WorkerLease {
  readonly id: string;
  readonly ttlMs: number;
  /** How often a task may lose its worker before it is parked. */
  readonly maxLosses: number;
}

/** The answer to a change of the control state. */
export interface ControlChange {
  readonly status: 'ok' | 'conflict' | 'frozen';
  readonly state: ControlState;
}
