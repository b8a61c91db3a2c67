import { describe, expect, it } from '@jest/globals';
import { startRedis } from '../support/redis.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

describe('Redis restarted under load', () => {
  it(
    'producers and workers go on by themselves, and nothing that was confirmed is lost',
    async () => {
      const redis = await startRedis({ aof: true });
      const trial = await Trial.open({ redisUrl: redis.url });
      await trial.worker('a');
      await trial.worker('b');
      const producer = await trial.producer('p');
      await trial.seenMore('ended', 50);
      await trial.killRedis(redis);
      await trial.restartRedis(redis);
      await trial.seenMore('ended', 50);
      // A script that Redis has forgotten is what bee-queue by itself never gets over.
      await trial.restartRedis(redis);
      await trial.seenMore('ended', 50);
      producer.kill('SIGTERM');
      expect(await producer.ended).toBe(0);
      await trial.settled();
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});
