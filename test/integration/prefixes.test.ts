import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HybridTaskManager, HybridWorker, resolveConfig } from '../../src/index.ts';
import { HybridSystem, settingsFor } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections } from '../support/redis.ts';
import { comparedTask } from '../support/shadow-scene.ts';

const task = comparedTask((n) => n, { shadowSafe: false }, { queue: 'jobs' });

let system: HybridSystem;
beforeEach(() => {
  system = new HybridSystem({ routing: { celeryRatio: 1 } });
});
afterEach(() => system.close());
afterAll(() => expectNoLeakedConnections());

/** What a team's other config says, with only the namespace of this one. */
const foreign = () =>
  resolveConfig({
    ...settingsFor(system.namespace),
    stable: { prefix: `other-${system.namespace}` },
    canary: { prefix: `others-${system.namespace}` },
    routing: { celeryRatio: 1 },
  });

describe('a config with other prefixes than the namespace has', () => {
  it('operates on the queues that there are, and says so: what comes back runs once', async () => {
    const manager = await system.manager([task]);
    const ids = await Promise.all([1, 2, 3].map(async (n) => (await manager.submit(task, { n })).id));
    const operator = await system.manager([], { config: foreign(), mustExist: true });
    expect(system.log.text()).toContain(
      `stable.prefix ${system.config.stable.prefix} (not other-${system.namespace})`,
    );
    expect((await operator.status()).backends.canary.queues.jobs).toMatchObject({ waiting: 3 });
    const report = await operator.rollback({ reason: 'a test', graceMs: 1_000, persist: false });
    expect(report.tasks.moved).toBe(3);
    const moved = `${system.config.stable.prefix}:jobs.moved:waiting`;
    expect((await system.redis.lrange(moved, '0', '-1')).sort()).toEqual(ids.sort());
    expect(await system.redis.keys(`other-${system.namespace}*`)).toEqual([]);
  });

  it('is refused to whoever brings or runs tasks, as long as somebody works under the old ones', async () => {
    const manager = await system.manager([task]);
    await manager.submit(task, { n: 1 });
    for (const open of [HybridTaskManager.open, HybridWorker.open]) {
      const opening = (open as (options: object) => Promise<unknown>)({
        config: foreign(),
        tasks: [task],
        log: system.log,
      });
      await expect(opening).rejects.toMatchObject({
        code: 'E_INVALID_CONFIG',
        problems: [{ path: 'stable.prefix' }, { path: 'canary.prefix' }],
      });
    }
    const worker = await system.worker([task]);
    await system.event({ type: 'succeeded' });
    const opening = HybridTaskManager.open({ config: foreign(), tasks: [task], log: system.log });
    await expect(opening).rejects.toMatchObject({ code: 'E_INVALID_CONFIG' });
    await worker.stop();
    // Nothing is left there now.
    const moved = await system.manager([task], { config: foreign() });
    expect(moved.config.stable.prefix).toBe(`other-${system.namespace}`);
  });
});
