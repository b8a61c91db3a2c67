import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { HybridTaskManager, RollbackEvent } from '../../src/index.ts';
import type { Connections } from '../../src/manager/connections.ts';
import { gate } from '../support/delivery-log.ts';
import { aborted, type HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, type RedisServer, startRedis } from '../support/redis.ts';
import {
  anyTask,
  beeContents,
  canarySystem,
  QUICK,
  startUnderDeadWorker,
} from '../support/rollback-scene.ts';

const HOUR_MS = 3_600_000;
const SECRET = 'SECRET-71ab';

let server: RedisServer;
let system: HybridSystem;
let c: Connections;

beforeAll(async () => {
  server = await startRedis();
});
beforeEach(async () => {
  system = canarySystem(server.url, { worker: { heartbeatMs: 300, janitorIntervalMs: 600_000 } });
  c = await system.connections();
});
afterEach(async () => {
  await system.close();
  expect(system.log.text()).not.toContain(SECRET);
});
afterAll(() => expectNoLeakedConnections());

const idle = anyTask(() => null);
const ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id);
const submitter = (manager: HybridTaskManager) => async (input: unknown, options: object) =>
  (await manager.submit('job', input, { backend: 'canary', ...options })).id;

describe('what waits comes back', () => {
  it('in the order of acceptance, and then what has a priority, the most urgent first', async () => {
    const submit = submitter(await system.manager([idle]));
    const low = await submit(1, { priority: 500 });
    const first = await submit(2, {});
    const high = await submit(3, { priority: 2 });
    const second = await submit(4, {});
    const alsoHigh = await submit(5, { priority: 2 });
    const third = await submit(6, {});
    const report = await (await system.manager([idle])).rollback(QUICK);
    const { waiting } = await beeContents(system, 'jobs.moved');
    expect(ids(waiting)).toEqual([first, second, third, high, alsoHigh, low]);
    expect(report).toMatchObject({ status: 'completed', movedByThisRun: 6, ledger: { conserved: true } });
    expect(report.tasks).toEqual({
      moved: 6,
      handedOver: 0,
      finishedOnCanary: 0,
      cancelled: 0,
      aborted: 0,
      parked: 0,
      left: 0,
    });
  });

  it('with its due time to the millisecond, those with a priority too', async () => {
    const manager = await system.manager([idle]);
    const submit = submitter(manager);
    const later = await submit(1, { delayMs: HOUR_MS });
    const prioritised = await submit(2, { delayMs: HOUR_MS / 2, priority: 7 });
    const overdue = await submit(3, { delayMs: 1 });
    const due = (await c.ledger.peek([later, prioritised])).map((entry) => entry?.dueAt);
    await manager.rollback(QUICK);
    const { waiting, delayed } = await beeContents(system, 'jobs.moved');
    expect(delayed.map(({ job, dueAt }) => [job.id, dueAt, job.options.delay])).toEqual([
      [prioritised, due[1], due[1]],
      [later, due[0], due[0]],
    ]);
    expect(ids(waiting)).toEqual([overdue]);
  });

  it('with timeout and backoff, from several queues', async () => {
    const tasks = ['one', '第二'].map((name, i) =>
      anyTask(() => null, {
        name: `job-${i}`,
        queue: `queue-${i}`,
        timeoutMs: 4321 + i,
        retries: 4,
        backoff: { type: 'exponential', delayMs: 70 + i, maxDelayMs: 9000 },
        ...(name === 'one' ? {} : { storeResult: false }),
      }),
    );
    const manager = await system.manager(tasks);
    for (const { name } of tasks) await manager.submit(name, { 内容: '你好' }, { backend: 'canary' });
    expect(await manager.rollback({ ...QUICK, reason: '延迟太高' })).toMatchObject({
      reason: '延迟太高',
      tasks: { moved: 2 },
    });
    for (const i of [0, 1]) {
      const { waiting } = await beeContents(system, `queue-${i}.moved`);
      expect(waiting).toMatchObject([
        {
          data: { 内容: '你好' },
          options: { retries: 4, timeout: 4321 + i, backoff: { strategy: 'exponential', delay: 70 + i } },
        },
      ]);
    }
    expect((await manager.audit(1))[0]).toMatchObject({ reason: expect.stringContaining('延迟太高') });
  });

  it.each([
    ['an empty array', '[]'],
    ['an empty string', '""'],
    ['null', 'null'],
    ['false', 'false'],
    ['nested', '{"a":[{"b":{"c":[[]]}},{}],"d":null,"":""}'],
    ['Unicode', '{"ключ 🔑":"\u2028 \\u0000 \\ud800 𝒳 ñ"}'],
    ['numbers that JavaScript has not', '{"n":12345678901234567890,"m":1e400,"z":-0.0}'],
    ['blanks and an order of its own', '{ "b" : 1,\t"2" : [ ], "1" : {} }'],
  ])('byte for byte: %s', async (_, text) => {
    const manager = await system.manager([idle]);
    const { id } = await manager.submit('job', {}, { backend: 'canary' });
    // As it stands there, whoever wrote it.
    await system.redis.hset(c.control.keys.task(id), 'payload', text);
    await manager.rollback(QUICK);
    const { waiting } = await beeContents(system, 'jobs.moved');
    expect(waiting[0]?.text).toContain(`{"data":${text},"options":`);
  });

  it('waiting for a retry: with the tries that are left, at its time', async () => {
    const retried = anyTask(
      () => {
        throw new Error('not yet');
      },
      { retries: 3, backoff: { type: 'fixed', delayMs: HOUR_MS } },
    );
    const manager = await system.manager([retried]);
    const worker = await system.worker([retried], { backends: ['canary'] });
    const { id } = await manager.submit('job', SECRET, { backend: 'canary' });
    await system.event({ type: 'retrying', id });
    await worker.stop();
    const [entry] = await c.ledger.peek([id]);
    await manager.rollback(QUICK);
    const { delayed } = await beeContents(system, 'jobs.moved');
    expect(delayed).toMatchObject([{ dueAt: entry?.dueAt, job: { id, options: { retries: 2 } } }]);
    expect(entry?.dueAt).toBeGreaterThan(Date.now());
  });

  it('of a dead worker: runs again, and costs no try', async () => {
    const runs: string[] = [];
    const task = anyTask((_, { backend, attempt }) => `${runs.push(backend)} ${attempt}`);
    const manager = await system.manager([task]);
    const { id } = await manager.submit('job', 1, { backend: 'canary' });
    await startUnderDeadWorker(c, id);
    expect(await manager.rollback(QUICK)).toMatchObject({ status: 'completed', tasks: { moved: 1 } });
    await system.worker([task]);
    await system.event({ type: 'succeeded', id });
    expect(runs).toEqual(['stable']);
    expect(await manager.find(id)).toMatchObject({ state: 'succeeded', backend: 'stable' });
  });

  it('not if its cancel was asked for: then it is cancelled', async () => {
    const manager = await system.manager([idle]);
    const task = await manager.submit('job', 1, { backend: 'canary' });
    await startUnderDeadWorker(c, task.id);
    expect(await manager.cancel(task.id)).toBe('requested');
    const { tasks, ledger } = await manager.rollback(QUICK);
    expect({ tasks, ledger }).toMatchObject({
      tasks: { cancelled: 1, moved: 0 },
      ledger: { cancelled: 1, conserved: true },
    });
    await expect(task.result()).rejects.toMatchObject({ code: 'E_TASK_FAILED', status: 'cancelled' });
    expect((await beeContents(system, 'jobs.moved')).waiting).toEqual([]);
  });

  it('a hundred of the largest payloads, in answers of a bounded size', async () => {
    const manager = await system.manager([idle]);
    const text = 'x'.repeat(c.config.limits.payloadBytes - 2);
    const submitted = await Promise.all(Array.from({ length: 100 }, () => submitter(manager)(text, {})));
    await manager.freeze({ reason: 'test' });
    const statuses = (await c.rollbackLedger.evacuate(submitted, true)).map(({ status }) => status);
    const moved = statuses.filter((status) => status === 'moved').length;
    expect(moved).toBeLessThanOrEqual(5);
    expect(statuses).toEqual([...Array(moved).fill('moved'), ...Array(100 - moved).fill('later')]);
    const report = await manager.rollback(QUICK);
    expect(report).toMatchObject({ status: 'completed', tasks: { moved: 100 }, movedByThisRun: 100 - moved });
    expect(new Set(ids((await beeContents(system, 'jobs.moved')).waiting)).size).toBe(100);
  });

  it('nothing, where there is nothing', async () => {
    const manager = await system.manager([idle]);
    const report = await manager.rollback(QUICK);
    expect(report).toMatchObject({ status: 'completed', movedByThisRun: 0, tasks: { moved: 0, left: 0 } });
    expect(manager.state).toMatchObject({ frozen: 'rollback', celeryRatio: 0 });
  });
});

