import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineTask, type HybridConfigInput } from '../../src/index.ts';
import { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, uniqueName } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const open: HybridSystem[] = [];
const systemWith = (change: HybridConfigInput) => {
  const system = new HybridSystem(change);
  open.push(system);
  return system;
};
afterEach(async () => {
  for (const system of open.splice(0)) await system.close();
  await expectNoLeakedConnections();
});

const taskWith = (answer: (n: number, backend: string) => unknown, options = {}) =>
  defineTask({
    name: 'double',
    queue: uniqueName('double'),
    input: z.object({ n: z.number() }),
    output: z.unknown(),
    parity: { shadowSafe: true },
    ...options,
    handler: ({ n }, { backend }) => answer(n, backend),
  });

describe('shadows', () => {
  it('run on canary beside the caller, are compared, and count as nobody\'s work', async () => {
    const task = taskWith((n, backend) => ({ doubled: backend === 'canary' && n === 7 ? 0 : n * 2 }));
    const system = systemWith({ parity: { sampleRate: 1, controlShare: 0.25 } });
    await system.worker([task]);
    const manager = await system.manager([task]);
    const handles = await Promise.all(Array.from({ length: 20 }, (_, n) => manager.submit(task, { n })));
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results).toEqual(Array.from({ length: 20 }, (_, n) => ({ doubled: n * 2 })));
    const c = await system.connections();
    let figures = await c.figures.read({ from: Date.now() - 60_000, to: Date.now() + 60_000, now: Date.now() });
    await waitFor(
      async () => {
        figures = await c.figures.read({ from: Date.now() - 60_000, to: Date.now() + 60_000, now: Date.now() });
        return figures.pairs.reduce((sum, { compared }) => sum + compared, 0) === 20;
      },
      { what: 'all pairs to be compared' },
    );
    console.log(JSON.stringify(figures.pairs), JSON.stringify(figures.runs.map((r) => [r.backend, r.arm, r.counts, [...r.timings.run]])));
    console.log(await manager.mismatches(), (await manager.status()).ledger);
  });
});
