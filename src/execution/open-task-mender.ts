import type { EntryHead, JanitorLedger } from '../domain/janitor.ts';
import type { LedgerEntry } from '../domain/ledger.ts';
import { backendQueueOf, jobRequestOf } from '../domain/queued-task.ts';
import type { BackendName } from '../domain/task.ts';
import type { EnqueueRequest, TaskBackend } from '../domain/task-backend.ts';

/** Entries with their payloads in memory at once: each payload may have 256 KiB. */
const FULL_PAGE = 50;

/** What was found of some open tasks. */
export interface Mended {
  /** Those of the owner that are still unfinished, whoever runs them. */
  readonly open: readonly EntryHead[];
  readonly enqueued: number;
  /** Open by the ledger's lists, and without a readable entry. */
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
  const unreadable = ids.filter((_, i) => heads[i] === null);
  const open = heads.filter((entry) => entry !== null).filter((entry) => entry.owner === owner);
  const candidates = await withoutRunner(ledger, open);
  let enqueued = 0;
  for (const queue of new Set(candidates.map((entry) => backendQueueOf(owner, entry.spec.queue)))) {
    const entries = candidates.filter((entry) => backendQueueOf(owner, entry.spec.queue) === queue);
    enqueued += await mendQueue(ledger, owner, backend, queue, entries);
  }
  return { open: open.filter(isUnfinished), enqueued, unreadable };
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

function isUnfinished({ state }: EntryHead): boolean {
  return state === 'accepted' || state === 'retrying' || state === 'running';
}

async function mendQueue(
  ledger: JanitorLedger,
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
  if (gone.length === 0) return 0;
  // Read again: one that has run and gone meanwhile is not missing.
  const again = (await ledger.peek(gone)).filter((entry) => entry !== null && entry.owner === owner);
  const missing = await withoutRunner(ledger, again as EntryHead[]);
  if (missing.length === 0) return 0;
  // A dead job of the same id would swallow the new one.
  const dead = new Set(entries.filter((_, i) => presence[i] === 'dead').map((entry) => entry.id));
  await Promise.all(missing.filter(({ id }) => dead.has(id)).map(({ id }) => backend.remove(queue, id)));
  let added = 0;
  for (let from = 0; from < missing.length; from += FULL_PAGE) {
    const ids = missing.slice(from, from + FULL_PAGE).map((entry) => entry.id);
    const full = await ledger.getMany(ids);
    const results = await backend.enqueue(full.flatMap((entry) => requestFor(owner, entry)));
    added += results.filter(({ status }) => status === 'added').length;
    const refused = results.find((result) => result.status === 'error');
    if (refused?.status === 'error') throw refused.error;
  }
  return added;
}

function requestFor(owner: BackendName, entry: LedgerEntry | null): EnqueueRequest[] {
  // Finished since it was looked at.
  if (entry === null || entry.payload === null) return [];
  return [jobRequestOf({ ...entry, payload: entry.payload }, owner)];
}
