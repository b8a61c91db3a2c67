import { describe, it } from '@jest/globals';
import { startRedis } from '../support/redis.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

describe('a worker killed in the middle of its tasks', () => {
  it(
    'loses nothing on either backend, and each second run has its reason',
    async () => {
      const redis = await startRedis();
      const trial = await Trial.open({ redisUrl: redis.url });
      const { file } = trial.gate();
      // Only a holds these, so only its death lets them go on.
      for (const backend of ['stable', 'canary', 'stable', 'canary'] as const) {
        await trial.submit({ hold: { a: file } }, { backend });
      }
      const a = await trial.worker('a');
      for (const backend of ['stable', 'canary'] as const) {
        await trial.seen('started', (e) => e.who === 'a' && e.backend === backend);
      }
      const b = await trial.worker('b');
      const producer = await trial.producer('p');
      await trial.seenMore('ended', 50);
      await trial.kill(a);
      await trial.worker('c');
      await trial.seenMore('ended', Math.floor(trial.random() * 50));
      await trial.kill(b);
      await trial.seenMore('ended', 50);
      producer.kill('SIGTERM');
      await producer.ended;
      await trial.settled();
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});
