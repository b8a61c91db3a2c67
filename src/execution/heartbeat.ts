import { randomUUID } from 'node:crypto';
import type { WorkerLease } from '../domain/ledger.ts';
import type { Logger } from '../domain/logger.ts';
import type { WorkerRecord } from '../domain/worker-record.ts';

/** A worker that is silent for three heartbeats counts as dead. Milliseconds. */
export function heartbeatTtlOf(intervalMs: number): number {
  return 3 * intervalMs;
}

/** Where heartbeats go. */
export interface HeartbeatSink {
  /** Returns Redis's run id, or null where it may not be asked. */
  beat(record: WorkerRecord, ttlMs: number): Promise<string | null>;
  leave(id: string): Promise<void>;
}

export interface HeartbeatOptions {
  readonly intervalMs: number;
  readonly maxLosses: number;
  readonly describe: () => Omit<WorkerRecord, 'id' | 'seenAt'>;
  readonly runningUnder: (workerId: string) => number;
  readonly log: Logger;
}

/**
 * Keeps this process's lease. After a restart of Redis, which may have come back with an older ledger, the process
 * takes a new id: entries that still name the old one become free, and no task waits for a run that nobody has. The old
 * id is kept alive until the runs that began under it have ended.
 */
export class Heartbeat {
  readonly #sink: HeartbeatSink;
  readonly #options: HeartbeatOptions;
  #lease: WorkerLease;
  #old: string[] = [];
  #runId: string | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(sink: HeartbeatSink, options: HeartbeatOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#lease = this.#newLease();
  }

  get lease(): WorkerLease {
    return this.#lease;
  }

  #newLease(): WorkerLease {
    const id = `worker-${randomUUID()}`;
    return { id, ttlMs: heartbeatTtlOf(this.#options.intervalMs), maxLosses: this.#options.maxLosses };
  }

  async begin(): Promise<void> {
    await this.#beat();
    this.#timer = setInterval(() => void this.#beatQuietly(), this.#options.intervalMs);
  }

  async #beatQuietly(): Promise<void> {
    try {
      await this.#beat();
    } catch (error) {
      this.#options.log.warn({ worker: this.#lease.id }, (error as Error).message);
    }
  }

  async #beat(): Promise<void> {
    const record = { ...this.#options.describe(), seenAt: Date.now() };
    const runId = await this.#sink.beat({ ...record, id: this.#lease.id }, this.#lease.ttlMs);
    if (runId !== null && this.#runId !== null && runId !== this.#runId) {
      this.#old.push(this.#lease.id);
      this.#lease = this.#newLease();
      this.#options.log.warn(
        { worker: this.#lease.id },
        'Redis was restarted; this worker goes on under a new id',
      );
      await this.#sink.beat({ ...record, id: this.#lease.id }, this.#lease.ttlMs);
    }
    this.#runId = runId ?? this.#runId;
    for (const id of this.#old) {
      if (this.#options.runningUnder(id) > 0) await this.#sink.beat({ ...record, id }, this.#lease.ttlMs);
      else await this.#sink.leave(id);
    }
    this.#old = this.#old.filter((id) => this.#options.runningUnder(id) > 0);
  }

  /** Stops and says goodbye. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    for (const id of [this.#lease.id, ...this.#old]) await this.#sink.leave(id);
  }

  /** Stops without a word, as a crash would: the ids run out by themselves. */
  abandon(): void {
    clearInterval(this.#timer);
  }
}
