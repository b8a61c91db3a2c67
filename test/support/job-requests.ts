import type { EnqueueRequest } from '../../src/domain/task-backend.ts';
import { newTaskId } from '../../src/manager/submission.ts';

/** An id as the library makes them. */
export function jobId(): string {
  return newTaskId();
}

/** A request with everything ordinary; `payload` is a plain value here. */
export function jobRequest(
  queue: string,
  payload: unknown,
  rest: Partial<Omit<EnqueueRequest, 'payload'>> = {},
): EnqueueRequest {
  return {
    id: jobId(),
    queue,
    task: 'test-task',
    namesTask: true,
    payload: { text: JSON.stringify(payload), value: payload },
    mark: null,
    retries: 0,
    backoff: { type: 'fixed', delayMs: 20, maxDelayMs: 1000, jitter: 0 },
    timeoutMs: 600_000,
    dueAt: null,
    priority: null,
    enqueuedAt: Date.now(),
    ...rest,
  };
}
