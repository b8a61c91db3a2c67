import { createHash } from 'node:crypto';
import type { BackendName } from '../domain/task.ts';
import type { ControlRedis } from './control-redis.ts';

/** `known`: an earlier submission has the key. `confirmed` false: its enqueue on stable was never confirmed. */
export type KeyClaim =
  | { readonly status: 'claimed' }
  | {
      readonly status: 'known';
      readonly id: string;
      readonly owner: BackendName;
      readonly confirmed: boolean;
    };

/** One hash per task and key; the caller's own words do not appear in Redis. */
export function keyHash(task: string, key: string): string {
  return createHash('sha256').update(`${task}\u0000${key}`).digest('hex');
}

/** Idempotency keys of submissions that go to stable; those for canary are claimed inside `accept`. */
export class IdempotencyKeys {
  readonly #redis: ControlRedis;

  constructor(redis: ControlRedis) {
    this.#redis = redis;
  }

  async claim(hash: string, id: string, ttlSeconds: number): Promise<KeyClaim> {
    const reply = (await this.#redis.run('claim-key', [hash, id, ttlSeconds])) as string[];
    if (reply[0] === 'claimed') return { status: 'claimed' };
    return {
      status: 'known',
      id: String(reply[1]),
      owner: reply[2] as BackendName,
      confirmed: reply[3] === '1',
    };
  }

  /** The enqueue was confirmed: a repeat no longer enqueues. */
  async confirm(hash: string): Promise<void> {
    const key = this.#redis.keys.key(hash);
    await this.#redis.ask('confirm key', (redis) => redis.hset(key, 'confirmed', '1'));
  }
}
