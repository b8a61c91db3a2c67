import { setTimeout as delay } from 'node:timers/promises';
import { reconnectDelayMs } from '../domain/redis-address.ts';
import type { Consumer, Delivery, Settlement } from '../domain/task-backend.ts';
import { type BeeJob, nodeRedisOptions } from './bee-queue-internals.ts';
import { readMark, readTaskName } from './bee-queue-wire.ts';
import { BeeWorkerQueue } from './bee-queue-worker.ts';
import { deadlineOf } from './deadline.ts';
import type { Consumption } from './redis-backend.ts';
import { connectWithin, type RedisLink } from './redis-link.ts';
import { defineScript } from './redis-script.ts';
import { settlementOf, shortened } from './run-failure.ts';

const MAX_DELAY_MS = 2 ** 31 - 1;
/** For what is left to do over the network when everything that ran has ended. */
const CLOSE_MS = 1000;

/** @throws {RedisUnreachableError | RedisUnsuitableError} */
export async function startBeeConsumer(consumption: Consumption): Promise<Consumer> {
  // bee-queue itself ends the process on a wrong password and waits for ever for a server that is down.
  await connectWithin(consumption.link.address, consumption.commandTimeoutMs);
  const consumer = new BeeConsumer(consumption);
  await consumer.start(consumption.commandTimeoutMs);
  return consumer;
}

class BeeConsumer implements Consumer {
  #consumption: Consumption;
  #link: RedisLink;
  #queue: BeeWorkerQueue;
  #tending: NodeJS.Timeout | undefined;
  #isClosed = false;
  #stopped: Promise<boolean> | undefined;

