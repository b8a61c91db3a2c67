import { expect, it } from '@jest/globals';
import type { BackendName } from '../../src/domain/task.ts';
import type { Connections } from '../../src/manager/connections.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import {
  comparedTask,
  figuresWhere,
  numbers,
  openCopies,
  settled,
  shadowScene,
} from '../support/shadow-scene.ts';
import { waitFor } from '../support/wait-for.ts';

const begin = shadowScene();
const DAY_MS = 86_400_000;
const NOTHING_OPEN = { submitted: 1, succeeded: 0, failed: 0 };

/** The only copy is begun by a worker that dies of it. @returns the copy's id */
async function loseTheCopy(system: HybridSystem, c: Connections, owner: BackendName): Promise<string> {
  await waitFor(async () => (await openCopies(system)) === 1, { what: 'the copy to be made' });
  const [id = ''] = await system.redis.zrange(`{${system.namespace}}:open:copies`, '0', '-1');
  const request = { id, token: 'dead:1', failureTtlSeconds: 60 };
  const dead = await c.ledger.start(owner, { id: 'dead', ttlMs: 1, maxLosses: 3 }, request);
  expect(dead).toMatchObject({ status: 'granted' });
  await waitFor(async () => (await c.ledger.aliveWorkers(['dead'])).size === 0, {
    what: 'the worker to be dead',
  });
  return id;
}

it.each([
  ['shadow', 'canary', 0],
  ['control', 'stable', 1],
] as const)(
  'a copy (%s) that lost its worker is not let near a second one, and nobody is blamed',
  async (kind, owner, controlShare) => {
    const quiet = { worker: { heartbeatMs: 50, janitorIntervalMs: 600_000 } };
    const [system, c] = await begin({ controlShare }, quiet);
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    await manager.submit(task, { n: 1 });
    const id = await loseTheCopy(system, c, owner);
    await system.worker([task]);
    expect((await settled(c, 1)).pairs).toMatchObject([{ kind, compared: 0, dropped: 1 }]);
    expect(await manager.mismatches()).toEqual([]);
    const { runs } = await figuresWhere(
      c,
      (figures) => figures.runs.some(({ counts }) => counts.succeeded === 1),
      'the run of the task itself',
    );
    expect(runs.find(({ arm }) => arm === kind)?.counts).toMatchObject(NOTHING_OPEN);
    expect((await manager.status()).ledger).toMatchObject({ accepted: 0, failed: 0, conserved: true });
    expect(await manager.parked()).toEqual([]);
    expect([await openCopies(system), system.typesOf(id)]).toEqual([0, ['skipped']]);
  },
);

it('nor where no other worker takes its copies before the deadline', async () => {
  const quiet = { worker: { heartbeatMs: 50, janitorIntervalMs: 600_000 } };
  const [system, c] = await begin({ deadlineSeconds: 2 }, quiet);
  const task = comparedTask((n) => n);
  const manager = await system.manager([task]);
  await manager.submit(task, { n: 1 });
  await loseTheCopy(system, c, 'canary');
  await system.worker([task], { backends: ['stable'] });
  expect((await settled(c, 1)).pairs).toMatchObject([{ compared: 0, dropped: 1 }]);
});

it('a task that is called off before it was due is not run as a copy either', async () => {
  const [system, c] = await begin({ primary: 'both' });
  const ran: boolean[] = [];
  const task = comparedTask((n, { shadow }) => ran.push(shadow) && n);
  const manager = await system.manager([task]);
  for (const backend of ['stable', 'canary'] as const) {
    await manager.setRatio(backend === 'canary' ? 1 : 0, { reason: 'a test' });
    const { id } = await manager.submit(task, { n: 1 }, { delayMs: 1_000 });
    await waitFor(async () => (await openCopies(system)) > (backend === 'canary' ? 1 : 0), {
      what: 'a copy',
    });
    expect(await manager.cancel(id)).toBe('cancelled');
  }
  await system.worker([task]);
  const { pairs } = await settled(c, 2);
  expect(pairs.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(2);
  await waitFor(async () => (await openCopies(system)) === 0, { what: 'the copies to be ended' });
  expect(ran).toEqual([]);
});

it('copies of a task that no worker knows any more do not take the room of others for ever', async () => {
  const [system, c] = await begin({ mostCopies: 3 }, { worker: { janitorIntervalMs: 50 } });
  const [old, current] = [comparedTask((n) => n), comparedTask((n) => n, {}, { name: 'current' })];
  const manager = await system.manager([old, current]);
  for (const n of numbers(3)) await manager.submit(old, { n });
  await waitFor(async () => (await openCopies(system)) === 3, { what: 'three copies' });
  const { redis, namespace } = system;
  // As if they had been made a day ago.
  for (const id of await redis.zrange(`{${namespace}}:open:copies`, '0', '-1')) {
    await redis.hincrby(`{${namespace}}:task:${id}`, 'acceptedAt', -DAY_MS);
    await redis.zincrby(`{${namespace}}:open:copies`, -DAY_MS, id);
  }
  await system.worker([current]);
  await waitFor(async () => (await openCopies(system)) === 0, { what: 'the old copies to be ended' });
  const isEmpty = async () => {
    const { waiting, delayed, active } = await c.canary.counts(`${old.queue}.copies`);
    return waiting + delayed + active === 0;
  };
  await waitFor(isEmpty, { what: 'their jobs to be gone' });
  await manager.submit(current, { n: 1 });
  const { pairs } = await settled(c, 1);
  expect(pairs).toMatchObject([{ task: 'current', matched: 1 }]);
});
