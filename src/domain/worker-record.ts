import type { BackendName } from './task.ts';

/** What a worker process says about itself with every heartbeat. Times are milliseconds since 1970. */
export interface WorkerRecord {
  /** New for each process life, and after Redis restarted. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly backends: readonly BackendName[];
  readonly queues: readonly string[];
  readonly tasks: readonly string[];
  readonly concurrency: number;
  readonly running: number;
  readonly startedAt: number;
  readonly seenAt: number;
}
