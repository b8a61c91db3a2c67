import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import {
  expectNoLeakedConnections,
  plainClient,
  redisUrl,
  startRedis,
  uniqueName,
} from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

describe('the Redis of the test run', () => {
  const key = uniqueName('support');
  let shared: Redis;
  beforeAll(() => {
    shared = plainClient();
  });

  it('is shared by all files', async () => {
    await shared.set(key, '1');
    expect(await shared.get(key)).toBe('1');
    expect(redisUrl()).toMatch(/^rediss?:\/\//);
  });

  it('has servers of its own that keep their data over a kill when asked', async () => {
    const server = await startRedis({ aof: true });
    const client = plainClient(server.url);
    await client.set('a', '1');
    const firstPid = server.pid;
    await server.kill();
    await server.restart();
    expect(server.pid).not.toBe(firstPid);
    expect(await client.get('a')).toBe('1');
    server.pause();
    const answer = client.get('a');
    server.resume();
    expect(await answer).toBe('1');
  });

  it('asks for a password when told', async () => {
    const server = await startRedis({ requirepass: 'p@ss/word' });
    expect(await plainClient(server.url).ping()).toBe('PONG');
  });

  it('finds a leaked connection and says which', async () => {
    const leaked = new Redis(redisUrl(), { connectionName: 'forgotten' });
    await leaked.ping();
    await expect(expectNoLeakedConnections(50)).rejects.toThrow(/name=forgotten/);
    leaked.disconnect();
    await expectNoLeakedConnections();
  });

  it('gives up waiting with the reason', async () => {
    await expect(waitFor(() => false, { what: 'the impossible', timeoutMs: 20 })).rejects.toThrow(
      'Waited 20 ms in vain for: the impossible.',
    );
  });
});

// Defined at the top level, after the import: still runs before plain clients are closed.
afterAll(async () => {
  expect(await plainClient().del(uniqueName('nothing'))).toBe(0);
  await expectNoLeakedConnections();
});
