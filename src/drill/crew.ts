import type { HybridConfig } from '../config.ts';
import type { Logger } from '../domain/logger.ts';
import type { BackendName, TaskDefinition } from '../domain/task.ts';
import { HybridTaskManager } from '../hybrid-task-manager.ts';
import { HybridWorker } from '../hybrid-worker.ts';
import { type Connections, openConnections } from '../manager/connections.ts';

const NOBODY: Logger = {
  child: () => NOBODY,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/** The parts of a small system, as a team runs them: a producer, an operator, workers. All in this process. */
export class Crew {
  readonly config: HybridConfig;
  readonly #log: Logger;
  /** How each part is let go of; some may only just be opening. */
  readonly #closing: Promise<() => Promise<unknown>>[] = [];

  constructor(config: HybridConfig, log: Logger = NOBODY) {
    this.config = config;
    this.#log = log;
  }

  producer(tasks: readonly TaskDefinition[]): Promise<HybridTaskManager> {
    const [config, log, actor] = [this.config, this.#log, 'drill:producer'];
    const opening = HybridTaskManager.open({ config, tasks, log, actor, asksFlags: false });
    return this.#keep(opening, (manager) => manager.close());
  }

  operator(config = this.config): Promise<Connections> {
    const opening = openConnections(config, 'drill:operator', this.#log);
    return this.#keep(opening, (connections) => connections.close());
  }

  worker(backend: BackendName, tasks: readonly TaskDefinition[], concurrency: number): Promise<HybridWorker> {
    const [config, log] = [this.config, this.#log];
    const opening = HybridWorker.open({ config, tasks, log, backends: [backend], concurrency });
    return this.#keep(opening, (worker) => worker.stop());
  }

  #keep<T>(opening: Promise<T>, close: (part: T) => Promise<unknown>): Promise<T> {
    this.#closing.push(opening.then((part) => () => close(part)));
    return opening;
  }

  /** Lets everybody go home, also where one of them cannot. */
  async close(): Promise<void> {
    const closing = this.#closing.splice(0).map(async (opened) => (await opened)());
    await Promise.allSettled(closing);
  }
}
