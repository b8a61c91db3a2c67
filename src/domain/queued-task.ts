import { jsonText } from './json.ts';
import type { LedgerEntry, MovedTask, TaskSpec } from './ledger.ts';
import type { BackendName } from './task.ts';
import { copiesQueueOf, type EnqueueRequest, movedQueueOf } from './task-backend.ts';

/** Where a ledger task waits: beside the jobs of plain bee-queue producers once it is stable's; a copy among copies. */
export function backendQueueOf(
  owner: BackendName,
  { queue, copy }: Pick<TaskSpec, 'queue' | 'copy'>,
): string {
  if (copy !== undefined) return copiesQueueOf(queue);
  return owner === 'canary' ? queue : movedQueueOf(queue);
}

/** An unfinished entry as a task to enqueue; null: its payload is gone or no JSON, so that nobody could run it. */
export function deliverable(entry: LedgerEntry): MovedTask | null {
  const { payload } = entry;
  if (payload === null) return null;
  try {
    JSON.parse(payload);
    return { ...entry, payload };
  } catch {
    return null;
  }
}

/** The job of a ledger task, with what is left of its tries and its delay. */
export function jobRequestOf(task: MovedTask, owner: BackendName): EnqueueRequest {
  const { id, spec, acceptedAt } = task;
  return {
    id,
    queue: backendQueueOf(owner, spec),
    task: spec.task,
    namesTask: spec.namesTask,
    payload: jsonText(task.payload),
    mark: { acceptedAt, ...(spec.copy === undefined ? {} : { copy: spec.copy }) },
    retries: Math.max(0, spec.retries - task.failures),
    backoff: spec.backoff,
    timeoutMs: spec.timeoutMs,
    dueAt: task.dueAt,
    priority: spec.priority,
    enqueuedAt: acceptedAt,
  };
}
