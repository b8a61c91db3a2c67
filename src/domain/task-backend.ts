import type { PairKind } from './parity.ts';
import type { BackendName, Backoff } from './task.ts';

/** What the rest of the code may ask of a backend, instead of asking for its name. */
export interface BackendCapabilities {
  /** Jobs of one queue can overtake each other by priority. */
  readonly priority: boolean;
  /** A delivery can be handed back to run a little later without counting as a try. */
  readonly postpone: boolean;
  /** A queue can be paused and resumed for all consumers. */
  readonly pause: boolean;
}

/** A JSON value and its one text; the text is what Redis holds, byte for byte. */
export interface EncodedJson {
  readonly text: string;
  readonly value: unknown;
}

/** Rides on every job of a ledger task, so that a worker can tell it from somebody's plain job. */
export interface JobMark {
  /** When the ledger accepted the task, milliseconds since 1970. */
  readonly acceptedAt: number;
  /** It is a copy, made only to be compared. Absent: somebody's own task. */
  readonly copy?: PairKind;
}

/** One job to put in a queue. */
export interface EnqueueRequest {
  readonly id: string;
  /** The backend's queue name: the task's queue, or its moved queue. */
  readonly queue: string;
  readonly task: string;
  /** Write the task's name on the job: its queue serves several tasks. A marked job always carries it. */
  readonly namesTask: boolean;
  readonly payload: EncodedJson;
  readonly mark: JobMark | null;
  /** It did not come to its backend by ratio or flag, so comparisons leave it out. Stable's jobs cannot carry it. @default false */
  readonly isForced?: boolean;
  /** Extra tries after the first one. */
  readonly retries: number;
  readonly backoff: Required<Backoff>;
  readonly timeoutMs: number;
  /** Earliest start, milliseconds since 1970; null: at once. A time in the past means at once. */
  readonly dueAt: number | null;
  /** 1 (first) to 2_097_151 (last); null: none. Ignored where the backend cannot. */
  readonly priority: number | null;
  /** When the submission happened, milliseconds since 1970. */
  readonly enqueuedAt: number;
}

/** `duplicate`: a job of that id is there already, untouched. */
export type EnqueueResult =
  | { readonly status: 'added' }
  | { readonly status: 'duplicate' }
  | { readonly status: 'error'; readonly error: Error };

/** live: waiting, delayed or active. dead: kept after completion or failure. */
export type JobPresence = 'live' | 'dead' | 'absent';

export interface BackendJobInfo {
  readonly id: string;
  readonly state: 'waiting' | 'delayed' | 'active' | 'succeeded' | 'failed';
  readonly enqueuedAt: number | null;
  readonly dueAt: number | null;
}

export interface BackendCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly succeeded: number;
  readonly failed: number;
}

/** One job of a queue as a list shows it. What is null is not known: the job does not say, or its record is unreadable. */
export interface ListedJob {
  readonly id: string;
  /** null also for a plain bee-queue job in a queue of one task. */
  readonly task: string | null;
  /** It carries a `JobMark`. */
  readonly isMarked: boolean;
  readonly enqueuedAt: number | null;
  /** When a delayed job is due, milliseconds since 1970; null for the others. */
  readonly dueAt: number | null;
}

export type ListedState = 'waiting' | 'delayed' | 'active';

/** One job handed to this process to run. */
export interface Delivery {
  readonly backend: BackendName;
  /** The backend's queue name it came from. */
  readonly queue: string;
  readonly id: string;
  /** null: the job does not say (a plain bee-queue job in a queue of one task). */
  readonly task: string | null;
  readonly data: unknown;
  readonly mark: JobMark | null;
  readonly isForced: boolean;
  readonly enqueuedAt: number;
  /** When it was to begin at the earliest, milliseconds since 1970: `enqueuedAt`, or later for a delayed one. */
  readonly dueAt: number;
  /** Tries that the backend itself counted before this one, and how many it would still allow after it. */
  readonly failuresBefore: number;
  readonly retriesLeft: number;
  /** Publishes progress through the backend. */
  progress(value: unknown): Promise<void>;
}

