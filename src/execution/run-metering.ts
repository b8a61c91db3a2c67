import type { Arm, RunMeter } from '../domain/aggregates.ts';
import type { TaskDefinition } from '../domain/task.ts';
import type { Delivery } from '../domain/task-backend.ts';

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
  if (queue.endsWith('.moved')) return 'moved';
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
  if (attempt === 1) meter.time(task.name, backend, arm, 'wait', Math.max(0, startedAt - dueAt));
  if (end === 'retried') return;
  const totalMs = Math.max(0, Date.now() - dueAt);
  meter.time(task.name, backend, arm, 'run', runMs);
  meter.time(task.name, backend, arm, 'total', totalMs);
  if (totalMs > task.timeoutMs) meter.count(task.name, backend, arm, 'overdue');
}
