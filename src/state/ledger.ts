import type { ChainableCommander } from 'ioredis';
import type { EntryHead, JanitorLedger, OpenTask } from '../domain/janitor.ts';
import type {
  AcceptRequest,
  AcceptResult,
  AdoptedEntry,
  FinishRequest,
  LedgerEntry,
  ReassignResult,
  RetryResult,
  StartRequest,
  StartResult,
  WorkerLease,
  WorkerLedger,
} from '../domain/ledger.ts';
import type { BackendName } from '../domain/task.ts';
import { outcomeShardOf } from '../domain/task-id.ts';
import type { ControlRedis } from './control-redis.ts';
import {
  acceptRow,
  entryFrom,
  HEAD_FIELDS,
  headFrom,
  movedTaskFrom,
  parseAccept,
  parseStart,
} from './ledger-codec.ts';
import { type AllCounts, countsFrom, readCounts } from './ledger-counts.ts';
import { reassign } from './reassignment.ts';
import { batchedRows, row } from './rows.ts';
import type { ScriptName } from './scripts.ts';

/** The assignment ledger: who owns a canary task, and what became of it. Its rules are in the Lua scripts. */
export class Ledger implements WorkerLedger, JanitorLedger {
  readonly #redis: ControlRedis;
  readonly #accept = batchedRows((rows) => this.#send('accept', [], rows));
  readonly #finish = batchedRows((rows) => this.#send('finish', [], rows));
  readonly #starts = new Map<string, (row: string) => Promise<unknown>>();

  constructor(redis: ControlRedis) {
    this.#redis = redis;
  }

  /** Calls made close together share one script call. */
  async #send(name: ScriptName, first: readonly (string | number)[], rows: readonly string[]) {
    return (await this.#redis.run(name, [...first, rows.length, rows.join('')])) as unknown[];
  }

