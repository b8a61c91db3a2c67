import { isPairKind } from '../domain/parity.ts';
import type { Backoff } from '../domain/task.ts';
import type { EnqueueRequest, JobMark } from '../domain/task-backend.ts';

/** The options of a bee-queue job, in the order in which bee-queue writes them, and what rides along of ours. */
export interface BeeJobOptions {
  timestamp: number;
  stacktraces: unknown[];
  retries?: number;
  backoff?: { strategy: string; delay?: number };
  timeout?: number | undefined;
  delay?: number;
  readonly hybrid?: unknown;
}

export interface BeeRecord {
  readonly data: unknown;
  readonly options: BeeJobOptions;
  readonly status: string;
  readonly progress: unknown;
}

/** Key of a bee-queue queue: `<prefix>:<queue>:<part>`. */
export function beeKey(prefix: string, queue: string, part: string): string {
  return `${prefix}:${queue}:${part}`;
}

/**
 * The record that bee-queue's Job#toData writes for
 * `createJob(payload).setId(id).retries(n).backoff(strategy, delay).timeout(ms).delayUntil(due)`, byte for byte.
 * The payload's text goes in as it is. Two things differ on purpose: a falsy payload stays what it is (bee-queue
 * itself stores `{}`), and `hybrid` follows where a worker of ours needs it.
 */
export function beeRecordText(request: EnqueueRequest, nowMs: number): string {
  const due = isLater(request.dueAt, nowMs) ? `,"delay":${request.dueAt}` : '';
  return (
    `{"data":${request.payload.text},"options":{"timestamp":${request.enqueuedAt},"stacktraces":[],` +
    `"retries":${request.retries},"backoff":${backoffText(request.backoff)},"timeout":${request.timeoutMs}${due}` +
    `${hybridText(request)}},"status":"created","progress":0}`
  );
}

export function isLater(dueAt: number | null, nowMs: number): dueAt is number {
  return dueAt !== null && dueAt > nowMs;
}

function backoffText(backoff: Backoff): string {
  return backoff.delayMs > 0
    ? `{"strategy":"${backoff.type}","delay":${backoff.delayMs}}`
    : '{"strategy":"immediate"}';
}

/** Not `isForced`: what goes to stable is bee-queue's own job, byte for byte. */
function hybridText({ mark, namesTask, task }: EnqueueRequest): string {
  if (mark === null && !namesTask) return '';
  return `,"hybrid":${JSON.stringify({ task, ...mark })}`;
}

/** null: not something that bee-queue wrote. */
export function readBeeRecord(text: string): BeeRecord | null {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(record) || (record.options !== undefined && !isObject(record.options))) return null;
  const options = { ...record.options } as unknown as BeeJobOptions;
  options.timestamp = typeof options.timestamp === 'number' ? options.timestamp : Date.now();
  options.stacktraces = Array.isArray(options.stacktraces) ? options.stacktraces : [];
  return {
    data: record.data === undefined ? {} : record.data,
    options,
    status: typeof record.status === 'string' ? record.status : 'created',
    progress: record.progress ?? 0,
  };
}

/** The mark in what rides on a job (`options.hybrid`), or null for somebody's plain job. */
export function readMark(hybrid: unknown): JobMark | null {
  if (!isObject(hybrid) || typeof hybrid.acceptedAt !== 'number') return null;
  const { acceptedAt, copy } = hybrid;
  return { acceptedAt, ...(isPairKind(copy) ? { copy } : {}) };
}

/** The task's name in what rides on a job, or null. */
export function readTaskName(hybrid: unknown): string | null {
  return isObject(hybrid) && typeof hybrid.task === 'string' ? hybrid.task : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
