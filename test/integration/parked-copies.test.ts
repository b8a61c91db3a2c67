import { expect, it } from '@jest/globals';
import type { RunCell } from '../../src/domain/aggregates.ts';
import { comparedTask, figuresWhere, openCopies, settled, shadowScene } from '../support/shadow-scene.ts';
import { waitFor } from '../support/wait-for.ts';

const begin = shadowScene();

it.each([
  ['shadow', 'canary', 0],
  ['control', 'stable', 1],
] as const)(
  'a copy (%s) that takes its worker down is not let near a second one, and has failed',
  async (kind, owner, controlShare) => {
    const quiet = { worker: { heartbeatMs: 50, janitorIntervalMs: 600_000 } };
    const [system, c] = await begin({ controlShare }, quiet);
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    await manager.submit(task, { n: 1 });
    await waitFor(async () => (await openCopies(system)) === 1, { what: 'the copy to be made' });
    const [id = ''] = await system.redis.zrange(`{${system.namespace}}:open:copies`, '0', '-1');
    const request = { id, token: 'dead:1', failureTtlSeconds: 60 };
    const dead = await c.ledger.start(owner, { id: 'dead', ttlMs: 1, maxLosses: 3 }, request);
    expect(dead).toMatchObject({ status: 'granted' });
    await waitFor(async () => (await c.ledger.aliveWorkers(['dead'])).size === 0, {
      what: 'the worker to be dead',
    });
    await system.worker([task]);
    expect((await settled(c, 1)).pairs).toMatchObject([
      { kind, compared: 1, matched: 0, mismatched: { outcome: 1 }, dropped: 0 },
    ]);
    const [mismatch] = await manager.mismatches();
    expect(mismatch).toMatchObject({ pair: kind, kind: 'outcome', copy: id });
    expect(mismatch?.note).toContain('E_POISON_TASK');

    const isWritten = ({ counts }: RunCell) =>
      counts.submitted === 1 && counts.succeeded + counts.failed === 1;
    const { runs } = await figuresWhere(c, (each) => each.runs.filter(isWritten).length === 2, 'both runs');
    const ends = runs.map(({ backend, arm, counts }) => [backend, arm, counts.succeeded, counts.failed]);
    expect(ends.toSorted()).toEqual(
      [
        [owner, kind, 0, 1],
        ['stable', 'assigned', 1, 0],
      ].toSorted(),
    );
    expect((await manager.status()).ledger).toMatchObject({ accepted: 0, failed: 0, conserved: true });
    expect(await manager.parked()).toEqual([]);
    expect(system.typesOf(id)).toEqual(['parked']);
  },
);
