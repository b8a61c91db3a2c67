import { type Job, type JobJson, UnrecoverableError, Worker } from 'bullmq';
import { asError, shortened } from './run-failure.ts';

/** BullMQ's worker, made safe against records that cannot be read, and stoppable when Redis does not answer. */
export class ReadingWorker extends Worker {
  /** What is wrong with a job that must not be run. */
  readonly problems = new WeakMap<Job, string>();

  protected override createJob(record: JobJson, id: string): Job {
    let job: Job;
    try {
      job = super.createJob(record, id);
    } catch {
      // BullMQ would leave it active and trip over it again after every stall.
      job = super.createJob({ ...record, data: '{}' }, id);
      this.problems.set(job, 'its data is not JSON');
    }
    if (typeof job.name !== 'string') this.problems.set(job, 'its record is gone');
    return job;
  }

  /** Ends the timers that a close() which waits for Redis would never reach: of lock renewal and of stall checks. */
  async endTimers(): Promise<void> {
    await this.lockManager.close();
    const endStallChecks: unknown = Reflect.get(this, 'stalledCheckStopper');
    if (typeof endStallChecks === 'function') endStallChecks();
  }
}

/** What makes BullMQ fail a job for good, whatever attempts it has left. */
export function unrecoverable(error: Error): UnrecoverableError {
  const short = shortened(error);
  return asError(new UnrecoverableError(short.message), short);
}
