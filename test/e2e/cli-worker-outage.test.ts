import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { cliPlace } from '../support/cli.ts';
import { startRedis } from '../support/redis.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

/** More than the listeners after which Node believes in a leak. */
const MANY = 12;

it('a worker with many slots takes an outage of Redis for one, and not for a leak of its own', async () => {
  const redis = await startRedis();
  // Short, because the outage takes a few of them; not so short that a pause of Redis keeps the worker from starting.
  const place = cliPlace('redis: { commandTimeoutMs: 1500 }', redis.url);
  const worker = place.start('worker', '--concurrency', String(MANY));
  const manager = await place.manager();
  const holdAll = async (backend: 'stable' | 'canary', end: string) => {
    const input = { untilFile: join(place.dir, end) };
    return Promise.all(Array.from({ length: MANY }, () => manager.submit('hold', input, { backend })));
  };
  // bee-queue waits for the next job in as many slots as have run one.
  const first = await holdAll('stable', 'first');
  await worker.says('holding ', MANY);
  place.write('first', '');
  await Promise.all(first.map((handle) => handle.result()));

  await holdAll('canary', 'second');
  await worker.says('holding ', 2 * MANY);
  await manager.close();
  await redis.kill();
  place.write('second', '');
  // Those that have ended ask for the fourth time by then; the slots of stable wait for Redis to come back.
  const told = await worker.says('"attempt":3', MANY);
  worker.kill('SIGKILL');
  expect(told).not.toContain('MaxListenersExceeded');
});
