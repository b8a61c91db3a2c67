import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { copiesQueueOf, movedQueueOf } from '../../src/domain/task-backend.ts';
import { type DrainProgress, defineTask, type HybridTaskManager } from '../../src/index.ts';
import { enqueueMoved } from '../../src/manager/connections.ts';
import { gate } from '../support/delivery-log.ts';
import { HybridSystem, settingsFor } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, plainClient, startRedis, uniqueName } from '../support/redis.ts';

const QUICK = { everyMs: 10, quietMs: 60 };
const NEVER_QUIET = { everyMs: 10, quietMs: 3_600_000 };
const DAY_MS = 86_400_000;

let hold = gate();
const task = defineTask({
  name: 'count-words',
  queue: 'words',
  input: z.object({ hold: z.boolean().optional() }),
  output: z.null(),
  handler: async (input: { readonly hold?: boolean | undefined }) => {
    if (input.hold) await hold.opened;
    return null;
  },
});

let system: HybridSystem;
let manager: HybridTaskManager;

beforeEach(async () => {
  hold = gate();
  system = new HybridSystem({ routing: { celeryRatio: 1 } });
  manager = await system.manager([task]);
});
afterEach(async () => {
  hold.open();
  await system.close();
});
afterAll(() => expectNoLeakedConnections());

const onStable = (input = {}, options = {}) => manager.submit(task, input, { backend: 'stable', ...options });

/**
 * Drains, and lets a test wait for the first look that it wants to see.
 * @param afterFirstLook begun before the second look is, and before any quiet time can be over
 */
function draining(
  options: { everyMs: number; quietMs: number; timeoutMs?: number; signal?: AbortSignal },
  afterFirstLook = () => {},
) {
  const seen: DrainProgress[] = [];
  let wake = () => {};
  const report = manager.drainStable({
    ...options,
    onLook: (progress) => {
      seen.push(progress);
      if (seen.length === 1) afterFirstLook();
      wake();
    },
  });
  report.catch(() => {}); // the test asks for it later
  const until = async (fits: (progress: DrainProgress) => boolean): Promise<DrainProgress> => {
    for (let from = seen.length; ; from += 1) {
      while (seen.length <= from) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const progress = seen[from];
      if (progress && fits(progress)) return progress;
    }
  };
  return { report, seen, until };
}

