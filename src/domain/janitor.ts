import type { LedgerEntry } from './ledger.ts';
import type { BackendName } from './task.ts';

/** What the janitor needs of the ledger. */
export interface JanitorLedger {
  /** True while this worker is the namespace's one janitor; ask again before it runs out. */
  electJanitor(worker: string, ttlMs: number): Promise<boolean>;
  /** Walks an owner's unfinished tasks with a cursor; '0' begins and, coming back, ends a round. `now` is Redis's clock. */
  scanOpen(
    owner: BackendName,
    cursor: string,
    count: number,
  ): Promise<{ readonly cursor: string; readonly tasks: readonly OpenTask[]; readonly now: number }>;
  /** The same of unfinished copies, of both owners. */
  scanCopies(
    cursor: string,
    count: number,
  ): Promise<{ readonly cursor: string; readonly tasks: readonly OpenTask[]; readonly now: number }>;
  /** Entries without their payloads, which may be large and are not needed to judge a task. */
  peek(ids: readonly string[]): Promise<readonly (EntryHead | null)[]>;
  getMany(ids: readonly string[]): Promise<readonly (LedgerEntry | null)[]>;
  /** Which of these workers have a heartbeat. */
  aliveWorkers(ids: readonly string[]): Promise<ReadonlySet<string>>;
}

export type EntryHead = Omit<LedgerEntry, 'payload'>;

export interface OpenTask {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
}
