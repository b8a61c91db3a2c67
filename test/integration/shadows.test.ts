import { describe, expect, it } from '@jest/globals';
import type { Aggregates, RunCell } from '../../src/domain/aggregates.ts';
import { gate } from '../support/delivery-log.ts';
import { aborted } from '../support/hybrid-system.ts';
import {
  cellOf,
  comparedTask,
  figuresOf,
  figuresWhere,
  numbers,
  openCopies,
  settled,
  shadowScene,
} from '../support/shadow-scene.ts';
import { waitFor } from '../support/wait-for.ts';

const begin = shadowScene();

describe('a copy', () => {
  it("runs on the other backend, is compared, and is in nobody's counts", async () => {
    const [system, c] = await begin();
    const seen: string[] = [];
    const task = comparedTask((n, { backend, shadow }) => {
      seen.push(`${backend} ${shadow}`);
      return { doubled: n * 2 };
    });
    await system.worker([task]);
    const manager = await system.manager([task]);
    const handles = await Promise.all(numbers(20).map((n) => manager.submit(task, { n })));
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results).toEqual(numbers(20).map((n) => ({ doubled: n * 2 })));

    const figures = await settled(c, 20);
    expect(figures.pairs).toMatchObject([{ kind: 'shadow', compared: 20, matched: 20, dropped: 0 }]);
    expect(seen.toSorted()).toEqual([...Array(20).fill('canary true'), ...Array(20).fill('stable false')]);
    const { ledger, plain } = await manager.status();
    expect(ledger).toMatchObject({ accepted: 0, succeeded: 0, openCanary: 0, conserved: true });
    expect(plain.succeeded).toBe(20);
    expect(await openCopies(system)).toBe(0);
    expect(system.events.filter(({ copy }) => copy === 'shadow')).toHaveLength(40);
  });

  it('that answers differently is found, with its places, and without what is sensitive', async () => {
    const [system, c] = await begin();
    const task = comparedTask(
      (n, { backend }) => ({
        sum: backend === 'canary' && n === 3 ? -1 : n,
        at: Math.random(),
        key: `SECRET-${backend}`,
      }),
      { ignore: ['/at'], sensitive: ['/key'] },
    );
    await system.worker([task]);
    const manager = await system.manager([task]);
    const [, , , odd] = await Promise.all(numbers(5).map((n) => manager.submit(task, { n })));
    const figures = await settled(c, 5);
    expect(figures.pairs).toMatchObject([
      { compared: 5, matched: 0, mismatched: { value: 5 }, paths: { '/sum': 1, '/key': 5 } },
    ]);
    const mismatches = await manager.mismatches({ task: task.name });
    expect(mismatches).toHaveLength(5);
    expect(mismatches.find(({ primary }) => primary === odd?.id)?.differences).toEqual([
      { path: '/key', change: 'changed', stable: '[redacted]', canary: '[redacted]' },
      { path: '/sum', change: 'changed', stable: '3', canary: '-1' },
    ]);
    expect(await manager.mismatches({ task: 'another' })).toEqual([]);
    const kept = await system.redis.xrange(`{${system.namespace}}:mismatches`, '-', '+');
    expect(JSON.stringify(kept)).not.toContain('SECRET');
  });

  it('that fails is a mismatch of outcomes, and the caller has its result', async () => {
    const [system, c] = await begin();
    const task = comparedTask((n, { shadow }) => {
      if (shadow) throw Object.assign(new Error('SECRET'), { code: 'E_BROKEN' });
      return n;
    });
    await system.worker([task]);
    const manager = await system.manager([task]);
    expect(await (await manager.submit(task, { n: 1 })).result()).toBe(1);
    expect((await settled(c, 1)).pairs).toMatchObject([{ mismatched: { outcome: 1 } }]);
    const hasEnded = ({ counts }: RunCell) => counts.succeeded + counts.failed === 1;
    const { runs } = await figuresWhere(c, (each) => each.runs.filter(hasEnded).length === 2, 'both runs');
    const ends = runs.map(({ backend, arm, counts }) => [backend, arm, counts.succeeded, counts.failed]);
    expect(ends.toSorted()).toEqual([
      ['canary', 'shadow', 0, 1],
      ['stable', 'assigned', 1, 0],
    ]);
    const [mismatch] = await manager.mismatches();
    expect(mismatch).toMatchObject({ kind: 'outcome', note: expect.stringContaining('E_BROKEN') });
    expect(mismatch?.note).not.toContain('SECRET');
  });

  it('that hangs is missing at the deadline and is told to end; nobody has waited for it', async () => {
    const [system, c] = await begin({ deadlineSeconds: 3 });
    const ended = gate();
    const task = comparedTask(async (n, { shadow, signal }) => {
      if (!shadow) return n;
      await aborted(signal);
      ended.open();
      throw signal.reason;
    });
    await system.worker([task]);
    const manager = await system.manager([task]);
    expect(await (await manager.submit(task, { n: 1 })).result()).toBe(1);
    expect((await settled(c, 1)).pairs).toMatchObject([{ compared: 1, mismatched: { 'canary-missing': 1 } }]);
    await ended.opened;
    await waitFor(async () => (await openCopies(system)) === 0, { what: 'the copy to be ended' });
  });

  it('that nobody takes is ended at its deadline, and leaves nothing behind in its queue', async () => {
    const [system, c] = await begin({ deadlineSeconds: 1, mostCopies: 3 });
    const task = comparedTask((n) => n);
    await system.worker([task], { backends: ['stable'] });
    const manager = await system.manager([task]);
    await Promise.all(numbers(10).map((n) => manager.submit(task, { n })));
    const figures = await settled(c, 3);
    // No more than three copies were made.
    expect(figures.pairs).toMatchObject([{ compared: 0, dropped: 3 }]);
    await waitFor(async () => (await openCopies(system)) === 0, { what: 'the copies to be ended' });
    expect(
      await system.bullQueue(`${task.queue}.copies`).getJobCounts('waiting', 'delayed', 'active'),
    ).toEqual({
      waiting: 0,
      delayed: 0,
      active: 0,
    });
  });

  it('whose record Redis has lost is forgotten', async () => {
    const [system] = await begin();
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    await manager.submit(task, { n: 1 });
    await waitFor(async () => (await openCopies(system)) === 1, { what: 'the copy to be made' });
    const [id = ''] = await system.redis.zrange(`{${system.namespace}}:open:copies`, '0', '-1');
    await waitFor(async () => (await system.bullQueue(`${task.queue}.copies`).getJob(id)) !== undefined, {
      what: 'its job',
    });
    await system.redis.del(`{${system.namespace}}:task:${id}`);
    await system.worker([task]);
    await system.event({ id, type: 'skipped' });
    expect((await manager.status()).ledger).toMatchObject({ accepted: 0, openCanary: 0, conserved: true });
  });
});

