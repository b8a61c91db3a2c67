import type { EntryHead, JanitorLedger, OpenTask } from '../domain/janitor.ts';
import { jsonText } from '../domain/json.ts';
import type { LedgerEntry } from '../domain/ledger.ts';
import type { Logger } from '../domain/logger.ts';
import type { BackendName } from '../domain/task.ts';
import type { EnqueueRequest, TaskBackend } from '../domain/task-backend.ts';
import { movedQueueOf } from '../domain/task-backend.ts';

export interface JanitorOptions {
  readonly intervalMs: number;
  /** Younger tasks are left alone: their producer is probably just about to enqueue them. Milliseconds. */
  readonly minAgeMs: number;
  /** Tasks looked at in one pass, per owner: what a pass may cost, however long the backlog. */
  readonly tasksPerPass: number;
  readonly workerId: () => string;
  readonly backends: Readonly<Partial<Record<BackendName, TaskBackend>>>;
  readonly log: Logger;
}

const OWNERS: readonly BackendName[] = ['canary', 'stable'];
const PAGE = 500;
/** Entries with their payloads in memory at once: each payload may have 256 KiB. */
const FULL_PAGE = 50;

/**
 * Nothing accepted is ever left outside a queue: one worker of all walks the unfinished tasks and enqueues again what
 * its owner's backend does not hold. A crash between `accept` and `add`, a move that was never enqueued, a job that
 * BullMQ gave up on: all end here.
 */
export class Janitor {
  readonly #ledger: JanitorLedger;
  readonly #options: JanitorOptions;
  readonly #cursors: Record<BackendName, string> = { canary: '0', stable: '0' };
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<unknown> = Promise.resolve();

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
    await this.#pass;
  }

  async #passQuietly(): Promise<void> {
    try {
      const ttlMs = 3 * this.#options.intervalMs;
      if (await this.#ledger.electJanitor(this.#options.workerId(), ttlMs)) await this.pass();
    } catch (error) {
      this.#options.log.warn({}, `janitor: ${(error as Error).message}`);
    }
  }

  /** One pass over both owners. @returns how many tasks were enqueued again */
  async pass(): Promise<number> {
    let enqueued = 0;
    for (const owner of OWNERS) {
      const backend = this.#options.backends[owner];
      // A backend that does not answer is not a backend without the job.
      if (!backend?.isReachable()) continue;
      try {
        enqueued += await this.#walk(owner, backend);
      } catch (error) {
        // The other owner's tasks have their turn all the same.
        this.#options.log.warn({ backend: backend.name }, `janitor: ${(error as Error).message}`);
      }
    }
    return enqueued;
  }

  async #walk(owner: BackendName, backend: TaskBackend): Promise<number> {
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

  async #mend(
    owner: BackendName,
    backend: TaskBackend,
    tasks: readonly OpenTask[],
    now: number,
  ): Promise<number> {
    const before = now - this.#options.minAgeMs;
    const old = tasks.filter((task) => task.acceptedAt < before).map((task) => task.id);
    if (old.length === 0) return 0;
    const candidates = await this.#withoutRunner(owner, old);
    let enqueued = 0;
    for (const queue of new Set(candidates.map((entry) => queueOf(owner, entry)))) {
      const entries = candidates.filter((entry) => queueOf(owner, entry) === queue);
      enqueued += await this.#mendQueue(owner, backend, queue, entries);
    }
    return enqueued;
  }

  /** Entries that no live worker runs. */
  async #withoutRunner(owner: BackendName, ids: readonly string[]): Promise<EntryHead[]> {
    const heads = await this.#ledger.peek(ids);
    const entries = heads.filter((entry) => entry !== null).filter((entry) => entry.owner === owner);
    const workers = entries.flatMap((entry) =>
      entry.state === 'running' && entry.worker ? [entry.worker] : [],
    );
    const alive = await this.#ledger.aliveWorkers([...new Set(workers)]);
    return entries.filter(
      (entry) =>
        entry.state === 'accepted' ||
        entry.state === 'retrying' ||
        (entry.state === 'running' && !alive.has(entry.worker ?? '')),
    );
  }

  async #mendQueue(
    owner: BackendName,
    backend: TaskBackend,
    queue: string,
    entries: readonly EntryHead[],
  ): Promise<number> {
    const presence = await backend.has(
      queue,
      entries.map((entry) => entry.id),
    );
    const gone = entries.filter((_, i) => presence[i] !== 'live').map((entry) => entry.id);
    // Read again: one that has run and gone meanwhile is not missing.
    const missing = gone.length === 0 ? [] : await this.#withoutRunner(owner, gone);
    if (missing.length === 0) return 0;
    // A dead job of the same id would swallow the new one.
    const dead = new Set(entries.filter((_, i) => presence[i] === 'dead').map((entry) => entry.id));
    await Promise.all(missing.filter(({ id }) => dead.has(id)).map(({ id }) => backend.remove(queue, id)));
    let added = 0;
    for (let from = 0; from < missing.length; from += FULL_PAGE) {
      const ids = missing.slice(from, from + FULL_PAGE).map((entry) => entry.id);
      const full = await this.#ledger.getMany(ids);
      const results = await backend.enqueue(full.flatMap((entry) => requestFor(queue, entry)));
      added += results.filter((result) => result.status === 'added').length;
    }
    this.#options.log.warn(
      { queue, backend: backend.name, tasks: added },
      'janitor: enqueued tasks that were in no queue',
    );
    return added;
  }
}

const queueOf = (owner: BackendName, entry: EntryHead): string =>
  owner === 'canary' ? entry.spec.queue : movedQueueOf(entry.spec.queue);

function requestFor(queue: string, entry: LedgerEntry | null): EnqueueRequest[] {
  // Finished since it was looked at.
  if (entry === null || entry.payload === null) return [];
  return [
    {
      id: entry.id,
      queue,
      task: entry.spec.task,
      namesTask: entry.spec.namesTask,
      payload: jsonText(entry.payload),
      mark: { acceptedAt: entry.acceptedAt },
      retries: Math.max(0, entry.spec.retries - entry.failures),
      backoff: entry.spec.backoff,
      timeoutMs: entry.spec.timeoutMs,
      dueAt: entry.dueAt,
      priority: entry.spec.priority,
      enqueuedAt: entry.acceptedAt,
    },
  ];
}