/** How a delivery ended; the backend acts on it. */
export type Settlement =
  | { readonly kind: 'complete'; readonly value?: unknown }
  /** Run again after `delayMs`, or after what the job's own options say if null; the failure is counted. */
  | { readonly kind: 'retry'; readonly delayMs: number | null; readonly error: Error }
  /** Failed for good, whatever tries are left. */
  | { readonly kind: 'fail'; readonly error: Error }
  /** Not run; deliver again after `delayMs`. Only where `capabilities.postpone`. */
  | { readonly kind: 'postpone'; readonly delayMs: number };

export type RunDelivery = (delivery: Delivery) => Promise<Settlement>;

export interface ConsumeOptions {
  /** Deliveries at once in this process, for this queue. */
  readonly concurrency: number;
  /** A job that shows no sign of life for this long is delivered again, in milliseconds. */
  readonly stallIntervalMs: number;
  /** Told of every job that stalled. This consumer begins no further delivery before it has settled. */
  readonly onStalled?: (id: string) => unknown;
  /** Told of a delivery that cannot be run at all (its record is gone or unreadable), after it was taken out of the way. */
  readonly onUnreadable?: (id: string, problem: string) => void;
  /** Told of connection trouble; the consumer goes on trying by itself. */
  readonly onError?: (error: Error) => void;
}

export interface Consumer {
  /** Takes nothing new and waits for what is running, at most `graceMs`. True when nothing was left running. */
  stop(graceMs: number): Promise<boolean>;
}

/**
 * A queue system, as the rest of the house sees it. Batches in, batches out: one result per request, in order.
 * Every method rejects only with errors of `errors.ts` (never a client library's own, which carry payloads), and
 * within `commandTimeoutMs` when its Redis does not answer.
 */
export interface TaskBackend {
  readonly name: BackendName;
  /** The product behind it: `bee-queue`, `bullmq`, `memory`. */
  readonly product: string;
  readonly capabilities: BackendCapabilities;
  /** Resolves when the first connection works. @throws {RedisUnreachableError} */
  ready(): Promise<void>;
  /** False as soon as the connection is known to be down. Costs no round trip. */
  isReachable(): boolean;
  /** Idempotent per id: an id that is there already is left as it is. */
  enqueue(requests: readonly EnqueueRequest[]): Promise<readonly EnqueueResult[]>;
  has(queue: string, ids: readonly string[]): Promise<readonly JobPresence[]>;
  info(queue: string, id: string): Promise<BackendJobInfo | null>;
  /** Removes a job that no handler is running, in whatever state. True if one was there. */
  remove(queue: string, id: string): Promise<boolean>;
  /**
   * Removes jobs that nobody is running, many at once. Made for ids in the order of `list`, where each costs constant
   * time however long the queue is; elsewhere a waiting one costs a search of the waiting ones before it.
   * Left as they are: active and dead jobs (`remove` is for those), and what its product needs for other jobs (the next
   * run of a schedule, the child of a BullMQ flow).
   * @param near the place in `list` of the first of them: then a waiting one is searched about there only
   * @returns how many were removed
   */
  discard(queue: string, ids: readonly string[], near?: number): Promise<number>;
  counts(queue: string): Promise<BackendCounts>;
  /**
   * A page of jobs: waiting and active ones in the order in which they will be (were) taken, delayed ones by due time.
   * More than 1000 are read in several steps, between which the queue may move.
   */
  list(queue: string, state: ListedState, from: number, count: number): Promise<readonly ListedJob[]>;
  /** Names of the schedules that make jobs in this queue by themselves (BullMQ's job schedulers). Empty where there is no such thing. */
  schedules(queue: string): Promise<readonly string[]>;
  consume(queue: string, run: RunDelivery, options: ConsumeOptions): Promise<Consumer>;
  pause(queue: string): Promise<void>;
  resume(queue: string): Promise<void>;
  close(): Promise<void>;
}

/** The bee-queue queue that holds what came back from canary for `queue`. */
export function movedQueueOf(queue: string): string {
  return `${queue}.moved`;
}

/**
 * The queue of both backends that holds the copies of `queue`'s tasks. Of its own, so that a copy takes neither a place nor a
 * slot from anybody's task, and so that nobody but this library's workers takes one.
 */
export function copiesQueueOf(queue: string): string {
  return `${queue}.copies`;
}

/** Whether a name is kept for the two queues above. */
export function isOwnQueue(queue: string): boolean {
  return queue.endsWith('.moved') || queue.endsWith('.copies');
}
