import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A wire in front of Redis that can be damaged. Faults hold until they are lifted; several may hold at once. */
export interface TcpProxy {
  /** The target's URL (user, password, database) with the proxy's host and port. */
  readonly url: string;
  readonly port: number;
  /** Cuts every connection; new ones get through. */
  cut(): void;
  /** Takes no new connection (ECONNREFUSED) until accept(); open ones live on. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  /** Half-open: connections stay or get open, and not a byte passes in either direction until flow(). */
  stall(): void;
  flow(): void;
  /**
   * Lost answers: the next `times` requests that match reach Redis and are executed, but the connection is cut in place of the
   * answer. `matches` sees what the client wrote in one piece, possibly several pipelined commands: all of
   * their answers are lost.
   * @returns when the last answer has been dropped
   */
  dropAnswer(matches: (request: Buffer) => boolean, times?: number): Promise<void>;
  /** Cuts everything and stops. */
  close(): Promise<void>;
}

interface Wire {
  readonly client: Socket;
  readonly redis: Socket;
  losesAnswer: boolean;
}

interface Ambush {
  readonly matches: (request: Buffer) => boolean;
  left: number;
  done(): void;
}

/** @param target URL of the Redis behind it, like redisUrl() */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const url = new URL(target);
  const upstream = { host: url.hostname, port: Number(url.port || 6379) };
  const wires = new Set<Wire>();
  const ambushes: Ambush[] = [];
  let stalled = false;

  const server = createServer((client) => {
    const redis = connect(upstream);
    const wire: Wire = { client, redis, losesAnswer: false };
    wires.add(wire);
    if (stalled) pause(wire);

    client.on('data', (request) => {
      const ambush = ambushes.find(({ left, matches }) => left > 0 && matches(request));
      if (ambush !== undefined) {
        wire.losesAnswer = true;
        ambush.left -= 1;
        redis.once('close', () => {
          if (ambush.left === 0) ambush.done();
        });
      }
      redis.write(request);
    });
    redis.on('data', (answer) => {
      if (!wire.losesAnswer) {
        client.write(answer);
        return;
      }
      // Redis still executes what it was sent before it sees the end: no reset here.
      redis.end();
      client.destroy();
    });
    const drop = (): void => {
      wires.delete(wire);
      client.destroy();
      if (!wire.losesAnswer) redis.destroy();
    };
    for (const socket of [client, redis]) {
      socket.on('error', () => {}); // 'close' follows
      socket.on('close', drop);
    }
  });

  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  url.hostname = '127.0.0.1';
  url.port = String(port);
  const cut = (): void => {
    for (const { client, redis } of wires) {
      client.destroy();
      redis.destroy();
    }
  };

  return {
    url: url.href,
    port,
    cut,
    async refuse() {
      server.close(); // its callback waits for open connections, which live on
      await new Promise(setImmediate);
    },
    accept: () => listen(port),
    stall() {
      stalled = true;
      for (const wire of wires) pause(wire);
    },
    flow() {
      stalled = false;
      for (const { client, redis } of wires) {
        client.resume();
        redis.resume();
      }
    },
    dropAnswer: (matches, times = 1) =>
      new Promise((resolve) => {
        ambushes.push({ matches, left: times, done: resolve });
      }),
    async close() {
      cut();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

function pause({ client, redis }: Wire): void {
  client.pause();
  redis.pause();
}
