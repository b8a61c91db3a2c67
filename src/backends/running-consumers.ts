import { ClosedError } from '../domain/errors.ts';
import type { Consumer } from '../domain/task-backend.ts';

/** The consumers that a backend has started and nobody has stopped yet. */
export class RunningConsumers {
  #owner: string;
  #running = new Set<Consumer>();
  #isClosed = false;

  constructor(owner: string) {
    this.#owner = owner;
  }

  async add(start: () => Promise<Consumer>): Promise<Consumer> {
    const started = await start();
    const consumer: Consumer = {
      stop: async (graceMs) => {
        const isDone = await started.stop(graceMs);
        this.#running.delete(consumer);
        return isDone;
      },
    };
    this.#running.add(consumer);
    if (this.#isClosed) {
      await consumer.stop(0);
      throw new ClosedError(this.#owner);
    }
    return consumer;
  }

  /** Without grace. Consumers that are just starting are stopped when they have started. */
  async stopAll(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#running].map((consumer) => consumer.stop(0)));
  }
}
