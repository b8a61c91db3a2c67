import { afterEach, describe, expect, it } from '@jest/globals';
import { plainClient, type RedisServer, startRedis } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

describe('a producer that sleeps between its decision and its accept', () => {
  let proxy: TcpProxy;
  afterEach(() => proxy.close());

  /** Its decision for canary is in the wire's hands, and the process is stopped, while `change` happens. */
  async function sleepOver(redis: RedisServer, change: (trial: Trial) => Promise<unknown>): Promise<Trial> {
    proxy = await startTcpProxy(redis.url);
    const trial = await Trial.open({ redisUrl: proxy.url, directUrl: redis.url, ratio: 1 });
    const held = proxy.intercept('request', (request) => request.includes('"decision":{'));
    const producer = await trial.producer('p', { count: 1 });
    await held.caught;
    trial.pause(producer);
    await change(trial);
    held.pass();
    const client = plainClient(redis.url);
    // The script has run when a later command of another client is answered, and the producer knows nothing yet.
    await client.ping();
    trial.wake(producer);
    expect(await producer.ended).toBe(0);
    expect(await client.zcard(`{${trial.namespace}}:open:canary`)).toBe(0);
    expect(await client.hget(`{${trial.namespace}}:counts`, 'accepted')).toBeNull();
    await trial.worker('a');
    await trial.settled();
    await trial.expectPromisesKept();
    return trial;
  }

  it(
    'while the ratio goes to 0: its task is not accepted for canary',
    async () => {
      const trial = await sleepOver(await startRedis(), ({ manager }) =>
        manager.setRatio(0, { reason: 'while it sleeps' }),
      );
      const ok = await trial.seen('submit-ok', () => true);
      expect(ok).toMatchObject({ backend: 'stable', reason: 'ratio', epoch: 2, ratio: 0 });
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'while an operator freezes: its task is not accepted for canary',
    async () => {
      const trial = await sleepOver(await startRedis(), ({ manager }) =>
        manager.freeze({ reason: 'while it sleeps' }),
      );
      const ok = await trial.seen('submit-ok', () => true);
      expect(ok).toMatchObject({ backend: 'stable', reason: 'frozen', epoch: 2 });
    },
    FAULT_TIMEOUT_MS,
  );
});
