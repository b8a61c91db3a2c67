import { copiesIn } from '../domain/parity.ts';
import { copyPatienceMs } from '../execution/copy-patience.ts';
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
      return definition ? copyPatienceMs(definition, c.config.parity.deadlineSeconds) : 0;
    },
    startedAt: async (ids) => (await c.ledger.peek(ids)).map((head) => head?.startedAt ?? null),
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
