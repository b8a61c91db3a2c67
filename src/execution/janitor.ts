import type { JanitorLedger, OpenTask } from '../domain/janitor.ts';
import type { Logger } from '../domain/logger.ts';
import type { BackendName } from '../domain/task.ts';
import type { TaskBackend } from '../domain/task-backend.ts';
import { mendOpenTasks } from './open-task-mender.ts';

export interface JanitorOptions {
  readonly intervalMs: number;
  /** Younger tasks are left alone: their producer is probably just about to enqueue them. Milliseconds. */
  readonly minAgeMs: number;
  /** Tasks looked at in one pass, per owner: what a pass may cost, however long the backlog. */
  readonly tasksPerPass: number;
  readonly workerId: () => string;
  readonly backends: Readonly<Partial<Record<BackendName, TaskBackend>>>;
  /** Whether a rollback is in force: then canary's tasks are moved instead of being put back into canary's queues. */
  readonly isFrozen: () => boolean;
  /** Moves canary's tasks to stable, all that may be, until the signal aborts. @returns how many */
  readonly evacuate: (signal: AbortSignal) => Promise<number>;
  /** Ends copies whose time is long over. @returns the others */
  readonly endOverdueCopies: (copies: readonly OpenTask[], now: number) => Promise<readonly OpenTask[]>;
  /** Adds up what processes have counted. Ends early when the signal aborts. */
  readonly compactFigures: (signal: AbortSignal) => Promise<unknown>;
  readonly log: Logger;
}

const OWNERS: readonly BackendName[] = ['canary', 'stable'];
const PAGE = 500;

/**
 * Nothing accepted is ever left outside a queue: one worker of all walks the unfinished tasks and enqueues again what
 * its owner's backend does not hold. A crash between `accept` and `add`, a move that was never enqueued, a job that
 * BullMQ gave up on: all end here.
 */
export class Janitor {
  readonly #ledger: JanitorLedger;
  readonly #options: JanitorOptions;
  readonly #cursors: Record<BackendName, string> = { canary: '0', stable: '0' };
  #copies = '0';
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<unknown> = Promise.resolve();
  readonly #ending = new AbortController();

  constructor(ledger: JanitorLedger, options: JanitorOptions) {
    this.#ledger = ledger;
    this.#options = options;
  }

  begin(): void {
    this.#timer = setInterval(() => {
      this.#pass = this.#pass.then(() => this.#passQuietly());
    }, this.#options.intervalMs);
  }

  /** Stops after the pass that is under way. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    await this.#pass;
  }

  async #passQuietly(): Promise<void> {
    try {
      const ttlMs = 3 * this.#options.intervalMs;
      if (!(await this.#ledger.electJanitor(this.#options.workerId(), ttlMs))) return;
      try {
        await this.pass();
      } finally {
        await this.#options.compactFigures(this.#ending.signal);
      }
    } catch (error) {
      this.#options.log.warn({}, `janitor: ${(error as Error).message}`);
    }
  }

  /** One pass over both owners. @returns how many tasks were enqueued again */
  async pass(): Promise<number> {
    let enqueued = 0;
    for (const owner of OWNERS) {
      try {
        enqueued += await this.#walk(owner);
      } catch (error) {
        // The other owner's tasks have their turn all the same.
        this.#options.log.warn({ backend: owner }, `janitor: ${(error as Error).message}`);
      }
    }
    // While frozen the evacuation has ended them.
    if (!this.#options.isFrozen()) await this.#walkCopies();
    return enqueued;
  }

  /** A copy that is lost before it is enqueued would look like a backend that does not answer. */
  async #walkCopies(): Promise<void> {
    const { cursor, tasks, now } = await this.#ledger.scanCopies(this.#copies, PAGE);
    this.#copies = cursor;
    const open = await this.#options.endOverdueCopies(tasks, now);
    for (const owner of OWNERS) {
      const backend = this.#options.backends[owner];
      if (backend?.isReachable()) await this.#mend(owner, backend, open, now);
    }
  }

  async #walk(owner: BackendName): Promise<number> {
    // Needs nothing of canary, and goes on where the operator's terminal is gone.
    if (owner === 'canary' && this.#options.isFrozen()) return this.#evacuate();
    const backend = this.#options.backends[owner];
    // A backend that does not answer is not a backend without the job.
    if (!backend?.isReachable()) return 0;
    let enqueued = 0;
    for (let seen = 0; seen < this.#options.tasksPerPass; ) {
      const page = await this.#ledger.scanOpen(owner, this.#cursors[owner], PAGE);
      this.#cursors[owner] = page.cursor;
      enqueued += await this.#mend(owner, backend, page.tasks, page.now);
      seen += page.tasks.length;
      if (page.cursor === '0') break;
    }
    return enqueued;
  }

  async #evacuate(): Promise<number> {
    const moved = await this.#options.evacuate(this.#ending.signal);
    if (moved > 0) this.#options.log.warn({ tasks: moved }, 'janitor: frozen; moved tasks to stable');
    return moved;
  }

  async #mend(
    owner: BackendName,
    backend: TaskBackend,
    tasks: readonly OpenTask[],
    now: number,
  ): Promise<number> {
    const before = now - this.#options.minAgeMs;
    const old = tasks.filter((task) => task.acceptedAt < before).map((task) => task.id);
    if (old.length === 0) return 0;
    const { enqueued } = await mendOpenTasks(this.#ledger, owner, backend, old);
    if (enqueued > 0) {
      const message = 'janitor: enqueued tasks that were in no queue';
      this.#options.log.warn({ backend: backend.name, tasks: enqueued }, message);
    }
    return enqueued;
  }
}
