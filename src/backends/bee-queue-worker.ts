import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type BeeJob, BeeQueueBase, loadBeeScripts, type NodeRedisClient } from './bee-queue-internals.ts';
import { readBeeRecord } from './bee-queue-wire.ts';
import { deferred } from './deadline.ts';

/** How long one blocking pop waits. Short enough to notice a connection that has died without a word. */
const POP_SECONDS = 5;
const PAUSE_AFTER_ERROR_MS = 200;

export interface BeeWorkerOptions {
  readonly prefix: string;
  /** node_redis 3 options. */
  readonly redis: Record<string, unknown>;
  readonly stallIntervalMs: number;
  /** Told of every job that stalled; no job that was taken is begun before it has settled. */
  onStalled(id: string): unknown;
  /** Puts back a job that was taken and not begun. */
  giveBack(id: string): Promise<unknown>;
  /** Takes a job out of the way whose record is gone (null) or cannot be read. */
  park(id: string, text: string | null): Promise<unknown>;
}

/**
 * bee-queue's own queue, as a consumer that outlives what happens to Redis: lost scripts, restarts, dead sockets, records
 * that are gone or unreadable. Emits `error` for whatever it could not do at once.
 */
export class BeeWorkerQueue extends BeeQueueBase {
  #options: BeeWorkerOptions;
  #isStopping = false;
  #stop = deferred<null>();
  #released = deferred<null>();
  /** Jobs that run. */
  #begun = new Set<string>();
  #taking = 0;
  #popsPending = 0;
  #lastPopAnswer = 0;
  #isChecking = false;
  #checked: Promise<unknown> = Promise.resolve();
  #counting: unknown[] = [];
  /** For CLIENT UNBLOCK; undefined while it is not known. */
  blockingClientId: number | undefined;

  constructor(name: string, options: BeeWorkerOptions) {
    super(name, {
      prefix: options.prefix,
      redis: options.redis as never,
      stallInterval: options.stallIntervalMs,
      // Missed announcements of earlier delayed jobs are made up for within this time.
      nearTermWindow: 5000,
      delayedDebounce: 20,
      isWorker: true,
      getEvents: false,
      storeJobs: false,
      sendEvents: true,
      activateDelayedJobs: true,
      removeOnSuccess: true,
      removeOnFailure: false,
    });
    this.#options = options;
    this.on('stalled', (id: string) => this.#counting.push(options.onStalled(id)));
  }

  /** Whether a job is being waited for, taken or given back. */
  isTaking(): boolean {
    return this.#taking > 0;
  }

  /** To be called when ready() has resolved, before process(). */
  watchBlockingClient(): Promise<void> {
    const { bclient } = this;
    if (bclient === null) return Promise.resolve();
    const ask = () =>
      new Promise<void>((resolve) => {
        this.blockingClientId = undefined;
        bclient.client('ID', (error, id) => {
          if (!error) this.blockingClientId = id;
          resolve();
        });
      });
    bclient.on('ready', ask);
    // In an outage each slot listens; Node would take more than ten for a leak.
    bclient.setMaxListeners(0);
    return ask();
  }

  /** From now on no job is taken; one that is on its way is given back. */
  beginStop(): void {
    this.#isStopping = true;
    this.#stop.resolve(null);
  }

  /** Lets the waiting loops end; to be called when close() has begun. */
  release(): void {
    this.#released.resolve(null);
  }

  /** Regular care: stalled jobs, due delayed jobs, and connections that look open but are dead. */
  tend(): void {
    const silentFor = Date.now() - this.#lastPopAnswer;
    if (this.#popsPending > 0 && this.bclient?.ready && silentFor > POP_SECONDS * 3000) {
      this.bclient.stream.destroy();
    }
    if (this.#isChecking) {
      if (this.client?.ready) this.client.stream.destroy();
      return;
    }
    this.#isChecking = true;
    void this._doStalledJobCheck().finally(() => {
      this.#isChecking = false;
    });
    this._activateDelayed();
  }

  override _doStalledJobCheck(): Promise<number> {
    const check = this.#checkStalled();
    this.#checked = check;
    return check;
  }

  async #checkStalled(): Promise<number> {
    try {
      return await super._doStalledJobCheck();
    } catch (error) {
      // bee-queue starts its loop only after a first check that succeeded.
      this.emit('error', error);
      return 0;
    } finally {
      await Promise.allSettled(this.#counting.splice(0));
    }
  }

  override async _evalScript(name: string, ...values: unknown[]): Promise<unknown> {
    try {
      return await super._evalScript(name, ...values);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'NOSCRIPT' || this.client === null) throw error;
      await loadBeeScripts(this.client);
      return super._evalScript(name, ...values);
    }
  }