  constructor(consumption: Consumption) {
    const { link, prefix, queue, options } = consumption;
    this.#consumption = consumption;
    this.#link = link;
    const giveBack = defineScript(link.client, 'bee-return');
    const park = defineScript(link.client, 'bee-park');
    const keys = (...parts: string[]) => parts.map((part) => `${prefix}:${queue}:${part}`);
    this.#queue = new BeeWorkerQueue(queue, {
      prefix,
      redis: {
        ...nodeRedisOptions(link.address),
        retry_strategy: ({ attempt }: { attempt: number }) =>
          this.#isClosed ? undefined : reconnectDelayMs(attempt),
        // Also the time after which node_redis would give up for good.
        connect_timeout: MAX_DELAY_MS,
      },
      stallIntervalMs: options.stallIntervalMs,
      giveBack: (id) => link.run('give back', () => giveBack(keys('active', 'waiting', 'stalling'), [id])),
      onStalled: (id) => options.onStalled?.(id),
      park: async (id, text) => {
        await link.run('park', () =>
          park(keys('active', 'stalling', 'jobs', 'unreadable'), [id, text ?? '']),
        );
        options.onUnreadable?.(
          id,
          text === null ? 'its record is gone' : 'its record is not a bee-queue job',
        );
      },
    });
    this.#queue.on('error', (error) => this.#report(error));
  }

  async start(deadlineMs: number): Promise<void> {
    const ready = this.#queue.ready();
    const deadline = deadlineOf(deadlineMs);
    try {
      if ((await Promise.race([ready, deadline.passed])) === 'late') {
        throw this.#link.lateness(deadlineMs);
      }
    } catch (error) {
      this.#isClosed = true;
      ready.then(() => this.#disconnect()).catch(() => {});
      throw this.#link.explain(error, 'consume');
    } finally {
      deadline.cancel();
    }
    await this.#queue.watchBlockingClient();
    const { concurrency, stallIntervalMs } = this.#consumption.options;
    this.#queue.process(concurrency, (job) => this.#deliver(job));
    this.#tending = setInterval(() => this.#queue.tend(), stallIntervalMs / 2);
  }

  stop(graceMs: number): Promise<boolean> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<boolean> {
    clearInterval(this.#tending);
    this.#queue.beginStop();
    await this.#endWaiting();
    // A job that was taken just before is handed to its handler by now.
    await new Promise(setImmediate);
    const grace = deadlineOf(graceMs);
    while (this.#queue.activeJobs.size > 0) {
      const ended = Promise.allSettled(this.#queue.activeJobs);
      if ((await Promise.race([ended, grace.passed])) === 'late') break;
    }
    grace.cancel();
    const isDone = this.#queue.activeJobs.size === 0;
    // Closing with a handler still running "fails"; the handler's job is delivered again after a stall check.
    const closing = this.#queue.close(isDone ? CLOSE_MS : 1).catch(() => {});
    this.#queue.release();
    await Promise.race([closing, delay(CLOSE_MS, undefined, { ref: false })]);
    this.#isClosed = true;
    this.#disconnect();
    return isDone;
  }

  /**
   * Ends the blocking pops one after the other. Just closing their connection could lose the job that Redis is handing
   * over at that moment: it would stay active until a stall check.
   */
  async #endWaiting(): Promise<void> {
    const until = Date.now() + CLOSE_MS;
    while (this.#queue.isTaking() && Date.now() < until) {
      const id = this.#queue.blockingClientId;
      if (id === undefined) return;
      try {
        await this.#link.run('stop', (client) => client.client('UNBLOCK', id));
      } catch {
        return;
      }
      await new Promise(setImmediate);
    }
  }

  #disconnect(): void {
    for (const client of [this.#queue.client, this.#queue.bclient, this.#queue.eclient]) {
      client?.end(true);
    }
  }

  #report(error: unknown): void {
    if (this.#stopped !== undefined) return;
    this.#consumption.options.onError?.(this.#link.explain(error, 'consume'));
  }

  /** bee-queue calls it, and looks at job.options.timeout right after. */
  #deliver(job: BeeJob): Promise<unknown> {
    const { timeout } = job.options;
    // The time limit is the execution's business; bee-queue would give the job back while the handler still runs.
    if (timeout !== undefined) job.options.timeout = 0;
    return this.#settle(job).finally(() => {
      if (timeout !== undefined) job.options.timeout = timeout;
    });
  }

  async #settle(job: BeeJob): Promise<unknown> {
    const settlement = await this.#runOf(job);
    switch (settlement.kind) {
      case 'complete':
        return settlement.value;
      case 'retry':
        planRetry(job, settlement.delayMs);
        throw shortened(settlement.error);
      case 'fail':
        job.computeDelay = () => -1;
        throw shortened(settlement.error);
      case 'postpone':
        planPostponement(job, settlement.delayMs);
        throw new Error('postponed');
    }
  }

  #runOf(job: BeeJob): Promise<Settlement> {
    const { run, options } = this.#consumption;
    const report = (error: unknown) => this.#report(error);
    return settlementOf(async () => run(this.#deliveryOf(job)), report, options.stallIntervalMs);
  }

  #deliveryOf(job: BeeJob): Delivery {
    const { timestamp, delay: notBefore = 0, retries, stacktraces, hybrid } = job.options;
    return {
      backend: 'stable',
      queue: this.#consumption.queue,
      id: job.id,
      task: readTaskName(hybrid),
      data: job.data,
      mark: readMark(hybrid),
      isForced: false,
      enqueuedAt: timestamp,
      dueAt: Math.max(timestamp, notBefore),
      failuresBefore: stacktraces.length,
      retriesLeft: Math.max(0, retries ?? 0),
      progress: async (value) => {
        try {
          await job.reportProgress(value);
        } catch (error) {
          this.#report(error);
        }
      },
    };
  }
}

/** Makes bee-queue put the job back for exactly `delayMs`, and leaves behind what it would have saved itself. */
function planRetry(job: BeeJob, delayMs: number | null): void {
  const { options } = job;
  // bee-queue counts down by one afterwards; a try that is granted beyond its own count must not go below zero.
  options.retries = Math.max(1, options.retries ?? 0);
  const ownDelay = job.computeDelay.bind(job);
  job.computeDelay = () => {
    // Asked in any case: bee-queue keeps the next exponential delay in the job, and a plain worker may have the next try.
    const own = ownDelay();
    if (options.backoff?.delay !== undefined) {
      options.backoff.delay = Math.min(options.backoff.delay, MAX_DELAY_MS);
    }
    return wholeDelay(delayMs ?? own);
  };
}

/** Put back without counting: neither as a try nor as a failure. */
function planPostponement(job: BeeJob, delayMs: number): void {
  const { options } = job;
  options.retries = Math.max(0, options.retries ?? 0) + 1;
  // bee-queue notes a stack trace for every rejection, and their number is the number of failures.
  Object.defineProperty(options.stacktraces, 'unshift', { value: () => options.stacktraces.length });
  job.computeDelay = () => wholeDelay(delayMs);
}

function wholeDelay(delayMs: number): number {
  return Math.min(Math.max(0, Math.round(delayMs)), MAX_DELAY_MS);
}
