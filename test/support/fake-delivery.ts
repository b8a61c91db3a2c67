import type { Delivery } from '../../src/domain/task-backend.ts';
import { jobId } from './job-requests.ts';

/** A delivery as a backend would hand it out. */
export function fakeDelivery(change: Partial<Delivery> = {}): Delivery {
  return {
    backend: 'stable',
    queue: 'test-queue',
    id: jobId(),
    task: 'test-task',
    data: {},
    mark: null,
    isForced: false,
    enqueuedAt: 1_763_750_000_000,
    dueAt: 1_763_750_000_000,
    failuresBefore: 0,
    retriesLeft: 0,
    progress: async () => {},
    ...change,
  };
}