  /**
   * A job that begins was not active when the stall check listed the suspects, or only just: the call at half the interval
   * is soon enough, and most jobs have ended by then. One command less for each of them.
   */
  override _preventStall(id: string): Promise<unknown> {
    if (this.#begun.has(id)) return super._preventStall(id);
    this.#begun.add(id);
    return Promise.resolve();
  }

  override _finishJob(error: unknown, value: unknown, job: BeeJob): unknown {
    this.#begun.delete(job.id);
    try {
      return super._finishJob(error, value, job);
    } catch (problem) {
      // A value that JSON cannot hold would leave the job active, to be run again and again.
      if (problem instanceof TypeError && !error) return super._finishJob(null, undefined, job);
      throw problem;
    }
  }

  override async _waitForJob(): Promise<BeeJob | null> {
    while (!this.#isStopping) {
      this.#taking += 1;
      try {
        const job = await this.#take();
        if (job !== null) return job;
      } finally {
        this.#taking -= 1;
      }
    }
    return this.#released.promise;
  }

  async #take(): Promise<BeeJob | null> {
    const id = await this.#pop();
    if (id === null) return null;
    // A job that takes its process down at once would never be counted, if it were begun before its stall is.
    await this.#checked;
    const job = this.#isStopping ? null : await this.#load(id);
    if (!this.#isStopping) return job;
    await this.#try(() => this.#options.giveBack(id));
    return null;
  }

  async #pop(): Promise<string | null> {
    const client = this.bclient as NodeRedisClient;
    if (!client.ready) await this.#ready(client);
    if (this.#isStopping) return null;
    if (this.#popsPending++ === 0) this.#lastPopAnswer = Date.now();
    try {
      return await new Promise((resolve, reject) => {
        client.brpoplpush(this.toKey('waiting'), this.toKey('active'), POP_SECONDS, (error, id) =>
          error ? reject(error) : resolve(id),
        );
      });
    } catch (error) {
      if (!this.#isStopping) {
        this.emit('error', error);
        await Promise.race([delay(PAUSE_AFTER_ERROR_MS), this.#stop.promise]);
      }
      return null;
    } finally {
      this.#popsPending -= 1;
      this.#lastPopAnswer = Date.now();
    }
  }

  async #ready(client: NodeRedisClient): Promise<void> {
    const given = new AbortController();
    await Promise.race([once(client, 'ready', { signal: given.signal }).catch(() => {}), this.#stop.promise]);
    given.abort();
  }

  async #load(id: string): Promise<BeeJob | null> {
    const text = await this.#recordOf(id);
    if (text === undefined) return null;
    const record = text === null ? null : readBeeRecord(text);
    if (record === null) {
      await this.#try(() => this.#options.park(id, text));
      return null;
    }
    const job = this.createJob(record.data);
    // createJob turns falsy data into {}; what was saved is what is run.
    return Object.assign(job, { id, ...record });
  }

  /** undefined: stopping. */
  async #recordOf(id: string): Promise<string | null | undefined> {
    while (!this.#isStopping) {
      try {
        return await new Promise((resolve, reject) => {
          (this.client as NodeRedisClient).hget(this.toKey('jobs'), id, (error, text) =>
            error ? reject(error) : resolve(text),
          );
        });
      } catch (error) {
        this.emit('error', error);
        await Promise.race([delay(PAUSE_AFTER_ERROR_MS), this.#stop.promise]);
      }
    }
    return undefined;
  }

  async #try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // The job stays active; a stall check brings it back.
      this.emit('error', error);
    }
  }
}
