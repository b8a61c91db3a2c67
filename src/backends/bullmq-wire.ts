import type { Job, JobsOptions, MinimalJob } from 'bullmq';
import { isPairKind } from '../domain/parity.ts';
import type { EnqueueRequest, JobMark } from '../domain/task-backend.ts';

/** BullMQ keeps options that it does not know; ours ride along in one field. */
export type MarkedOptions = JobsOptions & { readonly hybrid?: JobMark & { readonly forced?: true } };

/** BullMQ's score of a delayed job is its due time times this, plus a counter. */
const DELAYED_SCORE_SCALE = 0x1000;

export function bullKey(prefix: string, queue: string, part: string): string {
  return `${prefix}:${queue}:${part}`;
}

/**
 * The options of one `Queue.add`. Attempts and backoff are for workers without this library: on a marked job
 * they are never used up, because the ledger counts.
 */
export function bullOptions(request: EnqueueRequest, nowMs: number): MarkedOptions {
  const { id, retries, backoff, dueAt, priority, enqueuedAt, mark } = request;
  return {
    jobId: id,
    attempts: retries + 1,
    timestamp: enqueuedAt,
    ...(backoff.delayMs > 0
      ? {
          backoff: {
            type: backoff.type,
            delay: backoff.delayMs,
            ...(backoff.jitter > 0 ? { jitter: backoff.jitter } : {}),
          },
        }
      : {}),
    // BullMQ counts the delay from the job's timestamp, not from now.
    ...(dueAt !== null && dueAt > nowMs ? { delay: Math.max(1, dueAt - enqueuedAt) } : {}),
    ...(priority === null ? {} : { priority }),
    ...(mark === null ? {} : { hybrid: request.isForced ? { ...mark, forced: true } : mark }),
  };
}

/** null: somebody's plain `queue.add`. */
export function markOf(options: JobsOptions): JobMark | null {
  const { hybrid } = options as { readonly hybrid?: unknown };
  if (typeof hybrid !== 'object' || hybrid === null) return null;
  const { acceptedAt, copy } = hybrid as { readonly acceptedAt?: unknown; readonly copy?: unknown };
  if (typeof acceptedAt !== 'number') return null;
  return { acceptedAt, ...(isPairKind(copy) ? { copy } : {}) };
}

/** Whether it came to its backend otherwise than by ratio or flag. */
export function isForcedBy(options: JobsOptions): boolean {
  return (options as MarkedOptions).hybrid?.forced === true;
}

/** When the job was to begin at the earliest, milliseconds since 1970. */
export function dueAtOf(job: Job): number {
  return job.timestamp + (job.opts.delay ?? 0);
}

export function dueTimeOf(score: number): number {
  return Math.floor(score / DELAYED_SCORE_SCALE);
}

/** The tries that BullMQ itself would still allow after the current one. */
export function retriesLeftOf(job: Job): number {
  return Math.max(0, (job.opts.attempts ?? 1) - job.attemptsMade - 1);
}

/** The base delay of a job's own backoff, whatever its strategy is called. */
export function backoffDelayOf(job: MinimalJob | undefined): number {
  const backoff = job?.opts.backoff;
  return typeof backoff === 'object' ? (backoff.delay ?? 1000) : 1000;
}
