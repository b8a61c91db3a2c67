import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HybridTaskManager, resolveConfig } from '../../src/index.ts';
import { expectNoLeakedConnections, plainClient, type RedisServer, startRedis } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

/** Requests by what only they say. */
const accept = (n: number) => (request: Buffer) => request.includes('"decision":') && names(request, n);
const add = (n: number) => (request: Buffer) => names(request, n);
const enqueue = (n: number) => (request: Buffer) => request.includes('"stacktraces"') && names(request, n);
const names = (request: Buffer, n: number) => request.includes(`"n":${n},`);
const start = (id: string) => (request: Buffer) => request.includes('E_POISON_TASK') && request.includes(id);
const finish = (id: string) => (request: Buffer) =>
  request.includes('"status":"succeeded"') && request.includes(id);
/** Longer than anything is held up that is not to be given up. */
const PATIENT_MS = 30_000;
/** Of a producer that is to give up: it is waited for. */
const IMPATIENT_MS = 1_000;

describe('an answer of Redis is lost', () => {
  let redis: RedisServer;
  let control: TcpProxy;
  let canary: TcpProxy;
  let trial: Trial;
  /** Its answers are lost; the trial's own manager speaks to Redis directly. */
  let producer: HybridTaskManager;

  beforeAll(async () => {
    redis = await startRedis();
    control = await startTcpProxy(redis.url);
    canary = await startTcpProxy(redis.url);
  });
  afterAll(async () => {
    await control.close();
    await canary.close();
    await expectNoLeakedConnections();
  });

  async function open(ratio: number, producerTimeoutMs = PATIENT_MS): Promise<void> {
    trial = await Trial.open({
      redisUrl: control.url,
      canaryUrl: canary.url,
      directUrl: redis.url,
      ratio,
      commandTimeoutMs: PATIENT_MS,
    });
    const wire = { ...trial.config.redis, commandTimeoutMs: producerTimeoutMs };
    const config = resolveConfig({ ...trial.config, redis: wire, log: { level: 'silent' } });
    producer = await HybridTaskManager.open({ config, tasks: [trial.task] });
    trial.alsoClose(producer);
    // The first call of a script is a question whether Redis knows it; here only the later ones are disturbed.
    await trial.submit({ n: 1 }, {}, producer);
  }

  async function expectOneRunEach(): Promise<void> {
    await trial.settled();
    await trial.expectPromisesKept();
    const runs = trial.history.filter((e) => e.event === 'started').length;
    const ids = new Set(trial.history.flatMap((e) => (e.event === 'submit-ok' ? [e.id] : [])));
    expect(runs).toBe(ids.size);
  }

  it(
    'accept: asked again, it is the same task',
    async () => {
      await open(1);
      await trial.worker('a');
      const dropped = control.dropAnswer(accept(2));
      const task = await trial.submit({ n: 2 }, {}, producer);
      await dropped;
      expect(task.backend).toBe('canary');
      await expectOneRunEach();
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'accept stays silent: E_UNKNOWN, and the repeat under its id makes no second task',
    async () => {
      await open(1, IMPATIENT_MS);
      await trial.worker('a');
      for (const [n, what] of [
        [2, 'request'],
        [3, 'answer'],
      ] as const) {
        const held = control.intercept(what, accept(n));
        const first = producer.submit(trial.task, { n, workMs: 0 }, { stickyKey: 'k' });
        const unknown = await first.catch((error: unknown) => error);
        expect(unknown).toMatchObject({ code: 'E_UNKNOWN' });
        const { id } = unknown as { id: string };
        held.pass();
        const again = await trial.submit({ n }, { id }, producer);
        expect(again.id).toBe(id);
        expect(again.backend).toBe('canary');
      }
      await expectOneRunEach();
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    "add: the task is stable's, and canary skips the job that had arrived",
    async () => {
      await open(1);
      const dropped = canary.dropAnswer(add(2));
      const task = await trial.submit({ n: 2 }, {}, producer);
      await dropped;
      expect(task.decision).toMatchObject({ backend: 'stable', reason: 'canary-down' });
      expect(await plainClient(redis.url).exists(`bull:${trial.queue}:${task.id}`)).toBe(1);
      // Canary's worker meets it first, so that only the owner in the ledger keeps it from running.
      await trial.worker('canary', { backends: ['canary'] });
      await trial.seen('told', (e) => e.id === task.id && e.type !== 'succeeded');
      expect(trial.runsOf(task.id)).toEqual([]);
      await trial.worker('stable', { backends: ['stable'] });
      await expectOneRunEach();
      expect(trial.runsOf(task.id)).toMatchObject([{ backend: 'stable' }]);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'add, and a worker of canary runs the task already: that is a success',
    async () => {
      await open(1);
      await trial.worker('a');
      const { file, open: openGate } = trial.gate();
      const answer = canary.intercept('answer', add(2));
      const submitting = trial.submit({ n: 2, hold: { a: file } }, {}, producer);
      await trial.seen('started', (e) => e.n === 2);
      answer.cut();
      const task = await submitting;
      expect(task.backend).toBe('canary');
      openGate();
      await expectOneRunEach();
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'the enqueue on stable: asked again, it is the same job',
    async () => {
      await open(0, IMPATIENT_MS);
      await trial.worker('a');
      const dropped = control.dropAnswer(enqueue(2));
      await trial.submit({ n: 2 }, {}, producer);
      await dropped;
      control.stall();
      const unknown = await producer.submit(trial.task, { n: 3, workMs: 0 }).catch((error: unknown) => error);
      expect(unknown).toMatchObject({ code: 'E_UNKNOWN' });
      // What was on its way arrives now, and so does the repeat.
      control.flow();
      const again = await trial.submit({ n: 3 }, { id: (unknown as { id: string }).id }, producer);
      expect(again.backend).toBe('stable');
      await expectOneRunEach();
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'start and finish: asked again, it is the same run',
    async () => {
      await open(1);
      const first = await trial.submit({}, {}, trial.manager);
      const starts = control.dropAnswer(start(first.id));
      const finishes = control.dropAnswer(finish(first.id));
      const plain = await trial.submit({}, { backend: 'stable' }, trial.manager);
      const records = control.dropAnswer(finish(plain.id));
      await trial.worker('a');
      await Promise.all([starts, finishes, records]);
      await expectOneRunEach();
      expect((await trial.manager.find(first.id))?.attempts).toBe(1);
    },
    FAULT_TIMEOUT_MS,
  );
});
