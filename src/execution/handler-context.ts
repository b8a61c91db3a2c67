import type { Logger } from '../domain/logger.ts';
import type { BackendName, TaskContext, TaskDefinition, TaskLogger } from '../domain/task.ts';
import type { Delivery } from '../domain/task-backend.ts';
import { ProgressReports } from './progress-reports.ts';
import type { RunningTask } from './running-tasks.ts';
import { describeThrown } from './thrown-value.ts';

/** What a handler sees of its run. Signal and logger are made when they are first looked at: many handlers never do. */
export class HandlerContext implements TaskContext {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly backend: BackendName;
  readonly attempt: number;
  readonly shadow: boolean;
  readonly #delivery: Delivery;
  readonly #run: RunningTask;
  readonly #log: Logger;
  readonly #reports = new ProgressReports((value) => this.#publish(value));
  #taskLog: TaskLogger | undefined;

  constructor(task: TaskDefinition, delivery: Delivery, attempt: number, run: RunningTask, log: Logger) {
    this.id = delivery.id;
    this.task = task.name;
    this.queue = task.queue;
    this.backend = delivery.backend;
    this.attempt = attempt;
    this.shadow = delivery.mark?.copy !== undefined;
    this.#delivery = delivery;
    this.#run = run;
    this.#log = log;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get log(): TaskLogger {
    this.#taskLog ??= taskLogger(this.#log.child(this.#ids()));
    return this.#taskLog;
  }

  /** A property and not a method, so that a handler may take it out of the context. */
  readonly progress = (value: unknown): Promise<void> => this.#reports.report(value);

  /** The handler has ended, or was given up. */
  end(): void {
    this.#reports.end();
  }

  async #publish(value: unknown): Promise<void> {
    try {
      await this.#delivery.progress(value);
    } catch (error) {
      const problem = describeThrown(error).message;
      this.#log.debug({ ...this.#ids(), problem }, 'progress was not published');
    }
  }

  #ids() {
    return { task: this.task, id: this.id, backend: this.backend, attempt: this.attempt };
  }
}

function taskLogger(log: Logger): TaskLogger {
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
  };
}