describe('drain stable', () => {
  it('ends when every look of the quiet time has found nothing', async () => {
    const { report, seen } = draining(QUICK);
    expect(await report).toMatchObject({
      verdict: 'drained',
      quietMs: 60,
      problem: null,
      look: { isEmpty: true, openMoved: 0, unattended: [], delayed: [], active: [] },
    });
    expect(Object.keys((await report).look?.queues ?? {})).toEqual(['words', 'words.moved']);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)?.emptyForMs).toBeGreaterThanOrEqual(60);
  });

  it('waits for what is waiting and running, and says what and that nobody takes it', async () => {
    const submitted = await onStable({ hold: true });
    const { report, until } = draining(QUICK);
    const waiting = await until(() => true);
    expect(waiting).toMatchObject({
      emptyForMs: null,
      look: { isEmpty: false, queues: { words: { waiting: 1 } }, unattended: ['words'] },
    });
    await system.worker([task]);
    const running = await until(({ look }) => (look?.active.length ?? 0) > 0 && !look?.unattended.length);
    expect(running.look?.active).toMatchObject([{ queue: 'words', id: submitted.id }]);
    const again = await until(() => true);
    expect(again.look?.active[0]?.seenSince).toBe(running.look?.active[0]?.seenSince);
    hold.open();
    expect(await report).toMatchObject({ verdict: 'drained', look: { active: [] } });
  });

  it('names the jobs that stay delayed longest, the last one first, and gives up in time', async () => {
    const bee = await system.beeQueue('words');
    const now = Date.now();
    const ids: string[] = [];
    for (let days = 1; days <= 12; days += 1) {
      const job = await bee
        .createJob({})
        .setId(`in-${days}-days`)
        .delayUntil(now + days * DAY_MS)
        .save();
      ids.unshift(job.id);
    }
    const report = await manager.drainStable({ ...QUICK, timeoutMs: 50 });
    expect(report).toMatchObject({ verdict: 'timeout', emptyForMs: null });
    expect(report.look?.delayed.map(({ id }) => id)).toEqual(ids.slice(0, 10));
    expect(report.look?.delayed[0]).toMatchObject({ queue: 'words', task: null, dueAt: now + 12 * DAY_MS });
    expect(report.look?.queues.words?.delayed).toBe(12);
  });

  it('begins the quiet time again when a job arrives in it', async () => {
    // The scripts that a submission runs are known to Redis already, so that it is one word to it.
    const early = await onStable({}, { delayMs: DAY_MS });
    await manager.cancel(early.id);
    const submitted = gate();
    let late = early;
    const { report, seen, until } = draining({ everyMs: 5, quietMs: 300 }, () => {
      void onStable({}, { delayMs: DAY_MS }).then((task) => {
        late = task;
        submitted.open();
      });
    });
    await submitted.opened;
    await until(({ look }) => look?.delayed[0]?.id === late.id);
    await manager.cancel(late.id);
    expect((await report).verdict).toBe('drained');
    expect(seen[0]?.emptyForMs).toBe(0);
    const broken = seen.findLastIndex(({ emptyForMs }) => emptyForMs === null);
    expect(broken).toBeGreaterThan(0);
    expect(seen[broken + 1]?.emptyForMs).toBe(0);
  });

  it('begins it again when a job came and went between two looks', async () => {
    const redis = plainClient();
    await redis.ping(); // connected, so that what it says next is on its way at once
    const { report, seen } = draining({ everyMs: 5, quietMs: 300 }, () => {
      // What a worker's recorded outcome leaves behind, and nothing else.
      void redis.hincrby(`{${system.namespace}}:counts`, 'plain:succeeded', 1);
    });
    expect((await report).verdict).toBe('drained');
    const [first, second] = seen;
    expect(first).toMatchObject({ emptyForMs: 0, look: { isEmpty: true, ended: 0 } });
    expect(second).toMatchObject({ emptyForMs: 0, look: { isEmpty: true, ended: 1 } });
    expect(seen.at(-1)?.emptyForMs).toBeGreaterThanOrEqual(300);
  });

  it('counts failed jobs that bee-queue keeps, and does not wait for them', async () => {
    const bee = await system.beeQueue('words');
    await bee.createJob({}).setId('failed-long-ago').save();
    const redis = plainClient();
    await redis.lrem(`${system.config.stable.prefix}:words:waiting`, 0, 'failed-long-ago');
    await redis.sadd(`${system.config.stable.prefix}:words:failed`, 'failed-long-ago');
    expect(await manager.drainStable(QUICK)).toMatchObject({
      verdict: 'drained',
      look: { kept: { failed: 1, succeeded: 0 } },
    });
  });

  it('waits for tasks that came back from canary, also for one that is in no queue yet', async () => {
    const c = await system.connections();
    const { id } = await manager.submit(task, {}, { backend: 'canary' });
    const [moved] = await c.ledger.reassign([id]);
    if (moved?.status !== 'moved') throw new Error('the task was not moved');
    const { report, until } = draining(QUICK);
    const between = await until(() => true);
    expect(between.look).toMatchObject({ isEmpty: false, openMoved: 1, unattended: [] });
    await enqueueMoved(c.stable, [moved.task]);
    const queued = await until(({ look }) => look?.queues[movedQueueOf('words')]?.waiting === 1);
    expect(queued.look).toMatchObject({ openMoved: 1, unattended: ['words.moved'] });
    await system.worker([task]);
    expect(await report).toMatchObject({ verdict: 'drained', look: { openMoved: 0 } });
  });

  it('waits for copies, of which it says that they are such', async () => {
    const bee = await system.beeQueue(copiesQueueOf('words'));
    const copies = [
      await bee.createJob({}).save(),
      await bee
        .createJob({})
        .delayUntil(Date.now() + DAY_MS)
        .save(),
    ];
    const { report, until } = draining(QUICK);
    const { look, emptyForMs } = await until(() => true);
    expect(emptyForMs).toBeNull();
    expect(look).toMatchObject({
      isEmpty: false,
      copies: { 'words.copies': { waiting: 1, delayed: 1 } },
      // What somebody would have to wait for, and the queues that need a worker.
      delayed: [],
      unattended: [],
    });
    expect(Object.keys(look?.queues ?? {})).toEqual(['words', 'words.moved']);
    for (const { id } of copies) await bee.removeJob(id);
    expect(await report).toMatchObject({ verdict: 'drained', look: { copies: {} } });
  });

  it('ends by its signal', async () => {
    const abort = new AbortController();
    const { report, until } = draining({ ...NEVER_QUIET, everyMs: 3_600_000, signal: abort.signal });
    await until(() => true);
    abort.abort();
    expect(await report).toMatchObject({ verdict: 'stopped', look: { isEmpty: true } });
  });
});