it('a task that differs from itself shows it in control pairs, and canary is not blamed', async () => {
  const [system, c] = await begin(
    { controlShare: 0.5 },
    { report: { gates: { minimumPairs: 20, minimumTasks: 20 } } },
  );
  const task = comparedTask((n) => ({ n, id: Math.random() }));
  await system.worker([task]);
  const manager = await system.manager([task]);
  const handles = await Promise.all(numbers(120).map((n) => manager.submit(task, { n })));
  await Promise.all(handles.map((handle) => handle.result()));
  await settled(c, 120);
  const report = await manager.report();
  const [comparison] = report.tasks;
  expect(comparison?.parity).toMatchObject({ matched: 0, noise: { rate: { estimate: 1 } } });
  expect(comparison?.parity.noise.pairs).toBeGreaterThan(20);
  expect(comparison?.lines.find(({ rule }) => rule === 'mismatches')?.verdict).not.toBe('failed');
  expect(report.verdict).not.toBe('failed');
});

describe('what is counted', () => {
  it('forced submissions apart, retries, times, and how fresh it is', async () => {
    const [system, c] = await begin({ sampleRate: 0 }, { routing: { celeryRatio: 0.5 } });
    const task = comparedTask(
      (n, { attempt }) => {
        if (n === 0 && attempt === 1) throw new Error('once');
        return n;
      },
      {},
      { retries: 1, backoff: { type: 'fixed', delayMs: 0 } },
    );
    await system.worker([task]);
    const manager = await system.manager([task]);
    const submitted = await Promise.all([
      ...numbers(40).map((n) => manager.submit(task, { n })),
      ...numbers(5).map((n) => manager.submit(task, { n: n + 1 }, { backend: 'canary' })),
    ]);
    await Promise.all(submitted.map((handle) => handle.result()));
    const canary = submitted.slice(0, 40).filter(({ backend }) => backend === 'canary').length;
    const writtenOf = ({ runs }: Aggregates) =>
      runs.reduce((sum, { counts }) => sum + counts.succeeded + counts.submitted, 0);
    const figures = await figuresWhere(c, (each) => writtenOf(each) === 90, 'all figures to be written');
    expect(cellOf(figures, 'canary', 'forced')?.counts).toMatchObject({
      submitted: 5,
      randomised: 0,
      succeeded: 5,
    });
    expect(cellOf(figures, 'canary', 'assigned')?.counts).toMatchObject({
      submitted: canary,
      randomised: canary,
    });
    expect(cellOf(figures, 'stable', 'assigned')?.counts).toMatchObject({
      submitted: 40 - canary,
      succeeded: 40 - canary,
    });
    expect(figures.runs.reduce((sum, { counts }) => sum + counts.retried, 0)).toBe(1);
    expect(figures.runs.reduce((sum, { counts }) => sum + counts.expectedCanary, 0)).toBeCloseTo(20);
    for (const { timings, counts } of figures.runs) {
      const timed = [...timings.run.values()].reduce((sum, n) => sum + n, 0);
      expect(timed).toBe(counts.succeeded);
    }
    const report = await manager.report();
    expect(report.newestAt).toBeGreaterThan(Date.now() - 60_000);
    expect(report.tasks).toMatchObject([
      { routed: { total: 45 }, backends: { canary: { apart: { submitted: 5 } } } },
    ]);
  });

  it('each figure once, also when its answer was lost', async () => {
    const [system, c] = await begin();
    const cell = { counts: { succeeded: 3 }, run: { 256: 3 } };
    const args = ['process-1', 1, JSON.stringify([[['runs', 'double', 'stable', 'assigned'], cell]])];
    expect(await c.control.run('add-aggregates', args)).toBe(1);
    expect(await c.control.run('add-aggregates', args)).toBe(0);
    expect(await c.control.run('add-aggregates', ['process-1', 2, ...args.slice(2)])).toBe(1);
    expect(cellOf(await figuresOf(c), 'stable', 'assigned')?.counts.succeeded).toBe(6);
    const keys = await system.redis.keys(`{${system.namespace}}:agg:*`);
    for (const key of keys) expect(await system.redis.ttl(key)).toBeGreaterThan(0);
  });
});
