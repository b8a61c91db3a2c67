import { describe, expect, it } from '@jest/globals';
import type { Aggregates } from '../../src/domain/aggregates.ts';
import type { Pair } from '../../src/domain/parity.ts';
import type { Connections } from '../../src/manager/connections.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import {
  announce,
  cellOf,
  comparedTask,
  figuresOf,
  figuresWhere,
  numbers,
  openCopies,
  settled,
  shadowScene,
} from '../support/shadow-scene.ts';

const begin = shadowScene();
const HOUR_MS = 3_600_000;

/** Copies that were made and that nobody runs. */
async function leaveCopies({ redis, namespace }: HybridSystem, count: number): Promise<void> {
  const members = numbers(count).flatMap((n) => [Date.now(), `task-left-${n}`]);
  await redis.zadd(`{${namespace}}:open:copies`, ...members);
}

/** Pairs of the task `double` that nobody looks at before a moment. */
async function leavePairs(
  { redis, namespace }: HybridSystem,
  count: number,
  lookInMs: number,
): Promise<void> {
  const lookAt = Date.now() + lookInMs;
  const pairs = numbers(count).map(
    (n): Pair => ({
      task: 'double',
      kind: 'shadow',
      primary: `task-left-${lookAt}-${n}`,
      copy: `task-left-${lookAt}-${n}-copy`,
      madeAt: lookAt - 500,
      deadline: lookAt,
      replay: null,
    }),
  );
  await announce(redis, namespace, pairs, lookAt);
}

const waitingPairs = ({ redis, namespace }: HybridSystem) => redis.zcard(`{${namespace}}:pairs:double`);
const told = ({ log }: HybridSystem) =>
  log.lines.filter(({ message }) => message.startsWith('no more copies for now'));

/** Waits until so many of the callers' own tasks have succeeded, by the figures. */
async function succeeded(c: Connections, count: number): Promise<void> {
  const ownOf = (figures: Aggregates) => cellOf(figures, 'stable', 'assigned')?.counts;
  const figures = await figuresWhere(c, (each) => ownOf(each)?.succeeded === count, `${count} runs`);
  expect(ownOf(figures)).toMatchObject({ submitted: count, succeeded: count, failed: 0 });
}

/** Submits, has every result, and lets the manager make what copies it can. */
async function submitAndClose(system: HybridSystem, task: ReturnType<typeof comparedTask>, count: number) {
  const manager = await system.manager([task]);
  const handles = await Promise.all(numbers(count).map((n) => manager.submit(task, { n })));
  expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual(numbers(count));
  await manager.close();
}

async function expectNoCopies(system: HybridSystem, c: Connections, task: { queue: string }): Promise<void> {
  const figures = await figuresOf(c);
  expect(figures.runs.map(({ backend, arm }) => `${backend} ${arm}`)).toEqual(['stable assigned']);
  expect(figures.pairs).toEqual([]);
  // Neither a record nor a job.
  expect(await system.redis.keys(`{${system.namespace}}:task:*`)).toEqual([]);
  expect(await system.bullQueue(`${task.queue}.copies`).getJobCountByTypes()).toBe(0);
}

describe('copies that nobody runs', () => {
  it('as many as may be: no further one, callers notice nothing, and it is said once', async () => {
    const [system, c] = await begin({ mostCopies: 20 });
    const task = comparedTask((n) => n);
    await system.worker([task]);
    await leaveCopies(system, 20);
    await submitAndClose(system, task, 30);
    await succeeded(c, 30);
    expect(await openCopies(system)).toBe(20);
    expect(await waitingPairs(system)).toBe(0);
    await expectNoCopies(system, c, task);
    expect(told(system)).toMatchObject([{ level: 'warn', fields: { mostCopies: 20 } }]);
  });

  it('one fewer: one is made, and it is compared', async () => {
    const [system, c] = await begin({ mostCopies: 20 });
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    for (const n of numbers(5)) await manager.submit(task, { n });
    await manager.close();
    expect(await openCopies(system)).toBe(5);

    await leaveCopies(system, 14);
    const again = await system.manager([task]);
    for (const n of numbers(5)) await again.submit(task, { n });
    await again.close();
    expect(await openCopies(system)).toBe(20);

    await system.worker([task]);
    expect((await settled(c, 6)).pairs).toMatchObject([{ kind: 'shadow', compared: 6, matched: 6 }]);
    await succeeded(c, 10);
    expect(cellOf(await figuresOf(c), 'canary', 'shadow')?.counts.submitted).toBe(6);
  });

  it('as many as hold 256 MiB, twice over, if all are as large: no further large one, but a small one', async () => {
    const [system, c] = await begin();
    const task = comparedTask((n) => n);
    const bytes = 256 * 1024;
    const pad = bytes - '{"n":1,"pad":""}'.length;
    // Redis holds bytes, of which each of these characters takes two.
    const large = { n: 1, pad: 'é'.repeat(pad / 2) };
    await leaveCopies(system, (256 * 1024 * 1024) / 2 / bytes);
    const manager = await system.manager([task]);
    for (const input of [large, large, { n: 2 }, large]) await manager.submit(task, input);
    await manager.close();
    const keys = await system.redis.keys(`{${system.namespace}}:task:*`);
    const sizes = await Promise.all(keys.map((key) => system.redis.hstrlen(key, 'payload')));
    expect(sizes.toSorted((a, b) => a - b)).toEqual(['{"n":2}'.length, bytes]);
    expect(await openCopies(system)).toBe(512 + 2);
    expect(told(system)).toHaveLength(1);

    await system.worker([task]);
    expect((await settled(c, 2)).pairs).toMatchObject([{ compared: 2, matched: 2 }]);
    await succeeded(c, 4);
  });
});

describe('pairs that nobody looks at', () => {
  it("as many as may be: no further copy of that task, callers notice nothing, others' go on", async () => {
    const [system, c] = await begin({ mostCopies: 20 });
    const task = comparedTask((n) => n);
    await system.worker([task]);
    await leavePairs(system, 20, HOUR_MS);
    await submitAndClose(system, task, 5);
    await succeeded(c, 5);
    expect(await openCopies(system)).toBe(0);
    expect(await waitingPairs(system)).toBe(20);
    await expectNoCopies(system, c, task);
    expect(told(system)).toHaveLength(1);

    const other = comparedTask((n) => n, {}, { name: 'other' });
    await system.worker([other]);
    await submitAndClose(system, other, 5);
    expect((await settled(c, 5)).pairs).toMatchObject([{ task: 'other', compared: 5, matched: 5 }]);
  });

  it('make room once they are a day late, and only those', async () => {
    const [system] = await begin({ mostCopies: 20 });
    const task = comparedTask((n) => n);
    await leavePairs(system, 12, -23 * HOUR_MS);
    await leavePairs(system, 8, -25 * HOUR_MS);
    const manager = await system.manager([task]);
    for (const n of numbers(10)) await manager.submit(task, { n });
    await manager.close();
    expect(await openCopies(system)).toBe(8);
    const key = `{${system.namespace}}:pairs:double`;
    const now = Date.now();
    const late = await system.redis.zcount(key, '-inf', now - 24 * HOUR_MS);
    const old = await system.redis.zcount(key, now - 24 * HOUR_MS, now - 22 * HOUR_MS);
    expect({ late, old, all: await waitingPairs(system) }).toEqual({ late: 0, old: 12, all: 20 });
  });
});
