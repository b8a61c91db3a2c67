import { afterEach, describe, expect, it } from '@jest/globals';
import { plainClient, startRedis } from '../support/redis.ts';
import { rollBack, times } from '../support/rollback-backlog.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

/** Longer than any wait for a running task: nothing is aborted. */
const LONG_GRACE_MS = 60_000;

describe('a producer that sleeps over a whole rollback', () => {
  let control: TcpProxy;
  let canary: TcpProxy;
  let url: string;
  afterEach(async () => {
    await control.close();
    await canary.close();
  });

  async function open(): Promise<Trial> {
    const redis = await startRedis();
    url = redis.url;
    control = await startTcpProxy(url);
    canary = await startTcpProxy(url);
    return Trial.open({
      redisUrl: control.url,
      canaryUrl: canary.url,
      directUrl: url,
      ratio: 1,
      watchesMoves: true,
    });
  }

  async function expectOneRunOnStable(trial: Trial): Promise<void> {
    await trial.settled();
    const { id } = await trial.seen('submit-ok', () => true);
    expect(trial.runsOf(id)).toMatchObject([{ backend: 'stable' }]);
    expect(trial.history.filter(({ event }) => event === 'started')).toHaveLength(1);
    await trial.expectPromisesKept();
  }

  it(
    'before its accept: its task is accepted nowhere but on stable',
    async () => {
      const trial = await open();
      const held = control.intercept('request', (request) => request.includes('"decision":{'));
      const producer = await trial.producer('p', { count: 1 });
      await held.caught;
      trial.pause(producer);
      expect((await rollBack(trial)).tasks.moved).toBe(0);
      held.pass();
      trial.wake(producer);
      expect(await producer.ended).toBe(0);
      expect(await plainClient(url).hget(`{${trial.namespace}}:counts`, 'accepted')).toBeNull();
      await trial.worker('a');
      await expectOneRunOnStable(trial);
    },
    FAULT_TIMEOUT_MS,
  );

  it.each(['arrives', 'is lost'] as const)(
    'before its add, which then %s: canary does not run the task',
    async (fate) => {
      const trial = await open();
      const held = canary.intercept('request', (request) => request.includes('"workMs"'));
      const producer = await trial.producer('p', { count: 1 });
      await held.caught;
      trial.pause(producer);
      expect((await rollBack(trial)).tasks.moved).toBe(1);
      if (fate === 'arrives') held.pass();
      else held.cut();
      trial.wake(producer);
      expect(await producer.ended).toBe(0);
      const { id, backend } = await trial.seen('submit-ok', () => true);
      if (fate === 'arrives') {
        // Canary's worker meets the job first, so that only the owner in the ledger keeps it from running.
        await trial.worker('canary', { backends: ['canary'] });
        const told = await trial.seen('told', (e) => e.id === id);
        expect(told).toMatchObject({ type: 'skipped', detail: 'moved' });
      } else {
        expect(backend).toBe('stable');
      }
      await trial.worker('stable', { backends: ['stable'] });
      await expectOneRunOnStable(trial);
    },
    FAULT_TIMEOUT_MS,
  );
});

