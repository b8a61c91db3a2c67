import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { expectNoLeakedConnections, plainClient, redisUrl, uniqueName } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

describe('tcp-proxy', () => {
  const key = uniqueName('proxy');
  let proxy: TcpProxy;
  let client: Redis;

  beforeAll(async () => {
    proxy = await startTcpProxy(redisUrl());
    client = new Redis(proxy.url, { maxRetriesPerRequest: null, retryStrategy: () => 5 });
    client.on('error', () => {});
  });
  afterAll(async () => {
    client.disconnect();
    await proxy.close();
    await plainClient().del(key);
    await expectNoLeakedConnections();
  });

  it('lets everything through', async () => {
    expect(await client.ping()).toBe('PONG');
  });

  it('cuts connections; new ones get through', async () => {
    const closed = once(client, 'close');
    proxy.cut();
    await closed;
    expect(await client.ping()).toBe('PONG');
  });

  it('refuses new connections until told otherwise, and leaves open ones alone', async () => {
    await proxy.refuse();
    expect(await client.ping()).toBe('PONG');
    const refused = connect(proxy.port, '127.0.0.1');
    const [error] = await once(refused, 'error').catch((thrown) => [thrown]);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.accept();
    proxy.cut();
    expect(await client.ping()).toBe('PONG');
  });

  it('stalls open and new connections', async () => {
    proxy.stall();
    const late = new Redis(proxy.url, { retryStrategy: () => null });
    const answers: string[] = [];
    const both = [client, late].map((c) => c.ping().then((answer) => answers.push(answer)));
    await once(late, 'connect'); // the proxy accepts
    expect(await plainClient().ping()).toBe('PONG');
    expect(answers).toEqual([]);
    proxy.flow();
    await Promise.all(both);
    late.disconnect();
  });

  it('loses the answer of a request that was executed', async () => {
    const dropped = proxy.dropAnswer((request) => request.includes('incr') && request.includes(key));
    // ioredis sends it again on the next connection: the second answer shows that the first was executed.
    expect(await client.incr(key)).toBe(2);
    await dropped;
    expect(await client.incr(key)).toBe(3);
  });
});
