import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type BeeQueue from 'bee-queue';
import type { HybridTaskManager } from '../../src/index.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, type RedisServer, startRedis, waitFor } from '../support/redis.ts';
import { anyTask, beeContents, canarySystem, QUICK } from '../support/rollback-scene.ts';

let server: RedisServer;
let system: HybridSystem;
let manager: HybridTaskManager;

const task = anyTask((_, { backend }) => backend);
const other = anyTask(() => null, { name: 'other', queue: 'others' });
const HOUR_MS = 3_600_000;
const PLAIN = { ...QUICK, plainStable: true };

beforeAll(async () => {
  server = await startRedis();
});
beforeEach(async () => {
  system = canarySystem(server.url);
  manager = await system.manager([task, other]);
});
afterEach(() => system.close());
afterAll(() => expectNoLeakedConnections());

const submit = async (input: unknown = {}, options: object = {}) =>
  (await manager.submit('job', input, { backend: 'canary', ...options })).id;

/** A team's own worker, made of nothing but bee-queue. @returns the ids that it has run */
async function plainWorker(): Promise<{ readonly bee: BeeQueue; readonly ran: string[] }> {
  const ran: string[] = [];
  const bee = await system.beeQueue('jobs', { isWorker: true, activateDelayedJobs: true });
  bee.process(async (job) => ran.push(`${job.id} ${JSON.stringify(job.data)}`));
  // It is seen by its command, which it sends after it is ready.
  await waitFor(async () => /cmd=brpoplpush/.test(String(await system.redis.client('LIST'))), {
    what: 'the plain worker to wait for jobs',
  });
  return { bee, ran };
}

describe('somebody has to take what comes back', () => {
  it('a live worker of stable does', async () => {
    await system.worker([task], { backends: ['stable'] });
    const id = await submit();
    const report = await manager.rollback(QUICK);
    expect(report).toMatchObject({ status: 'completed', problems: [] });
    expect(report.notes.join()).not.toContain('No worker');
    await system.event({ type: 'succeeded', id, backend: 'stable' });
  });

  it('if all workers are stopped that is only noted', async () => {
    await submit();
    const report = await manager.rollback(QUICK);
    expect(report).toMatchObject({ status: 'completed', problems: [] });
    expect(report.notes).toContain(
      'No worker is running at all. These wait until one of stable is started: 1 in jobs.moved.',
    );
  });

  it('workers of canary alone do not, nor those of another queue', async () => {
    await system.worker([task], { backends: ['canary'], concurrency: 1 });
    await system.worker([other], { backends: ['stable'] });
    await submit({}, { delayMs: HOUR_MS });
    expect(await manager.rollback(QUICK)).toMatchObject({
      status: 'needs-person',
      tasks: { moved: 1, left: 0 },
      problems: [
        {
          code: 'E_NO_STABLE_CONSUMER',
          message: 'Everything is back on bee-queue, but no live worker of stable takes: 1 in jobs.moved.',
          command: 'npx hybrid worker --backend stable',
        },
      ],
    });
  });

  it('but nobody is missed where nothing came back', async () => {
    await system.worker([task], { backends: ['canary'] });
    expect(await manager.rollback(QUICK)).toMatchObject({ status: 'completed', problems: [] });
  });

  it('a plain bee-queue worker does not; it is told what would help', async () => {
    const { ran } = await plainWorker();
    await submit();
    expect(await manager.rollback(QUICK)).toMatchObject({
      status: 'needs-person',
      problems: [
        {
          code: 'E_NO_STABLE_CONSUMER',
          message: expect.stringContaining('Somebody consumes bee-queue without this library'),
          command: './rollback.sh --plain-stable',
        },
      ],
    });
    expect(ran).toEqual([]);
  });
});

describe('with plainStable', () => {
  it('plain workers run every task once', async () => {
    const { bee, ran } = await plainWorker();
    const ids = await Promise.all([1, 2, 3, 4].map((n) => submit({ n }, n === 4 ? { priority: 1 } : {})));
    const report = await manager.rollback(PLAIN);
    expect(report).toMatchObject({
      status: 'completed',
      problems: [],
      tasks: { moved: 4, handedOver: 4, left: 0 },
      ledger: { conserved: true, handedOver: 4, openMoved: 0, openCanary: 0 },
    });
    const expected = ids.map((id, i) => `${id} {"n":${i + 1}}`);
    await waitFor(() => ran.length >= ids.length, { what: 'the plain worker to run all' });
    expect([...ran].sort()).toEqual(expected.sort());
    expect(await beeContents(system, 'jobs.moved')).toEqual({ waiting: [], delayed: [] });
    await manager.rollback(PLAIN);
    await bee.close(1000);
    expect(ran).toHaveLength(ids.length);
    expect(await manager.find(ids[0] ?? '')).toMatchObject({ state: 'handed-over', backend: 'stable' });
  });

  it('what an earlier run without it has moved is handed over, too, with its due time', async () => {
    const now = await submit({ n: 1 });
    const later = await submit({ n: 2 }, { delayMs: HOUR_MS });
    const c = await system.connections();
    const [due] = (await c.ledger.peek([later])).map((entry) => entry?.dueAt);
    expect(await manager.rollback(QUICK)).toMatchObject({ ledger: { openMoved: 2 } });
    const report = await manager.rollback(PLAIN);
    expect(report).toMatchObject({
      status: 'completed',
      movedByThisRun: 0,
      tasks: { moved: 2, handedOver: 2 },
      ledger: { conserved: true, openMoved: 0 },
    });
    expect(await beeContents(system, 'jobs.moved')).toEqual({ waiting: [], delayed: [] });
    const { waiting, delayed } = await beeContents(system, 'jobs');
    expect(waiting.map(({ id }) => id)).toEqual([now]);
    expect(delayed.map(({ job, dueAt }) => [job.id, dueAt])).toEqual([[later, due]]);
    // Nothing of ours that would make one of our workers look for an entry.
    expect(waiting[0]?.options.hybrid).toBeUndefined();
  });

  it('one of our own workers runs it all the same', async () => {
    const id = await submit();
    await manager.rollback(PLAIN);
    await system.worker([task], { backends: ['stable'] });
    await system.event({ type: 'succeeded', id });
    expect(await manager.find(id)).toMatchObject({ state: 'succeeded', outcome: { value: 'stable' } });
  });
});
