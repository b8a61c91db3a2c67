import type { RollbackProblem } from '../domain/rollback.ts';
import type { WorkerRecord } from '../domain/worker-record.ts';

/** Live workers that take what comes back, by queue. */
export function stableConsumers(
  workers: readonly WorkerRecord[],
  queues: Iterable<string>,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const queue of queues) {
    counts[queue] = workers.filter(
      (worker) => worker.backends.includes('stable') && worker.queues.includes(queue),
    ).length;
  }
  return counts;
}

/** What is known of who is at work. */
export interface Attendance {
  readonly workers: readonly WorkerRecord[];
  /** Whether anybody waits for bee-queue's jobs, our own workers among them. null: Redis does not let us look. */
  readonly hasQueueConsumers: boolean | null;
}

export type ConsumerCheck =
  | { readonly status: 'fine' }
  /** Nobody is at work at all: the team has stopped its workers, and these tasks wait with all the others. */
  | { readonly status: 'all-stopped'; readonly note: string }
  | { readonly status: 'missing'; readonly problem: RollbackProblem };

/** Whether somebody takes from the plain queues: all that can be seen is that a client waits for bee-queue's jobs. */
export function checkPlainConsumers(handedOver: number, attendance: Attendance): ConsumerCheck {
  if (handedOver === 0 || attendance.hasQueueConsumers !== false) return { status: 'fine' };
  if (attendance.workers.length === 0) {
    const note = 'No worker is running at all. What was handed over waits until one of bee-queue is started.';
    return { status: 'all-stopped', note };
  }
  return {
    status: 'missing',
    problem: {
      code: 'E_NO_STABLE_CONSUMER',
      message: `${handedOver} tasks are in the plain bee-queue queues, but no bee-queue worker waits for jobs on this Redis. Start yours.`,
      command: null,
    },
  };
}

/** Whether somebody takes the tasks that came back (docs/decisions/0009). @param open unfinished moved tasks by queue */
export function checkConsumers(open: ReadonlyMap<string, number>, attendance: Attendance): ConsumerCheck {
  const { workers, hasQueueConsumers } = attendance;
  const counts = stableConsumers(workers, open.keys());
  const missing = [...open].filter(([queue]) => counts[queue] === 0);
  if (missing.length === 0) return { status: 'fine' };
  const waiting = missing.map(([queue, tasks]) => `${tasks} in ${queue}.moved`).join(', ');
  if (workers.length === 0 && hasQueueConsumers === false) {
    const note = `No worker is running at all. These wait until one of stable is started: ${waiting}.`;
    return { status: 'all-stopped', note };
  }
  // With a worker of ours on stable (of another queue) it may be that one.
  const isPlain = hasQueueConsumers && !workers.some(({ backends }) => backends.includes('stable'));
  const plain = isPlain
    ? ' Somebody consumes bee-queue without this library: if those are your only workers of stable, run ./rollback.sh --plain-stable.'
    : '';
  return {
    status: 'missing',
    problem: {
      code: 'E_NO_STABLE_CONSUMER',
      message: `Everything is back on bee-queue, but no live worker of stable takes: ${waiting}.${plain}`,
      command: isPlain ? './rollback.sh --plain-stable' : 'npx hybrid worker --backend stable',
    },
  };
}
