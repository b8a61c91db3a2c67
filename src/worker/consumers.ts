import { setTimeout as sleep } from 'node:timers/promises';
import { RedisUnreachableError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import type { ConsumeOptions, Consumer, RunDelivery, TaskBackend } from '../domain/task-backend.ts';

/** How long a backend that is down is left alone before it is asked again. */
const TRY_AGAIN_MS = 2_000;

/** What this process takes tasks from. */
export class Consumers {
  readonly #log: Logger;
  readonly #ended = new AbortController();
  readonly #consumers: Consumer[] = [];
  readonly #waiting: Promise<void>[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * Begins to consume a queue. Canary may be down: then it goes on trying, and stable's work is not held up.
   * @throws {RedisUnreachableError} stable does not answer
   */
  async add(backend: TaskBackend, queue: string, run: RunDelivery, options: ConsumeOptions): Promise<void> {
    try {
      this.#consumers.push(await backend.consume(queue, run, options));
    } catch (error) {
      if (backend.name === 'stable' || !(error instanceof RedisUnreachableError)) throw error;
      this.#log.warn(
        { queue, backend: backend.name },
        `${error.message} Its queue is consumed once it answers.`,
      );
      this.#waiting.push(this.#addWhenUp(backend, queue, run, options));
    }
  }

  async #addWhenUp(
    backend: TaskBackend,
    queue: string,
    run: RunDelivery,
    options: ConsumeOptions,
  ): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await sleep(TRY_AGAIN_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        this.#consumers.push(await backend.consume(queue, run, options));
        this.#log.info({ queue, backend: backend.name }, 'it answers now; its queue is consumed');
        return;
      } catch (error) {
        this.#log.debug({ queue, backend: backend.name }, (error as Error).message);
      }
    }
  }

  /** Takes nothing new and waits for what runs, at most graceMs. @returns true when nothing was left running */
  async stop(graceMs: number): Promise<boolean> {
    this.#ended.abort();
    await Promise.all(this.#waiting);
    return (await Promise.all(this.#consumers.map((consumer) => consumer.stop(graceMs)))).every(Boolean);
  }
}
