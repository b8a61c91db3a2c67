import type { Arm, RunMeter } from '../domain/aggregates.ts';
import type { TaskDefinition } from '../domain/task.ts';
import { type Delivery, isOwnQueue } from '../domain/task-backend.ts';

/** One run of a handler, as far as it is counted. */
export interface MeteredRun {
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** How long the handler took, in milliseconds. */
  readonly runMs: number;
  readonly end: 'succeeded' | 'failed' | 'retried';
}

/** How a delivery came to its backend. */
export function armOf({ mark, queue, isForced }: Delivery): Arm {
  if (mark?.copy !== undefined) return mark.copy;
  if (isOwnQueue(queue)) return 'moved';
  return isForced ? 'forced' : 'assigned';
}

/** Counts and times a run that was recorded; one that was fenced or aborted to run elsewhere is not told. */
export function meterRun(
  meter: RunMeter,
  task: Pick<TaskDefinition, 'name' | 'timeoutMs'>,
  delivery: Delivery,
  { attempt, startedAt, runMs, end }: MeteredRun,
): void {
  const { backend, dueAt } = delivery;
  const arm = armOf(delivery);
  meter.count(task.name, backend, arm, end);
  // Clocks of two machines differ: a wait is never less than nothing.
  // A copy waits in a queue of its own, which says nothing about the caller's.
  const isCopy = delivery.mark?.copy !== undefined;
  if (attempt === 1 && !isCopy) meter.time(task.name, backend, arm, 'wait', Math.max(0, startedAt - dueAt));
  if (end === 'retried') return;
  const totalMs = Math.max(0, Date.now() - dueAt);
  meter.time(task.name, backend, arm, 'run', runMs);
  if (isCopy) return;
  meter.time(task.name, backend, arm, 'total', totalMs);
  if (totalMs > task.timeoutMs) meter.count(task.name, backend, arm, 'overdue');
}
