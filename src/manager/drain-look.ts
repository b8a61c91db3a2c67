import { type BackendCounts, copiesQueueOf, type ListedJob, movedQueueOf } from '../domain/task-backend.ts';
import type { Connections } from './connections.ts';

/** How many delayed and active jobs are shown by name. */
const MAX_NAMED = 10;

/** A job that keeps stable from being empty. Times are milliseconds since 1970. */
export interface DrainJob {
  readonly queue: string;
  readonly id: string;
  /** null: the job does not say. */
  readonly task: string | null;
  readonly enqueuedAt: number | null;
}

export interface DelayedDrainJob extends DrainJob {
  readonly dueAt: number;
}

export interface ActiveDrainJob extends DrainJob {
  /** When it was seen running first: bee-queue keeps no time of a start, so it runs at least since then. */
  readonly seenSince: number;
}

/** What one look at stable has found. */
export interface DrainLook {
  readonly at: number;
  /** No job of any known queue is waiting, active or delayed, no copy either, and no moved task is open. */
  readonly isEmpty: boolean;
  /** The known queues and their moved queues, by name; those of copies are apart. */
  readonly queues: Readonly<Record<string, BackendCounts>>;
  /** The queues of copies with jobs in them, by name. Copies are nobody's work: they may be thrown away. */
  readonly copies: Readonly<Record<string, BackendCounts>>;
  /** Moved tasks that have not ended. */
  readonly openMoved: number;
  /** While canary is down, new tasks go to stable. */
  readonly canaryReachable: boolean;
  /** Queues, none of copies, with jobs from which no live worker of this library takes. */
  readonly unattended: readonly string[];
  /** The jobs that stay delayed longest, the last one first; at most 10. */
  readonly delayed: readonly DelayedDrainJob[];
  /** At most 10. */
  readonly active: readonly ActiveDrainJob[];
  /** Ended jobs that bee-queue keeps. They hold nothing up. */
  readonly kept: { readonly succeeded: number; readonly failed: number };
  /** What has ever ended on stable, as far as something tells of it. It only grows, unless somebody tidies up. */
  readonly ended: number;
}

/** Looks at stable, again and again. */
export class StableWatch {
  readonly #c: Connections;
  #activeSince: ReadonlyMap<string, number> = new Map();

  constructor(c: Connections) {
    this.#c = c;
  }

  /** @param queues the known ones, without their moved queues */
  async look(queues: readonly string[]): Promise<DrainLook> {
    const { stable, canary, ledger, workers } = this.#c;
    const count = (names: readonly string[]): Promise<Counted> =>
      Promise.all(names.map(async (name) => [name, await stable.counts(name)] as const));
    const [counted, ofCopies, numbers, alive] = await Promise.all([
      count(queues.flatMap((queue) => [queue, movedQueueOf(queue)])),
      count(queues.map(copiesQueueOf)),
      ledger.counts(),
      workers.list(),
    ]);
    const at = Date.now();
    const busy = counted.filter(isLive).map(([name]) => name);
    const copies = ofCopies.filter(isLive);
    const attended = new Set(
      alive
        .filter(({ backends }) => backends.includes('stable'))
        .flatMap((worker) => worker.queues.flatMap((queue) => [queue, movedQueueOf(queue)])),
    );
    const kept = { succeeded: 0, failed: 0 };
    for (const [, { succeeded, failed }] of counted) {
      kept.succeeded += succeeded;
      kept.failed += failed;
    }
    const { openMoved, plain, movedSucceeded, movedFailed, movedCancelled } = numbers;
    const recorded = plain.succeeded + plain.failed + movedSucceeded + movedFailed + movedCancelled;
    return {
      at,
      isEmpty: busy.length === 0 && copies.length === 0 && openMoved === 0,
      queues: Object.fromEntries(counted),
      copies: Object.fromEntries(copies),
      openMoved,
      canaryReachable: canary.isReachable(),
      unattended: busy.filter((name) => !attended.has(name)),
      delayed: await this.#delayed(counted),
      active: await this.#active(counted, at),
      kept,
      ended: recorded + kept.succeeded + kept.failed,
    };
  }

  async #delayed(counted: Counted): Promise<DelayedDrainJob[]> {
    const found = await this.#listed(counted, ({ delayed }, queue) =>
      this.#c.stable.list(queue, 'delayed', Math.max(0, delayed - MAX_NAMED), Math.min(delayed, MAX_NAMED)),
    );
    return found
      .flatMap(({ queue, job }) => (job.dueAt === null ? [] : [{ ...named(queue, job), dueAt: job.dueAt }]))
      .sort((a, b) => b.dueAt - a.dueAt)
      .slice(0, MAX_NAMED);
  }

  async #active(counted: Counted, at: number): Promise<ActiveDrainJob[]> {
    const found = await this.#listed(counted, ({ active }, queue) =>
      this.#c.stable.list(queue, 'active', 0, Math.min(active, MAX_NAMED)),
    );
    const since = new Map<string, number>();
    const jobs = found.map(({ queue, job }) => {
      const key = `${queue}:${job.id}`;
      const seenSince = this.#activeSince.get(key) ?? at;
      since.set(key, seenSince);
      return { ...named(queue, job), seenSince };
    });
    this.#activeSince = since;
    return jobs.sort((a, b) => a.seenSince - b.seenSince).slice(0, MAX_NAMED);
  }

  async #listed(
    counted: Counted,
    page: (counts: BackendCounts, queue: string) => Promise<readonly ListedJob[]>,
  ): Promise<{ queue: string; job: ListedJob }[]> {
    const pages = counted
      .filter(isLive)
      .map(async ([queue, counts]) => (await page(counts, queue)).map((job) => ({ queue, job })));
    return (await Promise.all(pages)).flat();
  }
}

type Counted = readonly (readonly [queue: string, counts: BackendCounts])[];

/** Jobs that are to run still. A job that waits for a retry is a delayed or a waiting one. */
export function liveOf({ waiting, active, delayed }: BackendCounts): number {
  return waiting + active + delayed;
}

function isLive([, counts]: Counted[number]): boolean {
  return liveOf(counts) > 0;
}

function named(queue: string, { id, task, enqueuedAt }: ListedJob): DrainJob {
  return { queue, id, task, enqueuedAt };
}
