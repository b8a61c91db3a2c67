import { type ChainableCommander, Redis } from 'ioredis';
import { ClosedError } from '../domain/errors.ts';
import {
  ioredisOptions,
  type RedisAddress,
  readRedisAddress,
  reconnectDelayMs,
  targetOf,
} from '../domain/redis-address.ts';
import { commandFailure, connectionFailure, noAnswer } from '../domain/redis-failure.ts';
import type { BackendName } from '../domain/task.ts';
import type { BackendLogger } from './backend-options.ts';
import { deadlineOf } from './deadline.ts';
import { coalesceWrites } from './write-coalescing.ts';

export interface LinkOptions {
  readonly backend: BackendName;
  readonly redisUrl: string;
  /** No command waits longer than this, in milliseconds. */
  readonly commandTimeoutMs: number;
  /**
   * What a command does while the connection is down. `wait`: until it is back, at most `commandTimeoutMs`.
   * `fail`: at once, so that the caller can go elsewhere.
   */
  readonly whenDown: 'wait' | 'fail';
  readonly logger?: BackendLogger | undefined;
}

/** How long the other side may take to agree that a connection ends; a server that hangs never does. */
export const DISCONNECT_MS = 200;

/** The one connection that a backend enqueues and asks through. It reconnects for ever; its commands never hang. */
export class RedisLink {
  readonly address: RedisAddress;
  readonly target: string;
  readonly client: Redis;
  #options: LinkOptions;
  #isDown = false;
  #isClosed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.address = readRedisAddress(options.redisUrl);
    this.target = targetOf(this.address);
    const waits = options.whenDown === 'wait';
    this.client = new Redis({
      ...ioredisOptions(this.address),
      connectTimeout: options.commandTimeoutMs,
      commandTimeout: options.commandTimeoutMs,
      // A server that takes bytes and gives none is down, even though the socket is open.
      socketTimeout: options.commandTimeoutMs,
      retryStrategy: reconnectDelayMs,
      disconnectTimeout: DISCONNECT_MS,
      enableOfflineQueue: waits,
      maxRetriesPerRequest: waits ? null : 0,
    });
    coalesceWrites(this.client);
    this.client.on('ready', () => {
      this.#isDown = false;
    });
    this.client.on('close', () => {
      this.#isDown = true;
    });
    this.client.on('error', (error) => {
      // Once per outage: the client reports every single try.
      if (!this.#isDown) {
        options.logger?.warn({ backend: options.backend }, this.explain(error, 'connection').message);
      }
      this.#isDown = true;
    });
  }

  isReachable(): boolean {
    return !this.#isDown && !this.#isClosed;
  }

  assertOpen(): void {
    if (this.#isClosed) throw new ClosedError(`The ${this.#options.backend} backend`);
  }

  /** Runs commands on the connection; errors come out in this library's terms. */
  async run<T>(operation: string, work: (client: Redis) => Promise<T>): Promise<T> {
    this.assertOpen();
    try {
      // No await on the usual way: what is sent in one tick goes out in one write.
      if (this.client.status !== 'ready') await this.#connected(operation);
      return await work(this.client);
    } catch (error) {
      throw this.explain(error, operation);
    }
  }

  /** Asks for several whole numbers of one moment. @throws as `run` */
  numbers(operation: string, ask: (multi: ChainableCommander) => ChainableCommander): Promise<number[]> {
    return this.run(operation, async (client) => {
      const replies = (await ask(client.multi()).exec()) ?? [];
      return replies.map(([error, value]) => {
        if (error) throw error;
        return Number(value);
      });
    });
  }

  explain(error: unknown, operation: string): Error {
    const { backend, commandTimeoutMs } = this.#options;
    return commandFailure(error, { backend, operation, target: this.target, timeoutMs: commandTimeoutMs });
  }

  /** For a client library of this address that did not connect in time. */
  lateness(deadlineMs: number): Error {
    const attempt = { address: this.address, deadlineMs, hasConnected: false, isLate: true };
    return connectionFailure(undefined, attempt);
  }

  /** @throws {RedisUnreachableError | RedisUnsuitableError} saying what is wrong, within `deadlineMs` */
  async ready(deadlineMs: number): Promise<void> {
    this.assertOpen();
    if (this.client.status === 'ready') return;
    await connectWithin(this.address, deadlineMs);
    try {
      await this.#connected('connection', 'wait');
    } catch (error) {
      throw this.explain(error, 'connection');
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.client.status === 'end') return;
    const ended = new Promise<void>((resolve) => this.client.once('end', () => resolve()));
    // A client that waits for its next try says nothing when it is disconnected.
    const isSilent = this.client.status === 'reconnecting' || this.client.status === 'wait';
    this.client.disconnect();
    if (!isSilent) await ended;
  }

  #connected(operation: string, whenDown = this.#options.whenDown): Promise<void> {
    if (this.client.status === 'ready') return Promise.resolve();
    const fail = () => noAnswer(this.target, operation);
    if (whenDown === 'fail' && this.#isDown) return Promise.reject(fail());
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(timer);
        this.client.off('ready', onReady);
        this.client.off('close', onClose);
        if (error) reject(error);
        else resolve();
      };
      const onReady = () => settle();
      const onClose = () => {
        if (whenDown === 'fail' || this.#isClosed) settle(fail());
      };
      const timer = setTimeout(() => settle(fail()), this.#options.commandTimeoutMs);
      this.client.setMaxListeners(0);
      this.client.on('ready', onReady);
      this.client.on('close', onClose);
    });
  }
}

/**
 * One PING on a connection of its own. Both queue libraries stay silent, crash or wait for ever on what this tells apart.
 * @throws {RedisUnreachableError | RedisUnsuitableError}
 */
export async function connectWithin(address: RedisAddress, deadlineMs: number): Promise<void> {
  const probe = new Redis({
    ...ioredisOptions(address),
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: null,
    connectTimeout: deadlineMs + 1000, // the deadline comes first
    enableReadyCheck: false,
    disconnectTimeout: DISCONNECT_MS,
  });
  let hasConnected = false;
  let isLate = false;
  let first: unknown;
  probe.on('connect', () => {
    hasConnected = true;
  });
  probe.on('error', (error) => {
    first ??= error;
  });
  const deadline = deadlineOf(deadlineMs);
  try {
    const answer = probe.connect().then(() => probe.ping());
    isLate = (await Promise.race([answer, deadline.passed])) === 'late';
    if (!isLate) return;
  } catch (error) {
    first ??= error;
  } finally {
    deadline.cancel();
    probe.disconnect();
  }
  throw connectionFailure(first, { address, deadlineMs, hasConnected, isLate });
}
