import type { EntryHead } from '../domain/janitor.ts';
import type { CancelledCopies, LedgerCounts, ReassignResult } from '../domain/ledger.ts';
import type { FreezeBaseline, LedgerSnapshot, RollbackLedger } from '../domain/rollback.ts';
import { outcomeShardOf } from '../domain/task-id.ts';
import type { ControlRedis } from './control-redis.ts';
import type { Copies } from './copies.ts';
import type { Ledger } from './ledger.ts';
import { countsFrom, readCounts } from './ledger-counts.ts';
import { reassign } from './reassignment.ts';
import { row } from './rows.ts';

/** Longest wait for the disk, in milliseconds. */
const DURABLE_MS = 2_000;
/** Ids in one message to the workers. */
const MAX_ABORTS = 500;

/** A moved task in the form that a plain bee-queue worker takes. */
export interface HandOver {
  readonly id: string;
  /** bee-queue's key prefix with the queue's name: `bq:<queue>:`. */
  readonly keyPrefix: string;
  /** JSON text of the job. */
  readonly record: string;
  /** Milliseconds since 1970; null: at once. */
  readonly dueAt: number | null;
}

/** What only a rollback asks of the ledger. */
export class RedisRollbackLedger implements RollbackLedger {
  readonly #redis: ControlRedis;
  readonly #ledger: Ledger;
  readonly #copies: Copies;
  readonly #parkedSeconds: number;

  /** @param parkedSeconds how long the record of a parked entry stays */
  constructor(redis: ControlRedis, ledger: Ledger, copies: Copies, parkedSeconds: number) {
    this.#redis = redis;
    this.#ledger = ledger;
    this.#copies = copies;
    this.#parkedSeconds = parkedSeconds;
  }

  oldestOpen(from: number, count: number): Promise<readonly string[]> {
    const key = this.#redis.keys.openCanary;
    return this.#redis.ask('walk open tasks', (redis) =>
      redis.zrange(key, String(from), String(from + count - 1)),
    );
  }

  aside(count: number): Promise<readonly string[]> {
    const key = this.#redis.keys.evacuating;
    return this.#redis.ask('walk tasks put aside', (redis) => redis.zrange(key, '0', String(count - 1)));
  }

  async dropAside(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const key = this.#redis.keys.evacuating;
    await this.#redis.ask('drop tasks put aside', (redis) => redis.zrem(key, ...ids));
  }

  evacuate(ids: readonly string[], setsPrioritiesAside: boolean): Promise<readonly ReassignResult[]> {
    return reassign(this.#redis, ids, { onlyWhileFrozen: true, setsPrioritiesAside });
  }

  cancelCopies(signal?: AbortSignal): Promise<CancelledCopies> {
    return this.#copies.cancelAll(signal);
  }

  async parkCorrupt(ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 0) return [];
    const rows = ids.map((id) => row(id, outcomeShardOf(id))).join('');
    return (await this.#redis.run('park-corrupt', [this.#parkedSeconds, ids.length, rows])) as string[];
  }

  peek(ids: readonly string[]): Promise<readonly (EntryHead | null)[]> {
    return this.#ledger.peek(ids);
  }

  async requestAbort(ids: readonly string[]): Promise<void> {
    const channel = this.#redis.keys.abortChannel;
    for (let from = 0; from < ids.length; from += MAX_ABORTS) {
      const message = ids.slice(from, from + MAX_ABORTS).join('\n');
      await this.#redis.ask('request abort', (redis) => redis.publish(channel, message));
    }
  }

  async snapshot(): Promise<LedgerSnapshot> {
    const { keys } = this.#redis;
    const [control, ...counts] = await this.#redis.askAll('read the ledger at one moment', (redis) =>
      readCounts(redis.multi().hmget(keys.control, 'epoch', 'frozen'), keys),
    );
    const [epoch, frozen] = control as (string | null)[];
    const { plain: _plain, ...all } = countsFrom(counts);
    return { epoch: Number(epoch ?? 0), isFrozen: frozen === 'rollback', counts: all };
  }

  async baseline(): Promise<FreezeBaseline | null> {
    const key = this.#redis.keys.freeze;
    const text = await this.#redis.ask('read freeze', (redis) => redis.get(key));
    if (text === null) return null;
    const { at, epoch, openCanary, counts } = JSON.parse(text) as {
      at: number;
      epoch: number;
      openCanary: number;
      counts: readonly string[] | Record<string, never>;
    };
    // Lua writes an empty list as `{}`.
    const list = Array.isArray(counts) ? (counts as readonly string[]) : [];
    const hash: Record<string, string> = {};
    for (let i = 0; i + 1 < list.length; i += 2) hash[list[i] as string] = list[i + 1] as string;
    const { plain: _plain, conserved: _conserved, ...all } = countsFrom([hash, openCanary, 0]);
    return { at, epoch, counts: all as LedgerCounts };
  }

  async makeDurable(): Promise<string | null> {
    try {
      const reply = await this.#redis.ask('wait for the disk', (redis) =>
        redis.call('WAITAOF', 1, 0, DURABLE_MS),
      );
      return Number((reply as unknown[])[0]) === 1 ? null : 'the disk did not answer in time';
    } catch (error) {
      const { message } = error as Error;
      if (/unknown command/i.test(message)) return 'it takes Redis 7.2 to ask';
      if (/appendonly/i.test(message)) return 'its append-only file is off';
      return 'Redis did not answer the question';
    }
  }

  /** Puts moved tasks into plain queues and ends their entries, each in one step. */
  async handOver(tasks: readonly HandOver[]): Promise<readonly ('handed-over' | 'cancelled' | 'left')[]> {
    const rows = tasks.map(({ id, keyPrefix, record, dueAt }) =>
      row(id, keyPrefix, record, dueAt ?? '', outcomeShardOf(id)),
    );
    if (rows.length === 0) return [];
    return (await this.#redis.run('hand-over', [rows.length, rows.join(''), this.#redis.deathRule])) as (
      | 'handed-over'
      | 'cancelled'
      | 'left'
    )[];
  }
}
