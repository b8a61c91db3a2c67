import type { OpenTask } from '../domain/janitor.ts';
import { isUnfinished } from '../domain/ledger.ts';
import { copiesQueueOf } from '../domain/task-backend.ts';
import { copyPatienceMs } from '../execution/copy-patience.ts';
import type { Connections } from '../manager/connections.ts';

/** Whoever compares a copy's pair ends it at its deadline; only what it leaves is ended so much later. Milliseconds. */
const GRACE_MS = 60_000;

/** A copy, and the queue of its task. */
export interface CopyJob {
  readonly id: string;
  readonly queue: string;
}

/** Ends copies that nobody needs any more; where nobody runs them their jobs would pile up. May be repeated. */
export async function endCopies(c: Connections, jobs: readonly CopyJob[]): Promise<void> {
  await c.copies.cancel(jobs.map(({ id }) => id));
  for (const { id, queue } of jobs) {
    // One of them knows it; one that is running stays, and has been told to end.
    for (const backend of [c.stable, c.canary]) {
      if (!backend.isReachable()) continue;
      await backend
        .remove(copiesQueueOf(queue), id)
        // It stays as a job that a worker is told to skip; the others must not wait for it.
        .catch((error: Error) => c.log.debug({ id }, `the job of a copy stays: ${error.message}`));
    }
  }
}

/**
 * Ends copies whose time is long over, whatever their task: no worker may know it any more, and as long as they are open
 * they take the room of others.
 * @param now on the ledger's clock
 * @returns those that may still run
 */
export async function endOverdueCopies(
  c: Connections,
  copies: readonly OpenTask[],
  now: number,
): Promise<readonly OpenTask[]> {
  const { deadlineSeconds } = c.config.parity;
  const old = copies.filter(({ acceptedAt }) => now > acceptedAt + deadlineSeconds * 1000 + GRACE_MS);
  if (old.length === 0) return copies;
  const heads = await c.ledger.peek(old.map(({ id }) => id));
  // Whose record is gone is only listed still, and takes room.
  await c.copies.cancel(old.filter((_, i) => heads[i] === null).map(({ id }) => id));
  const overdue = heads.flatMap((head) => {
    if (!head || !isUnfinished(head)) return [];
    const dueAt = Math.max(head.acceptedAt, head.spec.dueAt ?? 0, head.startedAt ?? 0);
    const isOver = now > dueAt + copyPatienceMs(head.spec, deadlineSeconds) + GRACE_MS;
    return isOver ? [{ id: head.id, queue: head.spec.queue }] : [];
  });
  if (overdue.length === 0) return copies;
  await endCopies(c, overdue);
  c.log.warn(
    { copies: overdue.length },
    'ended copies that nobody ran in time; does a worker know their tasks?',
  );
  const ended = new Set(overdue.map(({ id }) => id));
  return copies.filter(({ id }) => !ended.has(id));
}
