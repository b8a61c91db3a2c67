import type { Pair } from '../domain/parity.ts';
import { movedQueueOf } from '../domain/task-backend.ts';
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
    readOutcomes: (ids) => Promise.all(ids.map((id) => c.outcomes.read(id))),
    endCopies: (pairs) => endCopies(c, tasks, pairs),
    log: c.log,
  });
}

/** Copies that came to no end in time; where nobody runs them their jobs would pile up. */
async function endCopies(c: Connections, tasks: TaskRegistry, pairs: readonly Pair[]): Promise<void> {
  const ids = pairs.flatMap(({ kind, primary, copy }) => (kind === 'replay' ? [primary, copy] : [copy]));
  await c.copies.cancel(ids);
  for (const { task, copy, primary, kind } of pairs) {
    const queue = tasks.get(task)?.queue;
    if (queue === undefined) continue;
    for (const id of kind === 'replay' ? [primary, copy] : [copy]) {
      // One of them knows it; one that is running stays, and is told to end.
      if (c.canary.isReachable()) await c.canary.remove(queue, id);
      await c.stable.remove(movedQueueOf(queue), id);
    }
  }
}
