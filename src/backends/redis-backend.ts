import type { BackendName } from '../domain/task.ts';
import type { ConsumeOptions, Consumer, RunDelivery } from '../domain/task-backend.ts';
import { type BackendOptions, DEFAULT_COMMAND_TIMEOUT_MS } from './backend-options.ts';
import { RedisLink } from './redis-link.ts';
import { RunningConsumers } from './running-consumers.ts';

/** What a consumer is started with. */
export interface Consumption {
  readonly link: RedisLink;
  readonly prefix: string;
  readonly queue: string;
  readonly run: RunDelivery;
  readonly options: ConsumeOptions;
  readonly commandTimeoutMs: number;
}

/** The half of a backend that is the same for both: one connection, and the consumers that were started. */
export abstract class RedisBackend {
  readonly name: BackendName;
  protected readonly link: RedisLink;
  protected readonly prefix: string;
  readonly #commandTimeoutMs: number;
  readonly #consumers: RunningConsumers;
  #closing: Promise<void> | undefined;

  /** @param whenDown what a command does while the connection is down */
  constructor(name: BackendName, options: BackendOptions, prefix: string, whenDown: 'wait' | 'fail') {
    this.name = name;
    this.prefix = options.prefix ?? prefix;
    this.#commandTimeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
    this.#consumers = new RunningConsumers(`The ${name} backend`);
    this.link = new RedisLink({
      backend: name,
      redisUrl: options.redisUrl,
      commandTimeoutMs: this.#commandTimeoutMs,
      whenDown,
      logger: options.logger,
    });
  }

  ready(): Promise<void> {
    return this.link.ready(this.#commandTimeoutMs);
  }

  isReachable(): boolean {
    return this.link.isReachable();
  }

  async consume(queue: string, run: RunDelivery, options: ConsumeOptions): Promise<Consumer> {
    this.link.assertOpen();
    const { link, prefix } = this;
    const consumption = { link, prefix, queue, run, options, commandTimeoutMs: this.#commandTimeoutMs };
    return this.#consumers.add(() => this.startConsumer(consumption));
  }

  /** Stops consumers that still run, without grace. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#consumers.stopAll();
      await this.closeQueues();
      await this.link.close();
    })();
    return this.#closing;
  }

  protected abstract startConsumer(consumption: Consumption): Promise<Consumer>;

  /** Closes what a backend has opened beside the connection. */
  protected async closeQueues(): Promise<void> {}
}
