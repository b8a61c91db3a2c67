import type { EntryHead, JanitorLedger } from '../domain/janitor.ts';
import { isUnfinished } from '../domain/ledger.ts';
import { backendQueueOf, deliverable, jobRequestOf } from '../domain/queued-task.ts';
import type { BackendName } from '../domain/task.ts';
import type { TaskBackend } from '../domain/task-backend.ts';

/** Entries with their payloads in memory at once: each payload may have 256 KiB. */
const FULL_PAGE = 50;

/** What was found of some open tasks. */
export interface Mended {
  /** Those of the owner that are still unfinished, whoever runs them. */
  readonly open: readonly EntryHead[];
  readonly enqueued: number;
  /** Listed as open tasks of the owner, and nothing that could be run; some may have ended meanwhile. */
  readonly unreadable: readonly string[];
}

/**
 * Looks after open tasks: enqueues again those that no live worker runs and that their owner's backend does not hold.
 * @param ids as many as may be looked at in one go
 */
export async function mendOpenTasks(
  ledger: JanitorLedger,
  owner: BackendName,
  backend: TaskBackend,
  ids: readonly string[],
): Promise<Mended> {
  const heads = await ledger.peek(ids);
  // A canary task that is stable's by now was moved while this looked; the other way round there is none.
  const isStray = (head: EntryHead | null | undefined) =>
    !head || (owner === 'stable' && (head.owner !== owner || !isUnfinished(head)));
  const unreadable = ids.filter((_, i) => isStray(heads[i]));
  const open = heads.filter((entry) => entry !== null).filter((entry) => entry.owner === owner);
  const candidates = await withoutRunner(ledger, open);
  let enqueued = 0;
  for (const queue of new Set(candidates.map((entry) => backendQueueOf(owner, entry.spec)))) {
    const entries = candidates.filter((entry) => backendQueueOf(owner, entry.spec) === queue);
    const mended = await mendQueue(ledger, owner, backend, queue, entries);
    enqueued += mended.enqueued;
    unreadable.push(...mended.unreadable);
  }
  const lost = new Set(unreadable);
  return { open: open.filter((entry) => isUnfinished(entry) && !lost.has(entry.id)), enqueued, unreadable };
}

/** Entries that no live worker runs. */
async function withoutRunner(ledger: JanitorLedger, entries: readonly EntryHead[]): Promise<EntryHead[]> {
  const workers = entries.flatMap((entry) =>
    entry.state === 'running' && entry.worker ? [entry.worker] : [],
  );
  const alive = await ledger.aliveWorkers([...new Set(workers)]);
  return entries.filter(
    (entry) => isUnfinished(entry) && (entry.state !== 'running' || !alive.has(entry.worker ?? '')),
  );
}

async function mendQueue(
  ledger: JanitorLedger,
  owner: BackendName,
  backend: TaskBackend,
  queue: string,
  entries: readonly EntryHead[],
): Promise<Omit<Mended, 'open'>> {
  const presence = await backend.has(
    queue,
    entries.map((entry) => entry.id),
  );
  const gone = entries.filter((_, i) => presence[i] !== 'live').map((entry) => entry.id);
  if (gone.length === 0) return NOTHING;
  // Read again: one that has run and gone meanwhile is not missing.
  const again = (await ledger.peek(gone)).filter((entry) => entry !== null && entry.owner === owner);
  const missing = await withoutRunner(ledger, again as EntryHead[]);
  if (missing.length === 0) return NOTHING;
  // A dead job of the same id would swallow the new one.
  const dead = new Set(entries.filter((_, i) => presence[i] === 'dead').map((entry) => entry.id));
  await Promise.all(missing.filter(({ id }) => dead.has(id)).map(({ id }) => backend.remove(queue, id)));
  const unreadable: string[] = [];
  let enqueued = 0;
  for (let from = 0; from < missing.length; from += FULL_PAGE) {
    const ids = missing.slice(from, from + FULL_PAGE).map((entry) => entry.id);
    // Those that have finished since they were looked at are left out.
    const full = (await ledger.getMany(ids)).filter((entry) => entry !== null).filter(isUnfinished);
    const tasks = full.map(deliverable);
    unreadable.push(...full.filter((_, i) => tasks[i] === null).map(({ id }) => id));
    const requests = tasks.flatMap((task) => (task === null ? [] : [jobRequestOf(task, owner)]));
    const results = await backend.enqueue(requests);
    enqueued += results.filter(({ status }) => status === 'added').length;
    const refused = results.find((result) => result.status === 'error');
    if (refused?.status === 'error') throw refused.error;
  }
  return { enqueued, unreadable };
}

const NOTHING = { enqueued: 0, unreadable: [] };
