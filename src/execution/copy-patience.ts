import type { TaskDefinition } from '../domain/task.ts';
import { retryDelayMs } from './retry-delay.ts';

const DAY_MS = 86_400_000;
/** A pair is settled, or given up, so long before its records go. */
const SETTLING_SECONDS = 120;

/** The part of the config that says how long things stay. */
export interface LifetimeSettings {
  readonly parity: { readonly deadlineSeconds: number };
  readonly results: { readonly resultTtlSeconds: number; readonly failureTtlSeconds: number };
}

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

/**
 * The same of a pair, whose primary's outcome has to be there still when it is settled: one that has expired is not one that
 * never came. Half of its lifetime, because a copy that begins late has this time from then on.
 */
export function pairPatienceMs(
  task: Pick<TaskDefinition, 'retries' | 'backoff' | 'resultTtlSeconds' | 'failureTtlSeconds'>,
  { parity, results }: LifetimeSettings,
): number {
  const keptSeconds = Math.min(
    task.resultTtlSeconds ?? results.resultTtlSeconds,
    task.failureTtlSeconds ?? results.failureTtlSeconds,
  );
  return Math.min(copyPatienceMs(task, parity.deadlineSeconds), keptSeconds * 450);
}

/** How long a copy's record and outcome stay, in seconds: until its other side, which may have begun late, has ended as well. */
export function copyTtlSeconds(
  task: Pick<TaskDefinition, 'retries' | 'backoff'>,
  deadlineSeconds: number,
): number {
  return Math.ceil((2 * copyPatienceMs(task, deadlineSeconds)) / 1000) + SETTLING_SECONDS;
}
