import type { BackendName } from './task.ts';

/** A failure as it is stored and handed to the caller. Never holds the payload. */
export interface OutcomeError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
}

/** How a task ended; recorded once, whichever backend ran it. Times are milliseconds since 1970. */
export interface Outcome {
  readonly id: string;
  readonly task: string;
  readonly backend: BackendName;
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  /** The handler's result; only when succeeded and the task stores results. */
  readonly value?: unknown;
  readonly error?: OutcomeError;
  /** Runs that were started. */
  readonly attempts: number;
  readonly enqueuedAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** Where outcomes of tasks without a ledger entry are kept. */
export interface OutcomeRecorder {
  /** False: there was one already, which stays. */
  record(outcome: Outcome, ttlSeconds: number): Promise<boolean>;
  isRecorded(id: string): Promise<boolean>;
}
