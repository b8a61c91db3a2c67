import { describe, expect, it } from '@jest/globals';
import { type RedisServerOptions, startRedis } from '../support/redis.ts';
import { expectBack, expectMovesCounted, makeBacklog, rollBack, times } from '../support/rollback-backlog.ts';
import { FAULT_TIMEOUT_MS, Trial, type TrialProcess } from '../support/trial.ts';

/** Longer than any wait for a running task: nothing is aborted. */
const LONG_GRACE_MS = 60_000;

async function openTrial(options: { readonly canaryUrl?: string; readonly redis?: RedisServerOptions } = {}) {
  const redis = await startRedis(options.redis);
  const trial = await Trial.open({
    redisUrl: redis.url,
    ...(options.canaryUrl ? { canaryUrl: options.canaryUrl } : {}),
    ratio: 0.9,
    watchesMoves: true,
    backoffMs: 700,
    worker: { maxLosses: 100 },
  });
  return { trial, redis };
}

describe('several operators roll back at once', () => {
  it.each([2, 4])(
    '%i of them, one of whom is killed: the others end with 0, and nothing is moved twice',
    async (count) => {
      const { trial } = await openTrial();
      const [random, atEvent] = [trial.random, 3 + Math.floor(trial.random() * 10)];
      const death = { atEvent, turns: Math.floor(random() * 5) };
      const [operators, worker] = await Promise.all([
        Promise.all(times(count, (i) => trial.rollback(`operator${i}`, { death: i === 0 ? death : null }))),
        trial.worker('a'),
      ]);
      const backlog = await makeBacklog(trial, worker);
      for (const operator of operators) operator.kill('SIGUSR2');
      backlog.endSome();
      const [mortal, ...others] = operators as [TrialProcess, ...TrialProcess[]];
      expect(await mortal.ended).toBe('SIGKILL');
      for (const operator of others) await expectBack(trial, operator);
      backlog.endAll();
      await backlog.repeatKeyed();
      await trial.settled();
      await expectMovesCounted(trial);
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});

describe('a rollback while the house falls apart', () => {
  it(
    'workers and producers are killed again and again, and an operator too',
    async () => {
      const { trial } = await openTrial();
      // It has said six things by the time that it waits for the keeper, also where a new worker leaves it nothing to move.
      const deaths = [{ atEvent: 3 + Math.floor(trial.random() * 4), turns: 1 }, null];
      const [operators, keeper, firstProducer] = await Promise.all([
        Promise.all(
          deaths.map((death, i) => trial.rollback(`operator${i}`, { death, graceMs: LONG_GRACE_MS })),
        ),
        trial.worker('keeper'),
        trial.producer('producer0'),
      ]);
      const [mortal, last] = operators as [TrialProcess, TrialProcess];
      let [worker, producer, count] = [keeper, firstProducer, 0];
      const fallApart = async (...victims: TrialProcess[]) => {
        count += 1;
        for (const victim of victims) await trial.kill(victim);
        [worker, producer] = await Promise.all([
          trial.worker(`worker${count}`),
          trial.producer(`producer${count}`),
        ]);
        await trial.seen('submit-ok', (e) => e.pid === producer.pid);
        await trial.seen('ended', (e) => e.pid === worker.pid);
      };
      const backlog = await makeBacklog(trial, keeper);
      mortal.kill('SIGUSR2');
      await fallApart(producer);
      expect(await mortal.ended).toBe('SIGKILL');
      last.kill('SIGUSR2');
      await fallApart(worker, producer);
      // It holds tasks of canary, and so the rollback; what it loses by its death comes back as well.
      await fallApart(keeper, worker, producer);
      await expectBack(trial, last);
      producer.kill('SIGTERM');
      expect(await producer.ended).toBe(0);
      await backlog.repeatKeyed();
      await trial.settled();
      await expectMovesCounted(trial);
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'Redis is killed in the middle of the moving, and restarted in the middle of the waiting',
    async () => {
      const { trial, redis } = await openTrial({ redis: { aof: true } });
      const backlog = await makeBacklog(trial, await trial.worker('a'));
      const back = rollBack(trial, LONG_GRACE_MS);
      await trial.seen('rollback', (e) => e.step.startsWith('moved'));
      await trial.killRedis(redis);
      await trial.restartRedis(redis);
      await trial.seen('rollback', (e) => e.step === 'waiting');
      await trial.restartRedis(redis);
      backlog.endAll();
      await back;
      await trial.settled();
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    "canary's Redis is stopped for good",
    async () => {
      const canary = await startRedis();
      const { trial } = await openTrial({ canaryUrl: canary.url });
      const backlog = await makeBacklog(trial, await trial.worker('a'));
      await trial.killRedis(canary);
      backlog.endSome();
      const report = await rollBack(trial);
      expect(report.notes.join()).toContain('BullMQ did not answer');
      backlog.endAll();
      await backlog.repeatKeyed();
      await trial.settled();
      await expectMovesCounted(trial);
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});
