import { PoisonTaskError } from '../domain/errors.ts';
import type { WorkerEvent } from '../domain/events.ts';
import type { TaskBackend } from '../domain/task-backend.ts';
import { isTaskId } from '../domain/task-id.ts';
import type { Connections } from '../manager/connections.ts';

/**
 * Counts how often a job without ledger entry stalled, and parks the one that keeps taking its workers down: its
 * failure is recorded, so that whoever gets it delivered skips it, and the job is removed. bee-queue itself would
 * deliver it for ever. Tasks with an entry are counted by the ledger.
 *
 * @returns true: somebody has just taken it, so it has to be refused; an outcome alone stops only tasks that store theirs
 */
export async function countStall(
  c: Connections,
  backend: TaskBackend,
  queue: string,
  id: string,
  emit: (event: WorkerEvent) => void,
): Promise<boolean> {
  if (await c.ledger.get(id)) return false;
  const { maxLosses } = c.config.worker;
  const losses = await c.ledger.countStall(queue, id, c.config.results.failureTtlSeconds);
  const at = Date.now();
  const event = { id, task: '', queue, backend: backend.name, attempt: losses, at };
  emit({ ...event, type: 'stalled' });
  if (losses <= maxLosses) return false;
  if (isTaskId(id)) {
    const { name, message, code } = new PoisonTaskError(id, losses);
    const error = { name, message, code };
    const times = { attempts: losses, enqueuedAt: at, startedAt: 0, finishedAt: at };
    const outcome = { id, task: '', backend: backend.name, status: 'failed', error, ...times } as const;
    await c.outcomes.record(outcome, c.config.results.failureTtlSeconds);
  }
  await c.ledger.park(isTaskId(id) ? id : `${queue}:${id}`, c.config.results.failureTtlSeconds);
  const isRemoved = await backend.remove(queue, id);
  emit({ ...event, type: 'parked' });
  return !isRemoved;
}
