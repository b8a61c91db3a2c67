import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { HybridTaskManager, RollbackEvent } from '../../src/index.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, type RedisServer, startRedis, waitFor } from '../support/redis.ts';
import {
  anyTask,
  beeContents,
  canarySystem,
  QUICK,
  startUnderDeadWorker,
} from '../support/rollback-scene.ts';

let server: RedisServer;
let system: HybridSystem;
let manager: HybridTaskManager;
let release: () => void;
let held: Promise<void>;

/** Runs until it is let go, whatever its signal says. */
const stubborn = anyTask(() => held, { name: 'stubborn', queue: 'stubborn' });
const task = anyTask(() => null);

beforeAll(async () => {
  server = await startRedis();
});
beforeEach(async () => {
  held = new Promise((resolve) => {
    release = resolve;
  });
  system = canarySystem(server.url, { worker: { heartbeatMs: 300, janitorIntervalMs: 100 } });
  manager = await system.manager([task, stubborn]);
});
afterEach(async () => {
  release();
  await system.close();
});
afterAll(() => expectNoLeakedConnections());

/** Calls back at the first event of a kind, in the middle of the rollback. */
function once(type: RollbackEvent['type'], act: () => unknown) {
  let isDone = false;
  return (event: RollbackEvent) => {
    if (isDone || event.type !== type) return;
    isDone = true;
    act();
  };
}

describe('a rollback that cannot be sure does not say that it is', () => {
  it('Redis that loses everything in the middle is told, with what was known before', async () => {
    await system.worker([stubborn], { backends: ['canary'] });
    const running = await manager.submit('stubborn', {}, { backend: 'canary' });
    await system.event({ type: 'granted', id: running.id });
    for (let n = 0; n < 5; n++) await manager.submit('job', { n }, { backend: 'canary' });
    const onEvent = once('waiting', () => void system.redis.flushall().then(release));
    const report = await manager.rollback({ ...QUICK, graceMs: 60_000, onEvent });
    expect(report.status).toBe('needs-person');
    expect(report.problems.map(({ code }) => code)).toContain('E_NOT_CONSERVED');
    expect(report.problems.map(({ message }) => message).join()).toContain('canary had accepted 6 tasks');
    expect(report.notes.join()).toContain('Redis forgot the freeze');
    expect(report.freeze.isInForce).toBe(true);
  });

  it('an entry that a janitor has parked before is told as well', async () => {
    const broken = await manager.submit('job', {}, { backend: 'canary' });
    await system.redis.hdel(`{${manager.config.namespace}}:task:${broken.id}`, 'payload');
    await manager.freeze({ reason: 'first the button' });
    await system.worker([task], { backends: ['stable'] });
    await waitFor(async () => (await manager.parked()).length === 1, { what: 'the janitor to park it' });
    expect(await manager.rollback(QUICK)).toMatchObject({
      status: 'needs-person',
      tasks: { parked: 1 },
      problems: [{ code: 'E_CORRUPT_ENTRY' }],
    });
  });

  it('stubborn tasks that end one by one are waited for, and named if one does not', async () => {
    await system.worker([stubborn], { backends: ['canary'] });
    const { id } = await manager.submit('stubborn', {}, { backend: 'canary' });
    await system.event({ type: 'granted', id });
    expect(await manager.rollback(QUICK)).toMatchObject({
      status: 'needs-person',
      tasks: { left: 1 },
      left: [{ id, task: 'stubborn', pid: process.pid }],
      problems: [{ code: 'E_STILL_RUNNING', command: expect.stringContaining(`kill -9 ${process.pid}`) }],
    });
    release();
    await system.event({ type: 'succeeded', id });
    expect(await manager.rollback(QUICK)).toMatchObject({ status: 'completed', tasks: { left: 0 } });
  });

  it.each([Number.NaN, -1])('a grace of %p is refused before anything is done', async (graceMs) => {
    await expect(manager.rollback({ ...QUICK, graceMs })).rejects.toMatchObject({ code: 'E_INVALID_CONFIG' });
    expect(manager.state.frozen).toBe('');
  });
});

describe('what a rollback leaves to others', () => {
  it('services of canary are not stopped once somebody has resumed', async () => {
    const services = {
      startStable: [],
      stopCanary: [{ command: 'touch should-not-be-there; exit 1', timeoutSeconds: 5 }],
    };
    const own = await system.manager([stubborn], { config: { ...system.config, services } });
    await system.worker([stubborn], { backends: ['canary'] });
    const { id } = await own.submit('stubborn', {}, { backend: 'canary' });
    await system.event({ type: 'granted', id });
    const onEvent = once('waiting', () => void manager.resume({ reason: 'I know better' }).then(release));
    const report = await own.rollback({ ...QUICK, graceMs: 60_000, services: true, onEvent });
    expect(report.problems.map(({ code }) => code)).toEqual(['E_RESUMED']);
    expect(report).toMatchObject({ services: [], freeze: { isInForce: false } });
  });

  it("a task's own ratio becomes 0 and stays its own, so that it does not follow the others afterwards", async () => {
    await manager.setRatio(0, { task: 'job', reason: 'pinned to stable' });
    await manager.rollback(QUICK);
    expect(manager.state).toMatchObject({ celeryRatio: 0, taskRatios: { job: 0 }, frozen: 'rollback' });
    await manager.resume({ reason: 'forward' });
    await manager.setRatio(1, { reason: 'all' });
    expect((await manager.submit('job', {})).backend).toBe('stable');
    expect((await manager.submit('stubborn', {})).backend).toBe('canary');
  });

  it('a moved task whose cancellation was asked for is cancelled, not handed over', async () => {
    const c = await system.connections();
    const { id } = await manager.submit('job', {}, { backend: 'canary' });
    await manager.rollback(QUICK);
    await startUnderDeadWorker(c, id, 'stable');
    expect(await manager.cancel(id)).toBe('requested');
    expect(await manager.rollback({ ...QUICK, plainStable: true })).toMatchObject({
      tasks: { handedOver: 0, cancelled: 1 },
      ledger: { conserved: true, openMoved: 0 },
    });
    expect((await beeContents(system, 'jobs')).waiting).toEqual([]);
    expect(await manager.find(id)).toMatchObject({ state: 'cancelled' });
  });

  it('handing over after a rollback to the moved queues leaves none of their jobs behind', async () => {
    for (let n = 0; n < 250; n++) await manager.submit('job', { n }, { backend: 'canary' });
    await manager.rollback(QUICK);
    await manager.rollback({ ...QUICK, plainStable: true });
    expect((await beeContents(system, 'jobs.moved')).waiting).toEqual([]);
    const data = (await beeContents(system, 'jobs')).waiting.map((job) => job.data);
    expect(data).toHaveLength(250);
  });

  it('handed over, with workers about and nobody who waits for bee-queue jobs: somebody is needed', async () => {
    await system.worker([task], { backends: ['canary'] });
    await manager.submit('job', {}, { backend: 'canary', delayMs: 3_600_000 });
    const report = await manager.rollback({ ...QUICK, plainStable: true });
    expect(report).toMatchObject({ tasks: { handedOver: 1 }, problems: [{ code: 'E_NO_STABLE_CONSUMER' }] });
    expect(report.notes.join()).toContain('activateDelayedJobs');
  });
});
