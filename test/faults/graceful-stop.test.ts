import { describe, expect, it } from '@jest/globals';
import { startRedis } from '../support/redis.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

/** Nobody is to be found dead here, so nobody has to be taken for dead who only stands still for a moment. */
const ALIVE = { heartbeatMs: 5_000, stallIntervalMs: 10_000 };

describe('SIGTERM to a worker', () => {
  it(
    'under load: it ends with 0, no task is lost and none runs twice',
    async () => {
      const trial = await Trial.open({ redisUrl: (await startRedis()).url, worker: ALIVE });
      const [a, b] = [await trial.worker('a'), await trial.worker('b')];
      const producer = await trial.producer('p');
      await trial.seenMore('ended', 50);
      a.kill('SIGTERM');
      expect(await a.ended).toBe(0);
      await trial.seenMore('ended', 50);
      producer.kill('SIGTERM');
      expect(await producer.ended).toBe(0);
      await trial.settled();
      b.kill('SIGTERM');
      expect(await b.ended).toBe(0);
      await trial.expectPromisesKept();
      const runs = trial.history.flatMap((e) => (e.event === 'started' ? [e.id] : []));
      expect({ seed: trial.seed, runs: runs.length }).toEqual({ seed: trial.seed, runs: new Set(runs).size });
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'after the grace: running tasks are aborted, and run elsewhere at no cost',
    async () => {
      const worker = { ...ALIVE, shutdownGraceMs: 100 };
      const trial = await Trial.open({ redisUrl: (await startRedis()).url, worker });
      const { file } = trial.gate();
      const hold = { a: file };
      const tasks = [
        await trial.submit({ hold }, { backend: 'stable' }),
        await trial.submit({ hold }, { backend: 'canary' }),
      ];
      const a = await trial.worker('a');
      for (const { id } of tasks) await trial.seen('started', (e) => e.id === id);
      a.kill('SIGTERM');
      expect(await a.ended).toBe(0);
      await trial.worker('b');
      await trial.settled();
      await trial.expectPromisesKept();
      for (const { id } of tasks) {
        expect(trial.runsOf(id).map((run) => run.who)).toEqual(['a', 'b']);
      }
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'twice: it ends with 1 at once, and its tasks run elsewhere',
    async () => {
      const trial = await Trial.open({ redisUrl: (await startRedis()).url });
      const { file } = trial.gate();
      const hold = { a: file };
      const tasks = [
        await trial.submit({ hold }, { backend: 'stable' }),
        await trial.submit({ hold }, { backend: 'canary' }),
      ];
      const a = await trial.worker('a');
      for (const { id } of tasks) await trial.seen('started', (e) => e.id === id);
      a.kill('SIGTERM');
      expect(await a.nextLine()).toBe('stopping');
      a.kill('SIGTERM');
      expect(await a.ended).toBe(1);
      trial.note({ event: 'killed', target: a.pid });
      await trial.worker('b');
      await trial.settled();
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});
