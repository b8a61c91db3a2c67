import { DelayedError, type Job, type KeepJobs, UnrecoverableError, WaitingError } from 'bullmq';
import { Redis } from 'ioredis';
import { ioredisOptions, reconnectDelayMs } from '../domain/redis-address.ts';
import type { ConsumeOptions, Consumer, Delivery, Settlement } from '../domain/task-backend.ts';
import { parkIfUnreadable } from './bullmq-parking.ts';
import { backoffDelayOf, dueAtOf, isForcedBy, markOf, retriesLeftOf } from './bullmq-wire.ts';
import { ReadingWorker, unrecoverable } from './bullmq-worker.ts';
import { type Deferred, deadlineOf, deferred } from './deadline.ts';
import type { Consumption } from './redis-backend.ts';
import { connectWithin, DISCONNECT_MS, type RedisLink } from './redis-link.ts';
import { settlementOf, shortened } from './run-failure.ts';
import { coalesceWrites } from './write-coalescing.ts';

/** BullMQ must not fail a marked job by itself: the ledger counts lost workers. */
const NO_STALL_LIMIT = 1_000_000;
/** BullMQ's own limit, kept for jobs that are not ours. */
const PLAIN_STALL_LIMIT = 1;
/** Longer than any blocking read of BullMQ (10 s), so that only a dead connection meets it. */
const SILENCE_MS = 30_000;
const CLOSE_MS = 1000;
/** Name of a backoff strategy that only lives in this process: the delay that a settlement asked for. */
const GIVEN_DELAY = 'given';

export interface BullConsumption extends Consumption {
  readonly keepFailed: KeepJobs | boolean;
}

/** @throws {RedisUnreachableError | RedisUnsuitableError} */
export async function startBullConsumer(consumption: BullConsumption): Promise<Consumer> {
  await connectWithin(consumption.link.address, consumption.commandTimeoutMs);
  const consumer = new BullConsumer(consumption);
  await consumer.start();
  return consumer;
}

class BullConsumer implements Consumer {
  #consumption: BullConsumption;
  #link: RedisLink;
  #options: ConsumeOptions;
  #redis: Redis;
  #worker: ReadingWorker;
  /** One per running delivery: lets go of it. */
  #running = new Set<() => void>();
  #idle: Deferred<void> | undefined;
  #stopped: Promise<boolean> | undefined;

