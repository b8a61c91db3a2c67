import type { ControlRedis } from './control-redis.ts';

/** The queues that this namespace's processes use, so that a command without the team's tasks can count them. */
export class QueueRegistry {
  readonly #redis: ControlRedis;

  constructor(redis: ControlRedis) {
    this.#redis = redis;
  }

  async add(queues: readonly string[]): Promise<void> {
    if (queues.length === 0) return;
    const key = this.#redis.keys.queues;
    await this.#redis.ask('note queues', (redis) => redis.sadd(key, ...queues));
  }

  /** In alphabetical order. */
  async list(): Promise<readonly string[]> {
    const key = this.#redis.keys.queues;
    return (await this.#redis.ask('list queues', (redis) => redis.smembers(key))).sort();
  }
}