describe('a worker of canary that is paused while it runs a task, and wakes up after the rollback', () => {
  it.each([
    ['ends well', 'is under way'],
    ['ends well', 'has ended'],
    ['is aborted', 'is under way'],
  ] as const)(
    'its run, which then %s, changes nothing when the run on stable %s',
    async (end, other) => {
      const trial = await Trial.open({ redisUrl: (await startRedis()).url, ratio: 1, watchesMoves: true });
      const [gateA, gateB] = [trial.gate(), trial.gate()];
      const graceMs = end === 'is aborted' ? 0 : LONG_GRACE_MS;
      const [a] = await Promise.all([
        trial.worker('a', { backends: ['canary'] }),
        trial.worker('b', { backends: ['stable'] }),
      ]);
      const task = await trial.submit({ hold: { a: gateA.file, b: gateB.file } });
      const { id } = task;
      await trial.seen('started', (e) => e.id === id);
      trial.pause(a);
      await rollBack(trial, graceMs);
      await trial.seen('started', (e) => e.id === id && e.who === 'b');
      if (other === 'has ended') {
        gateB.open();
        await trial.settled();
      }
      if (end === 'ends well') gateA.open();
      trial.wake(a);
      const said = await trial.seen('told', (e) => e.id === id && e.who === 'a' && e.type !== 'granted');
      expect(said.type).toBe('fenced');
      gateB.open();
      await trial.settled();
      const runs = trial.runsOf(id);
      expect(runs).toMatchObject([
        { who: 'a', backend: 'canary' },
        { who: 'b', backend: 'stable' },
      ]);
      expect(await task.result()).toEqual({ run: runs[1]?.run });
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});

describe('a worker of canary that is paused between being granted a task and running it', () => {
  it(
    'asks again when it wakes up after the rollback, and does not run it',
    async () => {
      const redis = await startRedis();
      const proxy = await startTcpProxy(redis.url);
      const urls = { redisUrl: proxy.url, canaryUrl: redis.url, directUrl: redis.url };
      const trial = await Trial.open({ ...urls, ratio: 1, watchesMoves: true });
      const { id } = await trial.submit();
      const isStart = (request: Buffer) => request.includes('E_POISON_TASK') && request.includes(id);
      const granted = proxy.intercept('answer', isStart);
      const a = await trial.worker('a', { backends: ['canary'] });
      await granted.caught;
      trial.pause(a);
      await trial.worker('b', { backends: ['stable'] });
      expect((await rollBack(trial)).tasks.moved).toBe(1);
      await trial.settled();
      granted.pass();
      trial.wake(a);
      const said = await trial.seen('told', (e) => e.id === id && e.who === 'a');
      expect(said).toMatchObject({ type: 'skipped', detail: 'finished' });
      expect(trial.runsOf(id)).toMatchObject([{ who: 'b', backend: 'stable' }]);
      await trial.expectPromisesKept();
      await proxy.close();
    },
    FAULT_TIMEOUT_MS,
  );
});

describe('a worker of canary that is alive', () => {
  it.each([
    ['ends in time stays where it is', LONG_GRACE_MS],
    ['heeds its signal is run again on stable, by its own word', 0],
  ] as const)(
    'what it runs and %s',
    async (_, graceMs) => {
      const trial = await Trial.open({ redisUrl: (await startRedis()).url, ratio: 1, watchesMoves: true });
      const gate = trial.gate();
      await Promise.all([
        trial.worker('a', { backends: ['canary'] }),
        trial.worker('b', { backends: ['stable'] }),
      ]);
      const { id } = await trial.submit({ hold: { a: gate.file } });
      await trial.seen('started', (e) => e.id === id);
      const back = rollBack(trial, graceMs);
      await trial.seen('rollback', (e) => e.step === 'waiting');
      if (graceMs > 0) gate.open();
      await back;
      await trial.settled();
      const backends = trial.runsOf(id).map(({ backend }) => backend);
      expect(backends).toEqual(graceMs > 0 ? ['canary'] : ['canary', 'stable']);
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});

describe('an operator who sleeps in the middle, until another has finished and resumed', () => {
  it(
    'takes nothing away from canary any more, and says why',
    async () => {
      const trial = await Trial.open({ redisUrl: (await startRedis()).url, ratio: 1, watchesMoves: true });
      await Promise.all(times(150, () => trial.submit()));
      const [sleeper] = await Promise.all([
        trial.rollback('sleeper', { death: { atEvent: 4, turns: 2, signal: 'SIGSTOP' } }),
        trial.worker('stable', { backends: ['stable'] }),
      ]);
      sleeper.kill('SIGUSR2');
      await trial.seen('rollback', (e) => e.pid === sleeper.pid && e.step.startsWith('moved'));
      const { manager } = trial;
      expect((await rollBack(trial)).tasks.moved).toBe(150);
      await manager.resume({ reason: 'forward again' });
      await manager.setRatio(1, { reason: 'forward again' });
      const again = await Promise.all(times(20, () => trial.submit()));
      trial.wake(sleeper);
      const [said, code] = await Promise.all([sleeper.nextLine(), sleeper.ended]);
      expect(code).toBe(3);
      expect(said).toContain('E_RESUMED');
      await trial.worker('canary', { backends: ['canary'] });
      await trial.settled();
      for (const { id } of again) expect(trial.runsOf(id)).toMatchObject([{ backend: 'canary' }]);
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});
