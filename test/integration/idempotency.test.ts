import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ControlRedis } from '../../src/state/control-redis.ts';
import { IdempotencyKeys, keyHash } from '../../src/state/idempotency-keys.ts';
import { expectNoLeakedConnections, plainClient, redisUrl, uniqueName } from '../support/redis.ts';

let redis: ControlRedis;
let keys: IdempotencyKeys;

beforeEach(() => {
  const namespace = uniqueName('keys');
  redis = new ControlRedis(namespace, { url: redisUrl(), commandTimeoutMs: 5000, name: namespace });
  keys = new IdempotencyKeys(redis);
});
afterEach(() => redis.close());
afterAll(() => expectNoLeakedConnections());

describe('keyHash', () => {
  it('is one per task and key, and tells neither', () => {
    const hash = keyHash('task', 'order 42');
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(keyHash('task', 'order 42')).toBe(hash);
    const others = [keyHash('task', 'order 43'), keyHash('task2', 'order 42'), keyHash('tas', 'korder 42')];
    expect(new Set([hash, ...others]).size).toBe(4);
  });
});

describe('keys of submissions to stable', () => {
  it('belong to whoever claims them first', async () => {
    expect(await keys.claim('hash', 'task-a', 100)).toEqual({ status: 'claimed' });
    expect(await keys.claim('hash', 'task-b', 100)).toEqual({
      status: 'known',
      id: 'task-a',
      owner: 'stable',
      confirmed: false,
    });
    expect(await keys.claim('other', 'task-b', 100)).toEqual({ status: 'claimed' });
  });

  it('of many claims at once one wins, and all know whose it is', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `task-${i}`);
    const claims = await Promise.all(ids.map((id) => keys.claim('hash', id, 100)));
    const winners = ids.filter((_, i) => claims[i]?.status === 'claimed');
    expect(winners).toHaveLength(1);
    const known = claims.flatMap((claim) => (claim.status === 'known' ? [claim.id] : []));
    expect(new Set(known)).toEqual(new Set(winners));
    expect(known).toHaveLength(19);
  });

  it('say whether the enqueue was confirmed', async () => {
    await keys.claim('hash', 'task-a', 100);
    await keys.confirm('hash');
    expect(await keys.claim('hash', 'task-b', 100)).toMatchObject({ id: 'task-a', confirmed: true });
  });

  it('are forgotten after their time, which a repeat does not prolong', async () => {
    const raw = plainClient();
    await keys.claim('hash', 'task-a', 1000);
    await keys.claim('hash', 'task-b', 9000);
    await keys.confirm('hash');
    const ttl = await raw.ttl(redis.keys.key('hash'));
    expect(ttl > 900 && ttl <= 1000).toBe(true);
  });
});
