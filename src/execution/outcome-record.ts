import type { Outcome, OutcomeError } from '../domain/outcome.ts';
import type { TaskDefinition } from '../domain/task.ts';
import type { Delivery, EncodedJson } from '../domain/task-backend.ts';
import { copyTtlSeconds } from './copy-patience.ts';
import type { RunEnvironment } from './run-environment.ts';

/** The stored form of how a run ended. */
export function outcomeOf(
  task: string,
  delivery: Delivery,
  result:
    | { status: 'succeeded'; value: EncodedJson | null }
    | { status: 'failed' | 'cancelled'; error: OutcomeError },
  attempts: number,
  startedAt: number,
): Outcome {
  return {
    id: delivery.id,
    task,
    backend: delivery.backend,
    status: result.status,
    ...(result.status === 'succeeded'
      ? result.value === null
        ? {}
        : { value: result.value.value }
      : { error: result.error }),
    attempts,
    enqueuedAt: delivery.enqueuedAt,
    startedAt,
    finishedAt: Date.now(),
  };
}

export interface Lifetimes {
  readonly result: number;
  readonly failure: number;
  /** How long the ledger entry stays: the longer of the two. */
  readonly entry: number;
}

/** How long a task's outcomes stay, in seconds. */
export function lifetimesOf(
  task: TaskDefinition,
  env: Pick<RunEnvironment, 'resultTtlSeconds' | 'failureTtlSeconds' | 'copyDeadlineSeconds'>,
  isCopy: boolean,
): Lifetimes {
  if (isCopy) {
    const seconds = copyTtlSeconds(task, env.copyDeadlineSeconds);
    return { result: seconds, failure: seconds, entry: seconds };
  }
  const result = task.resultTtlSeconds ?? env.resultTtlSeconds;
  const failure = task.failureTtlSeconds ?? env.failureTtlSeconds;
  return { result, failure, entry: Math.max(result, failure) };
}

/** The error object handed to a backend: only what may be stored there. */
export function errorFor(error: OutcomeError): Error {
  const plain = new Error(error.message);
  plain.name = error.name;
  plain.stack = `${error.name}: ${error.message}`;
  return plain;
}
