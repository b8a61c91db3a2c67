import type { ChainableCommander, Redis } from 'ioredis';
import { RedisUnreachableError } from '../domain/errors.ts';
import { type Keys, keysOf } from './keys.ts';
import { type ConnectionOptions, connectRedis, explain } from './redis-connection.ts';
import { type RunScript, type ScriptName, scriptsOn } from './scripts.ts';

/** The control Redis of one namespace: one connection for commands, one for listening. */
export class ControlRedis {
  readonly keys: Keys;
  readonly #redis: Redis;
  readonly #listener: Redis;
  readonly #scripts: RunScript;
  readonly #options: ConnectionOptions;
  readonly #handlers = new Map<string, Set<(message: string) => void>>();
  readonly #onReconnected = new Set<() => void>();
  /** When Redis was away last, on the clock of performance.now(). */
  #awayAt = Number.NEGATIVE_INFINITY;

  constructor(namespace: string, options: ConnectionOptions) {
    this.keys = keysOf(namespace);
    this.#options = options;
    this.#redis = connectRedis(options);
    this.#listener = connectRedis({ ...options, name: `${options.name}:listener` });
    let isFirst = true;
    this.#redis.on('ready', () => {
      if (!isFirst) this.#awayAt = performance.now();
      isFirst = false;
    });
    this.#scripts = scriptsOn(this.#redis, this.keys.prefix);
    this.#listener.on('message', (channel, message) => {
      for (const handle of this.#handlers.get(channel) ?? []) handle(message);
    });
    // Messages of the time without a connection are lost; whoever listens has to look again.
    this.#listener.on('ready', () => {
      for (const handle of this.#onReconnected) handle();
    });
  }

  /** Runs one of our scripts. @throws {RedisUnreachableError | BackendError} never with the arguments */
  async run(name: ScriptName, args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#scripts(name, args);
    } catch (error) {
      throw this.#explain(error, name);
    }
  }

  /** Runs plain commands. @throws {RedisUnreachableError | BackendError} never with the arguments */
  async ask<T>(operation: string, command: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await command(this.#redis);
    } catch (error) {
      throw this.#explain(error, operation);
    }
  }

  #explain(error: unknown, operation: string): Error {
    const explained = explain(error, this.#options, operation);
    if (explained instanceof RedisUnreachableError) this.#awayAt = performance.now();
    return explained;
  }

  /** How long a silent worker has to be believed alive still, in milliseconds. 0: it may be judged. */
  get judgesDeathsInMs(): number {
    const { heartbeatTtlMs = 0 } = this.#options;
    return Math.max(0, this.#awayAt + heartbeatTtlMs - performance.now());
  }

  /** What the scripts' judgesDeaths takes. */
  get deathRule(): string | number {
    return this.judgesDeathsInMs > 0 ? '' : (this.#options.heartbeatTtlMs ?? 0);
  }

  /** Runs a pipeline or a transaction; answers in its order. One that failed fails all. @throws as `ask` */
  async askAll(operation: string, build: (redis: Redis) => ChainableCommander): Promise<unknown[]> {
    return this.ask(operation, async (redis) => {
      const replies = (await build(redis).exec()) ?? [];
      return replies.map(([error, reply]) => {
        if (error) throw error;
        return reply;
      });
    });
  }

  /**
   * Asks the same of many keys in one go; answers in their order, null where a key holds something of another type: one
   * that somebody has overwritten is not to stand in the way of all others. @throws as `ask`
   */
  askEach<T>(
    operation: string,
    keys: readonly string[],
    add: (pipeline: ChainableCommander, key: string) => unknown,
  ): Promise<(T | null)[]> {
    return this.ask(operation, async (redis) => {
      const pipeline = redis.pipeline();
      for (const key of keys) add(pipeline, key);
      const replies = (await pipeline.exec()) ?? [];
      return replies.map(([error, reply]) => {
        if (error && !/^WRONGTYPE/.test(error.message)) throw error;
        return error ? null : (reply as T);
      });
    });
  }

  /** Listens on a channel until the returned function is called. Resolves when Redis has confirmed. */
  async listen(channel: string, handle: (message: string) => void): Promise<() => void> {
    const handlers = this.#handlers.get(channel) ?? new Set();
    this.#handlers.set(channel, handlers);
    handlers.add(handle);
    if (handlers.size === 1) {
      try {
        await this.#listener.subscribe(channel);
      } catch (error) {
        handlers.delete(handle);
        throw explain(error, this.#options, 'subscribe');
      }
    }
    return () => {
      handlers.delete(handle);
    };
  }

  /** Calls back on every new connection of the listener, the first one included. */
  onListening(handle: () => void): () => void {
    this.#onReconnected.add(handle);
    return () => this.#onReconnected.delete(handle);
  }

  close(): void {
    this.#redis.disconnect();
    this.#listener.disconnect();
  }
}
