import { UnknownTaskError } from '../domain/errors.ts';
import type { Delivery, Settlement } from '../domain/task-backend.ts';
import type { RunEnvironment } from './run-environment.ts';

/** A rolling deployment takes longer than this; a log line per round is enough. */
const LOOK_AGAIN_MS = 30_000;

/** A submission that no task here is for waits for a worker that has one (a rolling deployment). */
export function waitForDefinition(delivery: Delivery, env: RunEnvironment): Settlement {
  const error = new UnknownTaskError(delivery.task, env.tasks.names);
  env.log.error(
    { id: delivery.id, queue: delivery.queue },
    `${error.message} It waits for a worker that can run it.`,
  );
  return env.canPostpone(delivery.backend)
    ? { kind: 'postpone', delayMs: LOOK_AGAIN_MS }
    : { kind: 'retry', delayMs: LOOK_AGAIN_MS, error };
}
