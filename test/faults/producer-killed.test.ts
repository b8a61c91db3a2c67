import { describe, expect, it } from '@jest/globals';
import { plainClient, startRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

describe('a producer killed between accepting a task and enqueueing it', () => {
  it(
    'the janitor enqueues it, on canary or, if it was moved by then, on stable',
    async () => {
      const redis = await startRedis();
      const [control, canary] = [await startTcpProxy(redis.url), await startTcpProxy(redis.url)];
      const trial = await Trial.open({
        redisUrl: control.url,
        canaryUrl: canary.url,
        directUrl: redis.url,
        ratio: 1,
      });
      const client = plainClient(redis.url);

      const add = canary.intercept('request', (request) => request.includes('"workMs"'));
      const first = await trial.producer('first', { count: 1 });
      await add.caught;
      await trial.kill(first);
      add.cut();

      // The second one loses the add and dies just before it puts the moved task into stable's queue.
      const lost = canary.intercept('request', (request) => request.includes('"workMs"'));
      const enqueue = control.intercept('request', (request) => request.includes('"stacktraces"'));
      const second = await trial.producer('second', { count: 1 });
      await lost.caught;
      lost.cut();
      await enqueue.caught;
      await trial.kill(second);
      enqueue.cut();

      const key = (part: string) => `{${trial.namespace}}:${part}`;
      expect(await client.zcard(key('open:canary'))).toBe(1);
      expect(await client.zcard(key('open:moved'))).toBe(1);
      expect(await client.llen(`bull:${trial.queue}:wait`)).toBe(0);
      expect(await client.llen(`bq:${trial.queue}.moved:waiting`)).toBe(0);

      await trial.worker('a');
      const runs = [
        await trial.seen('ended', (e) => e.backend === 'canary'),
        await trial.seen('ended', (e) => e.backend === 'stable'),
      ];
      for (const { id } of runs) {
        await trial.seen('told', (e) => e.id === id && e.type === 'succeeded');
        expect(trial.runsOf(id)).toHaveLength(1);
      }
      await trial.expectPromisesKept();
      await control.close();
      await canary.close();
    },
    FAULT_TIMEOUT_MS,
  );
});