  async accept(request: AcceptRequest): Promise<AcceptResult> {
    return parseAccept(await this.#accept(acceptRow(request)));
  }

  async start(backend: BackendName, worker: WorkerLease, request: StartRequest): Promise<StartResult> {
    const name = `${backend} ${worker.id}`;
    let start = this.#starts.get(name);
    if (!start) {
      const first = [backend, worker.id, worker.ttlMs, worker.maxLosses];
      start = batchedRows((rows) => this.#send('start', first, rows));
      this.#starts.set(name, start);
    }
    const { id, token, failureTtlSeconds } = request;
    return parseStart((await start(row(id, token, outcomeShardOf(id), failureTtlSeconds))) as unknown[]);
  }

  async finish(r: FinishRequest): Promise<'recorded' | 'fenced'> {
    const { id, token, backend, state, outcomeTtlSeconds, entryTtlSeconds, isCopy } = r;
    const outcome = r.outcome ? JSON.stringify(r.outcome) : '';
    const fields = [
      id,
      token,
      backend,
      state,
      outcome,
      outcomeTtlSeconds,
      outcomeShardOf(id),
      entryTtlSeconds,
      isCopy ? 1 : 0,
    ];
    return (await this.#finish(row(...fields))) as 'recorded' | 'fenced';
  }

  async retry(id: string, token: string, options: { free: boolean; dueAt: number }): Promise<RetryResult> {
    const args = [id, token, options.free ? '1' : '0', Math.round(options.dueAt), outcomeShardOf(id)];
    const [status, ...moved] = (await this.#redis.run('retry', args)) as string[];
    if (status !== 'moved') return { status: status as 'retrying' | 'cancelled' | 'fenced' };
    return { status, task: movedTaskFrom(id, moved) };
  }

  async cancel(id: string): Promise<'cancelled' | 'requested' | 'finished' | 'absent'> {
    return (await this.#redis.run('cancel', [id, outcomeShardOf(id)])) as
      | 'cancelled'
      | 'requested'
      | 'finished'
      | 'absent';
  }

  /** Tells the workers to abort a run that has no entry. */
  async announceCancel(id: string): Promise<void> {
    const channel = this.#redis.keys.cancelChannel;
    await this.#redis.ask('announce cancel', (redis) => redis.publish(channel, id));
  }

  /** Gives unfinished canary tasks to stable; whoever calls enqueues what comes back as `moved`. */
  async reassign(ids: readonly string[]): Promise<readonly ReassignResult[]> {
    return reassign(this.#redis, ids, { onlyWhileFrozen: false, setsPrioritiesAside: false });
  }

  async adopt(backend: BackendName, id: string, entry: AdoptedEntry): Promise<void> {
    const spec = JSON.stringify(entry.spec);
    const args = [id, backend, spec, entry.payload, entry.entryTtlSeconds, entry.acceptedAt];
    await this.#redis.run('adopt', args);
  }

  async get(id: string): Promise<LedgerEntry | null> {
    const [entry = null] = await this.getMany([id]);
    return entry;
  }

  async peek(ids: readonly string[]): Promise<(EntryHead | null)[]> {
    const keys = ids.map(this.#redis.keys.task);
    const add = (all: ChainableCommander, key: string) => all.hmget(key, ...HEAD_FIELDS);
    const rows = await this.#redis.askEach<(string | null)[]>('look at entries', keys, add);
    return rows.map((row, i) => headFrom(ids[i] as string, row ?? []));
  }

  async getMany(ids: readonly string[]): Promise<(LedgerEntry | null)[]> {
    const keys = ids.map(this.#redis.keys.task);
    const add = (all: ChainableCommander, key: string) => all.hgetall(key);
    const hashes = await this.#redis.askEach<Record<string, string>>('read entries', keys, add);
    return hashes.map((hash, i) => entryFrom(ids[i] as string, hash ?? {}));
  }

  async scanOpen(owner: BackendName, cursor: string, count: number) {
    const { openCanary, openMoved } = this.#redis.keys;
    return this.#scan(owner === 'canary' ? openCanary : openMoved, cursor, count);
  }

  async scanCopies(cursor: string, count: number) {
    return this.#scan(this.#redis.keys.openCopies, cursor, count);
  }

  async #scan(set: string, cursor: string, count: number) {
    const [page, time] = await this.#redis.askAll('walk open tasks', (redis) =>
      redis.pipeline().zscan(set, cursor, 'COUNT', count).time(),
    );
    const [next, flat] = page as [string, string[]];
    const [seconds, micros] = time as [number | string, number | string];
    const tasks: OpenTask[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      tasks.push({ id: flat[i] as string, acceptedAt: Number(flat[i + 1]) });
    }
    return { cursor: next, tasks, now: Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) };
  }

  async aliveWorkers(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const keys = ids.map(this.#redis.keys.worker);
    const found = await this.#redis.askEach<number>('look for workers', keys, (all, key) => all.exists(key));
    return new Set(ids.filter((_, i) => found[i] === 1));
  }

  async electJanitor(worker: string, ttlMs: number): Promise<boolean> {
    const lock = this.#redis.keys.janitorLock;
    return this.#redis.ask('elect janitor', async (redis) => {
      if (await redis.set(lock, worker, 'PX', ttlMs, 'NX')) return true;
      // Two janitors for a moment would do no harm: all that they do is idempotent.
      return (await redis.get(lock)) === worker && (await redis.pexpire(lock, ttlMs)) === 1;
    });
  }

  /** Counts a stall of a job without entry. @returns how often it stalled within the last ttlSeconds */
  async countStall(queue: string, id: string, ttlSeconds: number): Promise<number> {
    const key = this.#redis.keys.stalls(queue, id);
    return this.#redis.ask('count stall', async (redis) => {
      const [count] = await Promise.all([redis.incr(key), redis.expire(key, ttlSeconds)]);
      return count;
    });
  }

  /** Lists a job without entry as parked; forgets those parked longer than keepSeconds ago. */
  async park(id: string, keepSeconds: number): Promise<void> {
    const key = this.#redis.keys.parked;
    const now = Date.now();
    await this.#redis.askAll('park', (redis) =>
      redis
        .pipeline()
        .zadd(key, now, id)
        .zremrangebyscore(key, 0, now - keepSeconds * 1000),
    );
  }

  /** Tasks that lost their workers too often and are not tried again by themselves. */
  async countParked(): Promise<number> {
    const key = this.#redis.keys.parked;
    return this.#redis.ask('count parked', (redis) => redis.zcard(key));
  }

  /** The newest parked ids, newest first. */
  async parked(limit: number): Promise<readonly string[]> {
    const key = this.#redis.keys.parked;
    return this.#redis.ask('list parked', (redis) => redis.zrevrange(key, 0, limit - 1));
  }

  /** I8's numbers, read in one transaction. */
  async counts(): Promise<AllCounts> {
    const { keys } = this.#redis;
    const answers = await this.#redis.askAll('read counts', (redis) => readCounts(redis.multi(), keys));
    return countsFrom(answers);
  }
}
