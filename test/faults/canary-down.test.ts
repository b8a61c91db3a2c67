import { describe, expect, it } from '@jest/globals';
import { startRedis } from '../support/redis.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

describe("canary's Redis is stopped while everything goes to canary", () => {
  it(
    'submissions go to stable and say so, and to canary again when it is back, even if it lost its jobs',
    async () => {
      const [control, canary] = [await startRedis(), await startRedis()];
      const trial = await Trial.open({ redisUrl: control.url, canaryUrl: canary.url, ratio: 1 });
      await trial.worker('a');
      const producer = await trial.producer('p');
      await trial.seenMore('ended', 50);

      await trial.killRedis(canary);
      await trial.seen('submit-ok', (e) => e.reason === 'canary-down');
      await trial.seenMore('submit-ok', 50);
      // Without append-only file: whatever waited in it is gone, and the janitor has to enqueue it again.
      await trial.restartRedis(canary);
      const back = trial.history.length;
      await trial.seen('submit-ok', (e) => e.backend === 'canary' && trial.history.indexOf(e) > back);
      await trial.seenMore('ended', 50);

      producer.kill('SIGTERM');
      expect(await producer.ended).toBe(0);
      await trial.settled();
      await trial.expectPromisesKept();
      const went = trial.history.flatMap((e) =>
        e.event === 'submit-ok' ? [`${e.backend} ${e.reason}`] : [],
      );
      expect([...new Set(went)].sort()).toEqual(['canary ratio', 'stable canary-down']);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'a canary that answers nothing holds a submission up no longer than its time limit',
    async () => {
      const [control, canary] = [await startRedis(), await startRedis()];
      const trial = await Trial.open({ redisUrl: control.url, canaryUrl: canary.url, ratio: 1 });
      expect((await trial.submit()).decision).toMatchObject({ backend: 'canary', reason: 'ratio' });
      trial.note({ event: 'redis-down', server: canary.url });
      canary.pause();
      const held = await Promise.all(Array.from({ length: 20 }, () => trial.submit()));
      expect(new Set(held.map((task) => `${task.backend} ${task.decision.reason}`))).toEqual(
        new Set(['stable canary-down']),
      );
      canary.resume();
      trial.note({ event: 'redis-up', server: canary.url });
      await trial.worker('a');
      await trial.settled();
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});
