import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll } from '@jest/globals';
import { Redis } from 'ioredis';
import { type RedisServer, type RedisServerOptions, startRedisServer } from './redis-server.ts';
import { waitFor } from './wait-for.ts';

export type { RedisServer, RedisServerOptions } from './redis-server.ts';
export { waitFor } from './wait-for.ts';

const clients = new Set<Redis>();
const servers = new Set<RedisServer>();
const sockets = new Set<Socket>();

/** The Redis that all test files of a run share: use names of your own (uniqueName), never FLUSHALL. */
export function redisUrl(): string {
  const url = process.env.HYBRID_TEST_REDIS_URL;
  if (url === undefined) throw new Error('HYBRID_TEST_REDIS_URL is not set: run tests through `npm test`.');
  return url;
}

/** A namespace or queue name that no other test uses: letters, digits and `-` only. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 13)}`;
}

/** A redis-server of the test's own, to stop, kill and pause; stopped at the end of the file at the latest. */
export async function startRedis(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedisServer(options);
  servers.add(server);
  return server;
}

/** An ioredis client for looking at what is in Redis; closed at the end of the test file. */
export function plainClient(url: string = redisUrl()): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: null, disconnectTimeout: 100 });
  client.on('error', () => {}); // a fault test stops the server on purpose; commands still fail or wait
  clients.add(client);
  return client;
}

/**
 * For the last afterAll of a file that opens connections: fails if one of them is still open, and names it.
 * Sees every TCP connection that this file opened to a Redis known here, but not those of plainClient().
 */
export async function expectNoLeakedConnections(timeoutMs = 10_000): Promise<void> {
  const own = new Set([...clients].map((client) => (client as unknown as { stream?: Socket }).stream));
  const ports = new Set([Number(new URL(redisUrl()).port || 6379), ...[...servers].map((s) => s.port)]);
  const open = () =>
    [...sockets].filter(
      (s) => !s.destroyed && !own.has(s) && s.remotePort !== undefined && ports.has(s.remotePort),
    );
  try {
    await waitFor(() => open().length === 0, { what: 'all connections to be closed', timeoutMs });
  } catch {
    throw new Error(`This file left connections to Redis open:\n${(await describe(open())).join('\n')}`);
  }
}

/** What Redis knows of a connection (name, last command) tells who opened it. */
async function describe(leaked: readonly Socket[]): Promise<string[]> {
  const list = String(await plainClient().call('CLIENT', 'LIST')).split('\n');
  return leaked.map((socket) => {
    const line = list.find((entry) => entry.includes(` addr=127.0.0.1:${socket.localPort} `)) ?? '';
    return `  local port ${socket.localPort} to ${socket.remotePort}: ${line.match(/(name|cmd|sub|psub)=\S*/g)?.join(' ') ?? ''}`;
  });
}

const remember = (message: unknown): void => {
  const { socket } = message as { socket: Socket };
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
};
subscribe('net.client.socket', remember);

// jest runs afterAll hooks in the order of their definition. A microtask comes after the test file's own body, so
// that its hooks can still use plain clients.
queueMicrotask(() => {
  afterAll(async () => {
    unsubscribe('net.client.socket', remember);
    for (const client of clients) {
      const { stream } = client as unknown as { stream?: Socket };
      client.disconnect();
      if (stream !== undefined && !stream.destroyed) await once(stream, 'close');
    }
    for (const server of servers) await server.stop();
  });
});
