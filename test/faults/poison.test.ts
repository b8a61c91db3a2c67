import { describe, expect, it } from '@jest/globals';
import BeeQueue from 'bee-queue';
import { plainClient, startRedis } from '../support/redis.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';
import { waitFor } from '../support/wait-for.ts';

describe('a task that takes every worker down', () => {
  it.each(['stable', 'canary'] as const)(
    'is parked on %s after maxLosses, and the others run',
    async (backend) => {
      const maxLosses = 1;
      const trial = await Trial.open({ redisUrl: (await startRedis()).url, worker: { maxLosses } });
      const poison = await trial.submit({ isPoison: true }, { backend });
      for (let death = 1; death <= maxLosses + 1; death++) {
        // It may be gone before it has said that it is ready.
        const victim = await trial.worker(`victim${death}`).catch(() => trial.lastChild);
        expect(await victim.ended).toBe('SIGKILL');
        trial.note({ event: 'killed', target: victim.pid });
      }
      const survivor = await trial.worker('survivor');
      await trial.seen('told', (e) => e.id === poison.id && e.type === 'parked');
      const others = [await trial.submit({}, { backend }), await trial.submit()];
      await Promise.all(others.map((task) => task.result()));

      survivor.kill('SIGTERM');
      expect(await survivor.ended).toBe(0);
      expect(trial.runsOf(poison.id).map((run) => run.who)).toEqual(['victim1', 'victim2']);
      expect(await trial.manager.parked()).toEqual([poison.id]);
      await expect(poison.result()).rejects.toMatchObject({ code: 'E_TASK_FAILED' });
      expect((await trial.manager.find(poison.id))?.outcome?.error?.code).toBe('E_POISON_TASK');
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'is parked also if a plain bee-queue producer saved it',
    async () => {
      const redis = await startRedis();
      const trial = await Trial.open({ redisUrl: redis.url, worker: { maxLosses: 1 } });
      const plain = new BeeQueue(trial.queue, {
        redis: { url: redis.url },
        isWorker: false,
        getEvents: false,
      });
      const { id } = await plain.createJob({ n: 1, workMs: 0, isPoison: true }).save();
      await plain.close();
      for (const victim of ['victim1', 'victim2']) {
        const worker = await trial.worker(victim).catch(() => trial.lastChild);
        expect(await worker.ended).toBe('SIGKILL');
      }
      await trial.worker('survivor');
      await trial.seen('told', (e) => e.type === 'parked');
      await (await trial.submit({}, { backend: 'stable' })).result();
      expect(await trial.manager.parked()).toEqual([`${trial.queue}:${id}`]);
      expect(trial.runsOf(id).map((run) => run.who)).toEqual(['victim1', 'victim2']);
      const client = plainClient(redis.url);
      const isIdle = async () => (await client.llen(`bq:${trial.queue}:active`)) === 0;
      await waitFor(isIdle, { what: 'the job to be out of the way' });
    },
    FAULT_TIMEOUT_MS,
  );
});
