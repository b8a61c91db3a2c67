import type { EntryHead } from '../domain/janitor.ts';
import { isUnfinished } from '../domain/ledger.ts';
import { copiesIn } from '../domain/parity.ts';
import { pairPatienceMs } from '../execution/copy-patience.ts';
import type { TaskRegistry } from '../execution/task-registry.ts';
import type { Connections } from '../manager/connections.ts';
import { Comparer } from '../parity/comparer.ts';
import { endCopies } from './copy-jobs.ts';

/** How often a worker looks for pairs to compare, in milliseconds. */
const INTERVAL_MS = 1_000;

/** A worker's part in comparing: the pairs of the tasks that it knows. */
export function comparerOf(c: Connections, tasks: TaskRegistry): Comparer {
  const comparable = tasks.names.flatMap((name) => {
    const parity = tasks.get(name)?.parity;
    return parity?.shadowSafe ? [[name, parity] as const] : [];
  });
  return new Comparer(c.pairs, {
    intervalMs: INTERVAL_MS,
    tasks: new Map(comparable),
    areRecorded: (ids) => Promise.all(ids.map((id) => c.outcomes.isRecorded(id))),
    readOutcomes: (ids) => Promise.all(ids.map((id) => c.outcomes.read(id))),
    patienceMs: (task) => {
      const definition = tasks.get(task);
      return definition ? pairPatienceMs(definition, c.config) : 0;
    },
    startedAt: (ids) => startedAt(c, ids),
    endCopies: (pairs) =>
      endCopies(
        c,
        pairs.flatMap((pair) => {
          const queue = tasks.get(pair.task)?.queue;
          return queue === undefined ? [] : copiesIn(pair).map((id) => ({ id, queue }));
        }),
      ),
    log: c.log,
  });
}

/** @see ComparerOptions.startedAt */
async function startedAt(c: Connections, ids: readonly string[]): Promise<(number | null)[]> {
  const heads = await c.ledger.peek(ids);
  const running = (head: EntryHead | null) => (head?.state === 'running' ? (head.worker ?? '') : null);
  const workers = heads.map(running).filter((worker) => worker !== null);
  const alive = await c.ledger.aliveWorkers([...new Set(workers)]);
  return heads.map((head) => {
    // One that has ended has had an outcome, which has expired.
    if (!head || !isUnfinished(head)) return null;
    const worker = running(head);
    return worker !== null && !alive.has(worker) ? null : head.startedAt;
  });
}
