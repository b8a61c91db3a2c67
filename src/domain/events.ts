import type { PairKind } from './parity.ts';
import type { BackendName } from './task.ts';

/**
 * What a worker did with a delivery. `granted`: the handler is about to run. `skipped`: not run, with the reason.
 * `fenced`: the run's outcome was dropped, because the task had been given to another run meanwhile.
 */
export type WorkerEvent = {
  readonly type:
    | 'granted'
    | 'skipped'
    | 'succeeded'
    | 'failed'
    | 'retrying'
    | 'cancelled'
    | 'fenced'
    | 'moved'
    | 'stalled'
    | 'parked';
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly backend: BackendName;
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly detail?: string;
  /** A copy's, made only to be compared. Absent: somebody's own task. */
  readonly copy?: PairKind;
};

/** Called synchronously; what it throws is logged and goes no further. */
export type WorkerListener = (event: WorkerEvent) => void;
