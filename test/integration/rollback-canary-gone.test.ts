import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { HybridTaskManager } from '../../src/index.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, plainClient, type RedisServer, startRedis } from '../support/redis.ts';
import { anyTask, beeContents, canarySystem, QUICK } from '../support/rollback-scene.ts';

let server: RedisServer;
let system: HybridSystem;

beforeAll(async () => {
  server = await startRedis();
});
afterEach(() => system.close());
afterAll(() => expectNoLeakedConnections());

const task = anyTask((_, { backend }) => backend);
const DOWN = /BullMQ did not answer/;

/** One of each kind that waits on canary. */
async function submitSome(manager: HybridTaskManager) {
  const options = [{}, { priority: 3 }, { delayMs: 3_600_000 }];
  const tasks = options.map((each) => manager.submit('job', {}, { backend: 'canary', ...each }));
  return (await Promise.all(tasks)).map(({ id }) => id);
}

async function movedIds(): Promise<string[]> {
  const { waiting, delayed } = await beeContents(system, 'jobs.moved');
  return [...waiting, ...delayed.map(({ job }) => job)].map(({ id }) => id).sort();
}

describe('everything comes back', () => {
  it("with canary's Redis gone for good", async () => {
    const own = await startRedis();
    system = canarySystem(server.url, { canary: { redisUrl: own.url } });
    const quick = { redis: { url: server.url, commandTimeoutMs: 1000 } };
    const config = { ...system.config, redis: { ...system.config.redis, ...quick.redis } };
    const manager = await system.manager([task], { config });
    const ids = await submitSome(manager);
    await own.stop();
    expect(await manager.planRollback()).toMatchObject({ willMove: 3, canary: { reachable: false } });
    const report = await manager.rollback(QUICK);
    expect(report).toMatchObject({ status: 'completed', tasks: { moved: 3 } });
    expect(report.notes).toContainEqual(expect.stringMatching(DOWN));
    expect(await movedIds()).toEqual(ids.sort());
  });

  it('with its queue paused; nothing of ours stays in it', async () => {
    system = canarySystem(server.url);
    const manager = await system.manager([task]);
    const bull = system.bullQueue('jobs');
    await bull.pause();
    const ids = await submitSome(manager);
    const report = await manager.rollback(QUICK);
    expect(report).toMatchObject({ status: 'completed', tasks: { moved: 3 } });
    expect(await movedIds()).toEqual(ids.sort());
    expect(await bull.getJobs()).toEqual([]);
  });

  it('with its keys destroyed', async () => {
    system = canarySystem(server.url);
    const manager = await system.manager([task]);
    const ids = await submitSome(manager);
    const keys = await system.redis.keys(`${system.config.canary.prefix}:*`);
    expect(keys.length).toBeGreaterThan(3);
    await system.redis.del(...keys);
    expect(await manager.rollback(QUICK)).toMatchObject({ status: 'completed', tasks: { moved: 3 } });
    expect(await movedIds()).toEqual(ids.sort());
  });

  it('with something else in place of its keys', async () => {
    system = canarySystem(server.url);
    const manager = await system.manager([task]);
    const ids = await submitSome(manager);
    for (const key of await system.redis.keys(`${system.config.canary.prefix}:*`))
      await system.redis.set(key, 'rubbish');
    const report = await manager.rollback(QUICK);
    expect(report).toMatchObject({ status: 'completed', tasks: { moved: 3 } });
    expect(await movedIds()).toEqual(ids.sort());
  });
});

describe('what canary holds afterwards', () => {
  it("is only what is somebody's own", async () => {
    system = canarySystem(server.url);
    const manager = await system.manager([task]);
    const bull = system.bullQueue('jobs');
    const foreign = await Promise.all([
      bull.add('theirs', { a: 1 }),
      bull.add('theirs', { a: 2 }, { priority: 5 }),
      bull.add('theirs', { a: 3 }, { delay: 3_600_000 }),
      // An id of theirs that looks like nothing of ours, and a payload that looks like ours.
      bull.add('job', { hybrid: { acceptedAt: 1 } }, { jobId: 'their-own' }),
    ]);
    await bull.upsertJobScheduler('nightly', { every: 86_400_000 });
    const scheduled = (await bull.getJobs()).length - foreign.length;
    await submitSome(manager);
    const report = await manager.rollback(QUICK);
    expect(report.notes).toContainEqual(expect.stringMatching(/schedules .* in jobs: nightly/));
    const left = await bull.getJobs();
    expect(left).toHaveLength(foreign.length + scheduled);
    expect(left.map(({ id }) => id)).toEqual(expect.arrayContaining(foreign.map(({ id }) => id)));
  });

  it('is no husk, in a thousand of them', async () => {
    system = canarySystem(server.url);
    const manager = await system.manager([task]);
    const bull = system.bullQueue('jobs');
    const foreign = await bull.add('theirs', {});
    await Promise.all(
      Array.from({ length: 1200 }, (_, i) =>
        manager.submit('job', { i }, { backend: 'canary', ...(i % 2 ? { delayMs: 3_600_000 } : {}) }),
      ),
    );
    const removed: number[] = [];
    await manager.rollback({
      ...QUICK,
      onEvent: (event) => event.type === 'tidied' && removed.push(event.removed),
    });
    expect((await bull.getJobs()).map(({ id }) => id)).toEqual([foreign.id]);
    expect(removed.at(-1)).toBe(1200);
    const keys = await plainClient(server.url).keys(`${system.config.canary.prefix}:jobs:task-*`);
    expect(keys).toEqual([]);
  });
});