describe('drain stable is refused', () => {
  const refused = async (...words: string[]) => {
    const error = await manager.drainStable(QUICK).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'E_NOT_DRAINABLE' });
    for (const word of words) expect((error as Error).message).toContain(word);
  };

  it('while a ratio is below 1, the global one or one of a task', async () => {
    await manager.setRatio(0.5, { task: 'count-words', reason: 'x' });
    await refused('task count-words has a ratio of its own, 0.5', 'hybrid ratio --task count-words --unset');
    await manager.setRatio(0.5, { reason: 'x' });
    await refused('the ratio is 0.5', 'hybrid ratio 1 --reason', 'task count-words');
  });

  it('while it is frozen', async () => {
    await manager.freeze({ reason: 'x' });
    await refused('it is frozen', 'hybrid resume');
  });

  it('where what is submitted to canary is copied to stable', async () => {
    const copying = (sampleRate: number, primary: 'stable' | 'both') =>
      new HybridSystem({ routing: { celeryRatio: 1 }, parity: { sampleRate, primary } });
    const both = copying(0.2, 'both');
    const others = [copying(0.2, 'stable'), copying(0, 'both')];
    try {
      manager = await both.manager([task]);
      await refused(
        'parity.sampleRate is 0.2 and parity.primary both',
        'may be thrown away',
        'set parity.primary to stable',
      );
      for (const other of others) {
        manager = await other.manager([task]);
        expect(await manager.drainStable(QUICK)).toMatchObject({ verdict: 'drained' });
      }
    } finally {
      for (const each of [both, ...others]) await each.close();
    }
  });

  it('where flags decide, and where no queue is known', async () => {
    const flags = new HybridSystem({ routing: { celeryRatio: 1, mode: 'flag' } });
    const empty = new HybridSystem({ routing: { celeryRatio: 1 } });
    try {
      manager = await flags.manager([task]);
      await refused('the mode is flag', 'hybrid apply');
      manager = await empty.manager([]);
      await refused('no queue is known in this namespace');
    } finally {
      await flags.close();
      await empty.close();
    }
  });

  it('in the middle, when somebody changes the routing', async () => {
    const { report, until } = draining(NEVER_QUIET);
    await until(() => true);
    await manager.setRatio(0.9, { reason: 'back a little' });
    await expect(report).rejects.toMatchObject({ code: 'E_NOT_DRAINABLE' });
  });
});

describe('drain stable in trouble', () => {
  it('ends when its manager is closed', async () => {
    const { report, until } = draining(NEVER_QUIET);
    await until(() => true);
    await manager.close();
    await expect(report).rejects.toMatchObject({ code: 'E_CLOSED' });
  });

  it('goes on looking through an outage, which is no quiet time', async () => {
    await system.close();
    const redis = await startRedis({ aof: true });
    const settings = settingsFor(uniqueName('system'));
    system = new HybridSystem({
      ...settings,
      redis: { url: redis.url, commandTimeoutMs: 2000 },
      routing: { celeryRatio: 1 },
    });
    manager = await system.manager([task]);
    const { report, seen, until } = draining({ everyMs: 10, quietMs: 1500 });
    await until(({ emptyForMs }) => emptyForMs !== null);
    await redis.kill();
    const down = await until(({ problem }) => problem !== null);
    expect(down).toMatchObject({ emptyForMs: null, look: { isEmpty: true } });
    await redis.restart();
    expect(await report).toMatchObject({ verdict: 'drained', problem: null });
    const broken = seen.findLastIndex(({ emptyForMs }) => emptyForMs === null);
    expect(seen[broken + 1]?.emptyForMs).toBe(0);
  });

  it('has no quiet time while canary is down, because tasks then go to stable', async () => {
    await system.close();
    const canary = await startRedis();
    system = new HybridSystem({
      ...settingsFor(uniqueName('system')),
      canary: { redisUrl: canary.url },
      routing: { celeryRatio: 1 },
    });
    manager = await system.manager([task]);
    const { report, until } = draining({ everyMs: 10, quietMs: 1500 });
    await until(({ emptyForMs }) => emptyForMs !== null);
    await canary.kill();
    const down = await until(({ look }) => look?.canaryReachable === false);
    expect(down).toMatchObject({ emptyForMs: null, look: { isEmpty: true } });
    await canary.restart();
    expect(await report).toMatchObject({ verdict: 'drained', look: { canaryReachable: true } });
  });
});
