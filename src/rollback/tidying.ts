import type { EntryHead } from '../domain/janitor.ts';
import type { RollbackLedger } from '../domain/rollback.ts';
import type { TaskBackend } from '../domain/task-backend.ts';

const PAGE = 500;

/**
 * Puts canary's queues in order, as far as canary answers: nothing depends on it.
 * @returns what somebody may want to know
 */
export async function tidy(
  canary: TaskBackend,
  queues: readonly string[],
  ledger: Pick<RollbackLedger, 'peek'>,
  onRemoved: (removed: number) => void,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const notes: string[] = [];
  try {
    await canary.ready();
    for (const queue of queues) {
      const names = await canary.schedules(queue);
      if (names.length > 0)
        notes.push(`BullMQ's own schedules go on making jobs in ${queue}: ${names.join(', ')}.`);
    }
    await removeHusks(canary, queues, ledger, onRemoved, signal);
  } catch {
    notes.push(
      'BullMQ did not answer, so its left-over jobs stay there; a worker that ever takes one is told to skip it.',
    );
  }
  return notes;
}

/**
 * Removes the husks: canary's jobs of tasks that are not canary's any more. Only tidiness: a worker that takes one is
 * told to skip it. Jobs without our mark are somebody's own and stay.
 *
 * @returns how many were removed
 */
async function removeHusks(
  canary: TaskBackend,
  queues: readonly string[],
  ledger: Pick<RollbackLedger, 'peek'>,
  onRemoved: (removed: number) => void,
  signal?: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const queue of queues) {
    for (const state of ['waiting', 'delayed'] as const) {
      let staying = 0;
      while (!signal?.aborted) {
        const jobs = await canary.list(queue, state, staying, PAGE);
        if (jobs.length === 0) break;
        const marked = jobs.filter((job) => job.isMarked).map((job) => job.id);
        const heads = await ledger.peek(marked);
        const husks = marked.filter((_, i) => isHusk(heads[i] ?? null));
        const gone = husks.length === 0 ? 0 : await canary.discard(queue, husks);
        removed += gone;
        staying += jobs.length - gone;
        if (gone > 0) onRemoved(removed);
      }
    }
  }
  return removed;
}

/** One without an entry may be a task that Redis has forgotten: its delivery would write it down again. */
function isHusk(entry: EntryHead | null): boolean {
  if (entry === null) return false;
  const isOpen = entry.state === 'accepted' || entry.state === 'running' || entry.state === 'retrying';
  return entry.owner !== 'canary' || !isOpen;
}
