import { beeKey, beeRecordText, isLater } from '../backends/bee-queue-wire.ts';
import type { MovedTask } from '../domain/ledger.ts';
import { deliverable, jobRequestOf } from '../domain/queued-task.ts';
import type { MovedDelivery, MovedOverview } from '../domain/rollback.ts';
import { mendOpenTasks } from '../execution/open-task-mender.ts';
import { type Connections, enqueueMoved } from './connections.ts';

const PAGE = 500;
/** Entries with their payloads in memory at once. */
const FULL_PAGE = 50;

type OnLooked = (looked: number, enqueuedAgain: number) => void;

/** To the moved queues, which workers of this library take. */
export function deliveryToMovedQueues(c: Connections): MovedDelivery {
  return {
    deliver: (tasks) => enqueueMoved(c.stable, tasks),
    mend: (onLooked) => walkMoved(c, onLooked, (ids) => mendOpenTasks(c.ledger, 'stable', c.stable, ids)),
  };
}

/** To the plain queues, for teams whose workers of stable know nothing of this library: the ledger lets go of the tasks. */
export function deliveryToPlainQueues(c: Connections): MovedDelivery {
  const handOver = async (tasks: readonly MovedTask[]) => {
    const nowMs = Date.now();
    return c.rollbackLedger.handOver(
      tasks.map((task) => {
        const { queue } = task.spec;
        const record = beeRecordText({ ...jobRequestOf(task, 'stable'), queue, mark: null }, nowMs);
        const dueAt = isLater(task.dueAt, nowMs) ? task.dueAt : null;
        return { id: task.id, keyPrefix: beeKey(c.config.stable.prefix, queue, ''), record, dueAt };
      }),
    );
  };
  const handOverAll = async (ids: readonly string[]) => {
    const open: MovedTask[] = [];
    const unreadable: string[] = [];
    let enqueued = 0;
    for (let from = 0; from < ids.length; from += FULL_PAGE) {
      const some = ids.slice(from, from + FULL_PAGE);
      const entries = await c.ledger.getMany(some);
      const whole = entries.map((entry) => (entry?.owner === 'stable' ? deliverable(entry) : null));
      unreadable.push(...some.filter((_, i) => !whole[i]));
      const tasks = whole.filter((task) => task !== null);
      const answers = await handOver(tasks);
      open.push(...tasks.filter((_, i) => answers[i] === 'left'));
      enqueued += answers.filter((answer) => answer === 'handed-over').length;
    }
    return { open, enqueued, unreadable };
  };
  return {
    deliver: async (tasks) => void (await handOver(tasks)),
    mend: (onLooked) => walkMoved(c, onLooked, handOverAll),
  };
}

interface Looked {
  readonly open: readonly { readonly spec: { readonly queue: string } }[];
  readonly enqueued: number;
  readonly unreadable: readonly string[];
}

async function walkMoved(
  c: Connections,
  onLooked: OnLooked,
  look: (ids: readonly string[]) => Promise<Looked>,
): Promise<MovedOverview> {
  const openByQueue = new Map<string, number>();
  const unreadable: string[] = [];
  let [cursor, looked, enqueuedAgain] = ['0', 0, 0];
  do {
    const page = await c.ledger.scanOpen('stable', cursor, PAGE);
    cursor = page.cursor;
    if (page.tasks.length === 0) continue;
    const found = await look(page.tasks.map(({ id }) => id));
    for (const { spec } of found.open) openByQueue.set(spec.queue, (openByQueue.get(spec.queue) ?? 0) + 1);
    unreadable.push(...found.unreadable);
    looked += page.tasks.length;
    enqueuedAgain += found.enqueued;
    onLooked(looked, enqueuedAgain);
  } while (cursor !== '0');
  return { openByQueue, looked, enqueuedAgain, unreadable };
}
