import type { WorkerRecord } from '../domain/worker-record.ts';
import type { ControlRedis } from './control-redis.ts';

/** Who is alive. A worker's life is one key with a time to live; an index makes the keys countable without SCAN. */
export class WorkerRegistry {
  readonly #redis: ControlRedis;

  constructor(redis: ControlRedis) {
    this.#redis = redis;
  }

  /**
   * Renews a worker's life for ttlMs milliseconds.
   * @returns Redis's run id, which changes when the server restarts
   */
  async beat(record: WorkerRecord, ttlMs: number): Promise<string | null> {
    const keys = this.#redis.keys;
    const [info] = await Promise.all([
      // A user without the right to INFO still gets a heartbeat; only restarts go unnoticed.
      this.#redis.ask('run id', (redis) => redis.info('server')).catch(() => ''),
      this.#redis.askAll('heartbeat', (redis) =>
        redis
          .pipeline()
          .set(keys.worker(record.id), JSON.stringify(record), 'PX', ttlMs)
          .zadd(keys.workers, record.seenAt, record.id),
      ),
    ]);
    return /^run_id:(\w+)/m.exec(info)?.[1] ?? null;
  }

  /** Says goodbye, so that nobody waits for the heartbeat to run out. */
  async leave(id: string): Promise<void> {
    const keys = this.#redis.keys;
    await this.#redis.askAll('leave', (redis) =>
      redis.pipeline().del(keys.worker(id)).zrem(keys.workers, id),
    );
  }

  /** The workers whose heartbeat is fresh. Forgets those whose heartbeat ran out. */
  async list(): Promise<readonly WorkerRecord[]> {
    const keys = this.#redis.keys;
    return this.#redis.ask('list workers', async (redis) => {
      const ids = await redis.zrange(keys.workers, '0', '-1');
      if (ids.length === 0) return [];
      const texts = await redis.mget(ids.map(keys.worker));
      const gone = ids.filter((_, i) => texts[i] === null);
      if (gone.length > 0) await redis.zrem(keys.workers, ...gone);
      return texts.flatMap((text) => (text && text !== '{}' ? [JSON.parse(text) as WorkerRecord] : []));
    });
  }
}
