import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, type RedisServer, startRedis, waitFor } from '../support/redis.ts';
import { anyTask, canarySystem, QUICK, startUnderDeadWorker } from '../support/rollback-scene.ts';

let server: RedisServer;
const systems: HybridSystem[] = [];
const task = anyTask(() => null);

beforeAll(async () => {
  server = await startRedis();
});
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close();
});
afterAll(() => expectNoLeakedConnections());

function systemWith(heartbeatMs: number): HybridSystem {
  const system = canarySystem(server.url, { worker: { heartbeatMs } });
  systems.push(system);
  return system;
}

/** A task that runs under a worker that nobody has heard of. */
async function underSilentWorker(system: HybridSystem) {
  const manager = await system.manager([task]);
  const { id } = await manager.submit('job', {}, { backend: 'canary' });
  const c = await system.connections();
  await startUnderDeadWorker(c, id);
  return { c, id, manager };
}

describe('after an outage of Redis nobody is judged dead before a heartbeat could have come', () => {
  it('by a server that has just begun', async () => {
    // The server is younger than three of these heartbeats.
    const { c, id } = await underSilentWorker(systemWith(600_000));
    expect(await c.ledger.reassign([id])).toEqual([{ status: 'left', owner: 'canary', state: 'running' }]);
  });

  it('by one that has been up for longer', async () => {
    const { c, id } = await underSilentWorker(systemWith(10));
    const isMoved = async () => (await c.ledger.reassign([id]))[0]?.status === 'moved';
    await waitFor(isMoved, { what: 'the server to be older than a second' });
    expect(await c.ledger.get(id)).toMatchObject({ owner: 'stable', state: 'accepted' });
  });

  it('by a process that lost sight of Redis, until the heartbeats can have come back', async () => {
    const system = systemWith(1000);
    const { c, id } = await underSilentWorker(system);
    const uptime = async () => Number(/uptime_in_seconds:(\d+)/.exec(await system.redis.info('server'))?.[1]);
    await waitFor(async () => (await uptime()) >= 4, { what: 'the server to be old enough by itself' });
    await system.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await waitFor(() => c.control.judgesDeathsInMs > 0, { what: 'the process to notice' });
    expect(await c.ledger.reassign([id])).toEqual([{ status: 'left', owner: 'canary', state: 'running' }]);
    await waitFor(() => c.control.judgesDeathsInMs === 0, { what: 'three heartbeats' });
    expect(await c.ledger.reassign([id])).toMatchObject([{ status: 'moved' }]);
  });

  it('and a rollback then waits for the task instead of taking it from its worker', async () => {
    const { id, manager } = await underSilentWorker(systemWith(600_000));
    const stop = new AbortController();
    const onEvent = ({ type }: { type: string }) => type === 'waiting' && stop.abort(new Error('seen'));
    await expect(
      manager.rollback({ ...QUICK, graceMs: 60_000, onEvent, signal: stop.signal }),
    ).rejects.toThrow('seen');
    expect(await manager.find(id)).toMatchObject({ backend: 'canary', state: 'running' });
  });
});