describe('what runs', () => {
  const waiting = (report: (event: RollbackEvent) => void) => (event: RollbackEvent) => {
    if (event.type === 'waiting') report(event);
  };

  it('may finish on canary within the grace', async () => {
    const door = gate();
    const task = anyTask(async (_, { backend }) => {
      await door.opened;
      return backend;
    });
    const manager = await system.manager([task]);
    await system.worker([task]);
    const held = await manager.submit('job', 1, { backend: 'canary' });
    await system.event({ type: 'granted', id: held.id });
    const onEvent = waiting(() => door.open());
    const report = await manager.rollback({ ...QUICK, graceMs: 60_000, onEvent });
    expect(report).toMatchObject({
      status: 'completed',
      tasks: { finishedOnCanary: 1, moved: 0, aborted: 0, left: 0 },
    });
    expect(await held.result()).toBe('canary');
  });

  it('is aborted through its signal after the grace, and runs on stable, at the cost of no try', async () => {
    const task = anyTask(async (_, { backend, signal }) => {
      if (backend === 'stable') return backend;
      await aborted(signal);
      throw signal.reason;
    });
    const manager = await system.manager([task]);
    await system.worker([task]);
    const held = await manager.submit('job', 1, { backend: 'canary' });
    await system.event({ type: 'granted', id: held.id });
    const events: RollbackEvent[] = [];
    const report = await manager.rollback({ ...QUICK, graceMs: 30, onEvent: waiting((e) => events.push(e)) });
    expect(report).toMatchObject({
      status: 'completed',
      tasks: { finishedOnCanary: 0, moved: 1, aborted: 1, left: 0 },
    });
    expect(events[0]).toMatchObject({ running: 1, abortInMs: expect.any(Number) });
    // No retries: a try that was lost would be its last one.
    expect(await held.result()).toBe('stable');
    expect((await manager.status()).ledger).toMatchObject({ movedSucceeded: 1, conserved: true });
  });

  it('is never moved under a live worker, and named if it ignores its signal', async () => {
    const door = gate();
    const task = anyTask(async (_, { backend }) => {
      await door.opened;
      return backend;
    });
    const manager = await system.manager([task]);
    await system.worker([task]);
    const held = await manager.submit('job', { secret: SECRET }, { backend: 'canary' });
    await system.event({ type: 'granted', id: held.id });
    const report = await manager.rollback(QUICK);
    const place = { id: held.id, task: 'job', host: hostname(), pid: process.pid };
    expect(report).toMatchObject({
      status: 'needs-person',
      tasks: { moved: 0, aborted: 0, left: 1 },
      left: [place],
      problems: [
        { code: 'E_STILL_RUNNING', message: expect.stringContaining(`${hostname()}:${process.pid}`) },
      ],
    });
    expect((await beeContents(system, 'jobs.moved')).waiting).toEqual([]);
    door.open();
    expect(await held.result()).toBe('canary');
    expect(await manager.rollback(QUICK)).toMatchObject({
      status: 'completed',
      tasks: { finishedOnCanary: 1 },
    });
  });
});
