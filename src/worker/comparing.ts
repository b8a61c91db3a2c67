import type { Pair } from '../domain/parity.ts';
import { copiesQueueOf } from '../domain/task-backend.ts';
import type { TaskRegistry } from '../execution/task-registry.ts';
import type { Connections } from '../manager/connections.ts';
import { Comparer } from '../parity/comparer.ts';

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
    endCopies: (pairs) => endCopies(c, tasks, pairs),
    log: c.log,
  });
}

/** Ends copies that nobody needs any more; where nobody runs them their jobs would pile up. May be repeated. */
async function endCopies(c: Connections, tasks: TaskRegistry, pairs: readonly Pair[]): Promise<void> {
  const copiesOf = ({ kind, primary, copy }: Pair) => (kind === 'replay' ? [primary, copy] : [copy]);
  await c.copies.cancel(pairs.flatMap(copiesOf));
  for (const pair of pairs) {
    const queue = tasks.get(pair.task)?.queue;
    if (queue === undefined) continue;
    for (const id of copiesOf(pair)) {
      // One of them knows it; one that is running stays, and has been told to end.
      for (const backend of [c.stable, c.canary]) {
        if (!backend.isReachable()) continue;
        await backend
          .remove(copiesQueueOf(queue), id)
          // It stays as a job that a worker is told to skip; the other pairs must not wait for it.
          .catch((error: Error) => c.log.debug({ id }, `the job of a copy stays: ${error.message}`));
      }
    }
  }
}
