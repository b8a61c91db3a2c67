import { describe, expect, it } from '@jest/globals';
import { gate } from '../support/delivery-log.ts';
import { aborted } from '../support/hybrid-system.ts';
import { comparedTask, numbers, openCopies, settled, shadowScene } from '../support/shadow-scene.ts';
import { waitFor } from '../support/wait-for.ts';

const begin = shadowScene();

describe('who is copied', () => {
  it('a task that does not say shadowSafe: nothing', async () => {
    const [system] = await begin();
    const task = comparedTask((n) => n, { shadowSafe: false });
    const manager = await system.manager([task]);
    await Promise.all(numbers(20).map((n) => manager.submit(task, { n })));
    await manager.close();
    expect(await openCopies(system)).toBe(0);
  });

  it('the first submission under an idempotency key, and not its repeats', async () => {
    const [system] = await begin();
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    for (const n of [1, 1, 1]) await manager.submit(task, { n }, { idempotencyKey: 'one' });
    await manager.close();
    expect(await openCopies(system)).toBe(1);
  });

  it('nobody while frozen', async () => {
    const [system] = await begin();
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    await manager.freeze({ reason: 'test' });
    await manager.submit(task, { n: 1 });
    await manager.close();
    expect(await openCopies(system)).toBe(0);
  });

  it('those of canary, to stable, where the config says so', async () => {
    const [system, c] = await begin({ primary: 'canary' }, { routing: { celeryRatio: 1 } });
    const task = comparedTask((_, { backend }) => backend);
    await system.worker([task]);
    const manager = await system.manager([task]);
    expect(await (await manager.submit(task, { n: 1 })).result()).toBe('canary');
    const [mismatch] = await settled(c, 1).then(() => manager.mismatches());
    expect(mismatch?.differences).toEqual([
      { path: '', change: 'changed', stable: '"stable"', canary: '"canary"' },
    ]);
    expect((await manager.status()).ledger).toMatchObject({ accepted: 1, succeeded: 1, conserved: true });
  });

  it('nobody whom the caller sent to a backend: that is no sample of anything', async () => {
    const [system] = await begin({ primary: 'both' }, { routing: { celeryRatio: 0.5 } });
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    for (const options of [{ backend: 'stable' }, { backend: 'canary' }] as const) {
      for (const n of numbers(5)) await manager.submit(task, { n }, options);
    }
    await manager.close();
    expect(await openCopies(system)).toBe(0);
    expect(await system.redis.zcard(`{${system.namespace}}:open:canary`)).toBe(5);
  });

  it("control copies of stable's submissions only: canary's own noise must not excuse canary", async () => {
    const [system, c] = await begin({ primary: 'both', controlShare: 1 }, { routing: { celeryRatio: 0.5 } });
    const task = comparedTask((n) => n);
    await system.worker([task]);
    const manager = await system.manager([task]);
    const handles = await Promise.all(numbers(40).map((n) => manager.submit(task, { n })));
    await Promise.all(handles.map((handle) => handle.result()));
    const onCanary = handles.filter(({ backend }) => backend === 'canary').length;
    const { pairs } = await settled(c, 40);
    const compared = Object.fromEntries(pairs.map(({ kind, compared: count }) => [kind, count]));
    expect(compared).toEqual({ control: 40 - onCanary, shadow: onCanary });
  });
});

describe('callers', () => {
  it('are not held up by copies that hang, on either backend', async () => {
    const [system] = await begin({ primary: 'both' }, { routing: { celeryRatio: 0.5 } });
    const task = comparedTask(async (n, { shadow, signal }) => {
      if (shadow) await aborted(signal);
      return n;
    });
    await system.worker([task], { concurrency: 1 });
    const manager = await system.manager([task]);
    const first = await Promise.all(numbers(12).map((n) => manager.submit(task, { n })));
    await Promise.all(first.map((handle) => handle.result()));
    const hanging = (backend: string) =>
      system.events.some((e) => e.copy && e.type === 'granted' && e.backend === backend);
    await waitFor(() => hanging('stable') && hanging('canary'), { what: 'hanging copies on both backends' });
    const second = await Promise.all(numbers(12).map((n) => manager.submit(task, { n })));
    expect(await Promise.all(second.map((handle) => handle.result()))).toEqual(numbers(12));
  });
});

describe('a rollback in the middle of shadowing', () => {
  it('cancels the copies, moves none of them, and no caller notices', async () => {
    const [system] = await begin(
      {},
      { routing: { celeryRatio: 0.5 }, worker: { heartbeatMs: 300, janitorIntervalMs: 600_000 } },
    );
    const held = gate();
    const task = comparedTask(async (n, { shadow, signal }) => {
      // Some copies are running when the rollback comes, and would run for ever.
      if (shadow) await aborted(signal);
      else await Promise.race([held.opened, aborted(signal)]);
      return n * 2;
    });
    const manager = await system.manager([task]);
    const handles = await Promise.all(numbers(60).map((n) => manager.submit(task, { n })));
    await waitFor(async () => (await openCopies(system)) > 5, { what: 'the copies to be made' });
    await system.worker([task], { concurrency: 100 });
    await waitFor(() => system.events.some(({ copy, type }) => copy && type === 'granted'), {
      what: 'a running copy',
    });
    const copies = new Set(await system.redis.zrange(`{${system.namespace}}:open:copies`, '0', '-1'));
    held.open();

    const report = await manager.rollback({ reason: 'test', graceMs: 10_000, persist: false });
    expect(report).toMatchObject({ status: 'completed', ledger: { openCanary: 0, conserved: true } });
    expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual(
      numbers(60).map((n) => n * 2),
    );
    await waitFor(async () => (await openCopies(system)) === 0, { what: 'the running copies to end' });
    for (const id of copies)
      expect(await system.redis.hget(`{${system.namespace}}:task:${id}`, 'owner')).toBe('canary');
    expect(system.events.filter(({ copy, type }) => copy && type === 'moved')).toEqual([]);
    expect((await manager.status()).ledger).toMatchObject({
      movedFailed: 0,
      cancelled: 0,
      movedCancelled: 0,
    });
  });
});
