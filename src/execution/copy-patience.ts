import type { TaskDefinition } from '../domain/task.ts';
import { retryDelayMs } from './retry-delay.ts';

const DAY_MS = 86_400_000;
/** A pair is settled, or given up, so long before its records go. */
const SETTLING_SECONDS = 120;

/**
 * How long after it was due a run may take before it counts as missing, in milliseconds: the config's deadline, and what the
 * task's own pauses between its tries take. A day at most.
 */
export function copyPatienceMs(
  { retries, backoff }: Pick<TaskDefinition, 'retries' | 'backoff'>,
  deadlineSeconds: number,
): number {
  let patienceMs = deadlineSeconds * 1000;
  for (let failures = 1; failures <= retries && patienceMs < DAY_MS; failures++) {
    patienceMs += retryDelayMs(backoff, failures, 0);
  }
  return Math.min(patienceMs, DAY_MS);
}

/** How long a copy's record and outcome stay, in seconds. */
export function copyTtlSeconds(
  task: Pick<TaskDefinition, 'retries' | 'backoff'>,
  deadlineSeconds: number,
): number {
  return Math.ceil(copyPatienceMs(task, deadlineSeconds) / 1000) + SETTLING_SECONDS;
}