  constructor(consumption: BullConsumption) {
    const { link, prefix, queue, options } = consumption;
    this.#consumption = consumption;
    this.#link = link;
    this.#options = options;
    this.#redis = new Redis({
      ...ioredisOptions(link.address),
      maxRetriesPerRequest: null,
      // The worker's blocking connection is a copy of this one, out of reach while it has never been ready.
      retryStrategy: (attempt) => (this.#stopped === undefined ? reconnectDelayMs(attempt) : null),
      socketTimeout: SILENCE_MS,
      disconnectTimeout: DISCONNECT_MS,
    });
    coalesceWrites(this.#redis);
    this.#redis.on('error', () => {}); // the worker reports it
    this.#worker = new ReadingWorker(queue, (job, token) => this.#deliver(job, token ?? ''), {
      connection: this.#redis,
      prefix,
      concurrency: options.concurrency,
      lockDuration: options.stallIntervalMs,
      stalledInterval: Math.ceil(options.stallIntervalMs / 2),
      maxStalledCount: NO_STALL_LIMIT,
      runRetryDelay: CLOSE_MS,
      // For GIVEN_DELAY, and for strategies that only the workers of a plain job's own team know.
      settings: { backoffStrategy: (_made, _type, _error, job) => backoffDelayOf(job) },
    });
    this.#worker.on('error', (error) => this.#report(error));
    this.#worker.on('stalled', (id) => this.#onStalled(id));
    this.#worker.on('failed', (job) => {
      const problem = job && this.#worker.problems.get(job);
      if (job && problem) options.onUnreadable?.(job.id ?? '', problem);
    });
  }

  async start(): Promise<void> {
    const { commandTimeoutMs } = this.#consumption;
    const deadline = deadlineOf(commandTimeoutMs);
    try {
      if ((await Promise.race([this.#worker.waitUntilReady(), deadline.passed])) !== 'late') return;
    } catch (error) {
      await this.stop(0);
      throw this.#link.explain(error, 'consume');
    } finally {
      deadline.cancel();
    }
    await this.stop(0);
    throw this.#link.lateness(commandTimeoutMs);
  }

  stop(graceMs: number): Promise<boolean> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<boolean> {
    const closed = this.#worker.close().catch(() => {});
    const grace = deadlineOf(graceMs);
    this.#idle = deferred();
    if (this.#running.size > 0) await Promise.race([this.#idle.promise, closed, grace.passed]);
    grace.cancel();
    const isDone = this.#running.size === 0;
    const soon = deadlineOf(isDone ? CLOSE_MS : 0);
    const isClosed = (await Promise.race([closed, soon.passed])) !== 'late';
    soon.cancel();
    if (isClosed) this.#redis.disconnect();
    else await this.#abandon(closed);
    return isDone;
  }

  /** Cuts the connections first, so that what still runs can no longer touch its job: a stall check gives that back. */
  async #abandon(closed: Promise<void>): Promise<void> {
    this.#redis.disconnect();
    for (const letGo of this.#running) letGo();
    await this.#worker.endTimers();
    const soon = deadlineOf(CLOSE_MS);
    await Promise.race([closed, soon.passed]);
    soon.cancel();
  }

  #report(error: unknown): void {
    if (this.#stopped === undefined) this.#options.onError?.(this.#link.explain(error, 'consume'));
  }

  /** BullMQ's processor. What it throws tells BullMQ what to do. */
  async #deliver(job: Job, token: string): Promise<unknown> {
    if (this.#stopped !== undefined) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const problem = this.#worker.problems.get(job);
    if (problem !== undefined) {
      job.opts.removeOnFail = this.#consumption.keepFailed;
      throw new UnrecoverableError(`This job cannot be run: ${problem}.`);
    }
    const isMarked = markOf(job.opts) !== null;
    if (!isMarked && job.stalledCounter > PLAIN_STALL_LIMIT) {
      throw new UnrecoverableError('job stalled more than allowable limit');
    }
    const settlement = await this.#settlementOf(job);
    if (settlement === undefined) throw new DelayedError(); // let go of: nobody can move the job any more
    return this.#settle(job, token, isMarked, settlement);
  }

  #settlementOf(job: Job): Promise<Settlement | undefined> {
    return new Promise((resolve) => {
      const letGo = () => resolve(undefined);
      this.#running.add(letGo);
      void this.#runOf(job).then((settlement) => {
        this.#running.delete(letGo);
        resolve(settlement);
        if (this.#running.size === 0) this.#idle?.resolve();
      });
    });
  }

  async #settle(job: Job, token: string, isMarked: boolean, settlement: Settlement): Promise<unknown> {
    switch (settlement.kind) {
      case 'complete':
        // BullMQ copies a result into its event stream; a marked job's is stored as its outcome.
        return isMarked ? undefined : settlement.value;
      case 'fail':
        throw unrecoverable(settlement.error);
      case 'postpone':
        return this.#moveToDelayed(job, token, settlement.delayMs);
      case 'retry':
        return this.#retry(job, token, isMarked, settlement.delayMs, settlement.error);
    }
  }

  #retry(job: Job, token: string, isMarked: boolean, delayMs: number | null, error: Error): Promise<never> {
    // BullMQ counts the tries of somebody's plain job; a marked job's, and one granted beyond that, it must not see.
    if (isMarked || retriesLeftOf(job) === 0) {
      return this.#moveToDelayed(job, token, delayMs ?? backoffDelayOf(job));
    }
    if (delayMs !== null) job.opts.backoff = { type: GIVEN_DELAY, delay: delayMs };
    throw shortened(error);
  }

  async #moveToDelayed(job: Job, token: string, delayMs: number): Promise<never> {
    try {
      await job.moveToDelayed(Date.now() + Math.max(0, Math.round(delayMs)), token);
    } catch (error) {
      // Any other error would make BullMQ count or fail it. As it is, a stall check gives it back.
      this.#report(error);
    }
    throw new DelayedError();
  }

  #runOf(job: Job): Promise<Settlement> {
    const { run, options } = this.#consumption;
    const report = (error: unknown) => this.#report(error);
    return settlementOf(async () => run(this.#deliveryOf(job)), report, options.stallIntervalMs);
  }

  #deliveryOf(job: Job): Delivery {
    return {
      backend: 'canary',
      queue: this.#consumption.queue,
      id: job.id ?? '',
      task: job.name,
      data: job.data,
      mark: markOf(job.opts),
      isForced: isForcedBy(job.opts),
      enqueuedAt: job.timestamp,
      dueAt: dueAtOf(job),
      failuresBefore: job.attemptsMade,
      retriesLeft: retriesLeftOf(job),
      progress: async (value) => {
        try {
          await job.updateProgress(value as object);
        } catch (error) {
          this.#report(error);
        }
      },
    };
  }

  async #onStalled(id: string): Promise<void> {
    const { prefix, queue } = this.#consumption;
    this.#options.onStalled?.(id);
    try {
      const problem = await parkIfUnreadable(this.#link, prefix, queue, id);
      if (problem !== null) this.#options.onUnreadable?.(id, problem);
    } catch (error) {
      this.#report(error);
    }
  }
}
