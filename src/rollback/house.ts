import type {
  FileChange,
  MovedDelivery,
  RollbackLedger,
  RollbackListener,
  ServiceResult,
} from '../domain/rollback.ts';
import type { Attendance } from './consumers.ts';
import type { Leftovers } from './tidying.ts';

/** A freeze that is in force. */
export interface Freeze {
  readonly epoch: number;
  /** It was in force before. */
  readonly wasFrozen: boolean;
  /** The round trip. */
  readonly ms: number;
}

/** The files that were made to agree, and what nobody but the team can change. */
export interface Persisted {
  readonly files: readonly FileChange[];
  readonly notes: readonly string[];
}

/** What a rollback needs of the house. Every call may be repeated. */
export interface RollbackHouse {
  readonly namespace: string;
  readonly actor: string;
  readonly ledger: RollbackLedger;
  readonly delivery: MovedDelivery;
  /** Moved tasks go to plain queues, where nobody of ours has to take them. */
  readonly isPlainStable: boolean;
  /** Where jobs of moved tasks may be left over. */
  leftovers(): Promise<readonly Leftovers[]>;
  freeze(): Promise<Freeze>;
  attendance(): Promise<Attendance>;
  readonly hasServices: boolean;
  runServices(role: ServiceResult['role']): Promise<readonly ServiceResult[]>;
  /** Makes the files that a restart reads agree with the freeze; null: they are to be left alone. */
  readonly persist: (() => Promise<Persisted>) | null;
  /** Writes what came of it into the audit log. */
  note(summary: string): Promise<void>;
  warn(message: string): void;
}

export interface RollbackOptions {
  readonly reason: string;
  /** How long running tasks may go on before they are aborted, in milliseconds. */
  readonly graceMs: number;
  /** How long after that handlers may take to end and dead workers to be noticed, in milliseconds. */
  readonly settleMs: number;
  readonly emit: RollbackListener;
  readonly signal?: AbortSignal | undefined;
}
