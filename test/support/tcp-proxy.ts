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
  /**
   * Holds up the next request that matches, before it reaches Redis (`request`) or after it was executed (`answer`).
   * Nothing else passes on that connection in that direction until pass() or cut().
   */
  intercept(what: 'request' | 'answer', matches: (request: Buffer) => boolean): Interception;
  /** Cuts everything and stops. */
  close(): Promise<void>;
}

/** One request, or its answer, in the proxy's hands. */
export interface Interception {
  /** Resolves when it is held. */
  readonly caught: Promise<void>;
  /** Lets it go on its way, also if its sender is gone by now. */
  pass(): void;
  /** Cuts the connection: a held request never reaches Redis, a held answer never reaches the client. */
  cut(): void;
}

interface Wire {
  readonly client: Socket;
  readonly redis: Socket;
  losesAnswer: boolean;
  /** Takes what Redis says in place of the client. */
  withhold: ((answer: Buffer) => void) | undefined;
}

interface Trap {
  readonly what: 'request' | 'answer';
  readonly matches: (request: Buffer) => boolean;
  spring(wire: Wire, request: Buffer): void;
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
  const traps = new Set<Trap>();
  let stalled = false;

  const server = createServer((client) => {
    const redis = connect(upstream);
    const wire: Wire = { client, redis, losesAnswer: false, withhold: undefined };
    wires.add(wire);
    if (stalled) pause(wire);

    client.on('data', (request) => {
      const trap = [...traps].find(({ matches }) => matches(request));
      if (trap !== undefined) {
        traps.delete(trap);
        trap.spring(wire, request);
        if (trap.what === 'request') return;
      }
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
      if (wire.withhold) {
        wire.withhold(answer);
        return;
      }
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
    intercept(what, matches) {
      const { trap, interception } = trapFor(what, matches);
      traps.add(trap);
      return interception;
    },
    async close() {
      cut();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

function trapFor(
  what: 'request' | 'answer',
  matches: (request: Buffer) => boolean,
): { trap: Trap; interception: Interception } {
  let wire: Wire | undefined;
  const held: Buffer[] = [];
  let report: () => void = () => {};
  const caught = new Promise<void>((resolve) => {
    report = resolve;
  });
  const spring = (caughtOn: Wire, request: Buffer): void => {
    wire = caughtOn;
    if (what === 'request') {
      held.push(request);
      wire.client.pause();
      report();
      return;
    }
    wire.withhold = (answer) => {
      held.push(answer);
      report();
    };
  };
  const pass = (): void => {
    if (!wire) return;
    wire.withhold = undefined;
    for (const data of held.splice(0)) (what === 'request' ? wire.redis : wire.client).write(data);
    wire.client.resume();
  };
  const cut = (): void => {
    wire?.client.destroy();
    wire?.redis.destroy();
  };
  return { trap: { what, matches, spring }, interception: { caught, pass, cut } };
}

function pause({ client, redis }: Wire): void {
  client.pause();
  redis.pause();
}
