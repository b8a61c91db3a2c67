import { BackendError, RedisUnreachableError } from '../domain/errors.ts';
import type { EntryHead } from '../domain/janitor.ts';
import { isUnfinished } from '../domain/ledger.ts';
import type { RollbackLedger } from '../domain/rollback.ts';
import type { BackendName } from '../domain/task.ts';
import type { TaskBackend } from '../domain/task-backend.ts';

/** Jobs per look and per removal, which holds up Redis. */
const PAGE = 100;

/** Where left-over jobs may be. */
export interface Leftovers {
  readonly backend: TaskBackend;
  readonly queues: readonly string[];
  /** Of copies. What is active there is told to nobody: their runs are not waited for, so some may be ending just now. */
  readonly copyQueues: readonly string[];
}

/**
 * Puts queues in order, as far as their backend answers: nothing depends on it.
 * @returns what somebody may want to know
 */
export async function tidy(
  { backend, queues, copyQueues }: Leftovers,
  ledger: Pick<RollbackLedger, 'peek'>,
  onRemoved: (removed: number) => void,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const who = backend.name === 'canary' ? 'BullMQ' : 'bee-queue';
  try {
    await backend.ready();
  } catch (error) {
    if (!isBackends(error)) throw error;
    return [
      `${who} did not answer, so its left-over jobs stay; a worker that ever takes one is told to skip it. ${error.message}`,
    ];
  }
  const notes: string[] = [];
  let removed = 0;
  for (const queue of [...queues, ...copyQueues]) {
    try {
      const names = await backend.schedules(queue);
      if (names.length > 0)
        notes.push(`${who}'s own schedules go on making jobs in ${queue}: ${names.join(', ')}.`);
      for await (const gone of removeHusks(backend, queue, ledger, signal)) {
        removed += gone;
        onRemoved(removed);
      }
      if (copyQueues.includes(queue)) continue;
      const locked = await countLocked(backend, queue, ledger);
      if (locked > 0)
        notes.push(
          `${locked} left-over jobs of ${who}'s queue ${queue} still show as active: their workers died, or are just letting go of them. They are skipped.`,
        );
    } catch (error) {
      if (!isBackends(error)) throw error;
      notes.push(
        `Left-over jobs stay in ${who}'s queue ${queue}; a worker that takes one skips it. ${error.message}`,
      );
    }
  }
  return notes;
}

/**
 * Removes the husks: jobs of tasks that are finished or another backend's by now. Only tidiness: a worker that takes one
 * is told to skip it. Jobs without our mark are somebody's own and stay.
 *
 * @yields how many were removed with each page
 */
async function* removeHusks(
  backend: TaskBackend,
  queue: string,
  ledger: Pick<RollbackLedger, 'peek'>,
  signal?: AbortSignal,
): AsyncGenerator<number> {
  for (const state of ['waiting', 'delayed'] as const) {
    let staying = 0;
    while (!signal?.aborted) {
      const jobs = await backend.list(queue, state, staying, PAGE);
      if (jobs.length === 0) break;
      const marked = jobs.filter((job) => job.isMarked).map((job) => job.id);
      const heads = await ledger.peek(marked);
      const husks = marked.filter((_, i) => isHusk(heads[i] ?? null, backend.name));
      const gone = husks.length === 0 ? 0 : await backend.discard(queue, husks, staying);
      staying += jobs.length - gone;
      if (gone > 0) yield gone;
    }
  }
}

/** Husks that show as active: their workers died and their locks have not been looked at since, or let go of them just now. */
async function countLocked(
  backend: TaskBackend,
  queue: string,
  ledger: Pick<RollbackLedger, 'peek'>,
): Promise<number> {
  const jobs = await backend.list(queue, 'active', 0, PAGE);
  const heads = await ledger.peek(jobs.filter((job) => job.isMarked).map((job) => job.id));
  return heads.filter((head) => isHusk(head, backend.name)).length;
}

function isBackends(error: unknown): error is Error {
  return error instanceof RedisUnreachableError || error instanceof BackendError;
}

/** One without an entry may be a task that Redis has forgotten: its delivery would write it down again. */
function isHusk(entry: EntryHead | null, backend: BackendName): boolean {
  return entry !== null && (entry.owner !== backend || !isUnfinished(entry));
}
