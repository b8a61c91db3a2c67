import { type KeepJobs, Queue } from 'bullmq';
import type {
  BackendCounts,
  BackendJobInfo,
  Consumer,
  EnqueueRequest,
  EnqueueResult,
  JobPresence,
  ListedJob,
  ListedState,
  TaskBackend,
} from '../domain/task-backend.ts';
import type { BackendOptions } from './backend-options.ts';
import { startBullConsumer } from './bullmq-consumer.ts';
import { listBullJobs } from './bullmq-list.ts';
import { bullKey, bullOptions, dueTimeOf } from './bullmq-wire.ts';
import { sumInParts } from './page.ts';
import { type Consumption, RedisBackend } from './redis-backend.ts';
import { defineScript, type ScriptCall } from './redis-script.ts';

export interface BullmqBackendOptions extends BackendOptions {
  /**
   * Which finished jobs BullMQ keeps, for whoever looks at its dashboards. Outcomes are stored elsewhere.
   * One policy for all, because BullMQ applies the finishing job's to every job of the queue.
   * @default completed: none; failed: the newest 1000 of the last 7 days
   */
  readonly keepCompleted?: KeepJobs | false;
  readonly keepFailed?: KeepJobs | false;
}

/**
 * The canary backend: BullMQ 6. While its Redis is down it fails at once, so that submissions can go to stable.
 *
 * BullMQ does not say whether an added id was there already, so `enqueue` answers `added` for both; the job that was
 * there stays as it is. The ledger tells duplicates.
 * @throws {InvalidConfigError} the URL cannot be read
 */
export function createBullmqBackend(options: BullmqBackendOptions): TaskBackend {
  return new BullmqBackend(options);
}

class BullmqBackend extends RedisBackend implements TaskBackend {
  readonly product = 'bullmq';
  readonly capabilities = Object.freeze({ priority: true, postpone: true, pause: true });
  #options: BullmqBackendOptions;
  #queues = new Map<string, Queue>();
  #waitingPage: ScriptCall;
  #discard: ScriptCall;

  constructor(options: BullmqBackendOptions) {
    super('canary', options, 'bull', 'fail');
    this.#options = options;
    this.#waitingPage = defineScript(this.link.client, 'bull-list');
    this.#discard = defineScript(this.link.client, 'bull-discard', 'list-removal');
  }

  async enqueue(requests: readonly EnqueueRequest[]): Promise<readonly EnqueueResult[]> {
    this.link.assertOpen();
    const nowMs = Date.now();
    // Single adds that overlap are faster than BullMQ's addBulk, which waits for a pipeline as a whole.
    return Promise.all(requests.map((request) => this.#add(request, nowMs)));
  }

  async #add(request: EnqueueRequest, nowMs: number): Promise<EnqueueResult> {
    try {
      await this.link.run('enqueue', () =>
        this.#queue(request.queue).add(request.task, request.payload.value, bullOptions(request, nowMs)),
      );
      return { status: 'added' };
    } catch (error) {
      return { status: 'error', error: this.link.explain(error, 'enqueue') };
    }
  }

  async has(queue: string, ids: readonly string[]): Promise<readonly JobPresence[]> {
    this.link.assertOpen();
    if (ids.length === 0) return [];
    return this.link.run('has', async (client) => {
      const pipeline = client.pipeline();
      for (const id of ids) pipeline.hmget(this.#key(queue, id), 'name', 'timestamp', 'finishedOn');
      const replies = (await pipeline.exec()) ?? [];
      return replies.map(([error, fields]) => {
        if (error) throw error;
        return presenceOf(fields as (string | null)[]);
      });
    });
  }

  async info(queue: string, id: string): Promise<BackendJobInfo | null> {
    const replies = await this.link.run('info', (client) =>
      client
        .multi()
        .exists(this.#key(queue, id))
        .hget(this.#key(queue, id), 'timestamp')
        .zscore(this.#key(queue, 'completed'), id)
        .zscore(this.#key(queue, 'failed'), id)
        .zscore(this.#key(queue, 'delayed'), id)
        // As long as there are handlers; the waiting list may be a million long and is not searched.
        .lrange(this.#key(queue, 'active'), 0, -1)
        .exec(),
    );
    const failure = replies?.find(([error]) => error)?.[0];
    if (failure) throw this.link.explain(failure, 'info');
    const [exists, timestamp, completed, failed, delayed, active] = (replies ?? []).map(([, value]) => value);
    if (exists !== 1) return null;
    const state =
      completed !== null
        ? 'succeeded'
        : failed !== null
          ? 'failed'
          : delayed !== null
            ? 'delayed'
            : (active as string[]).includes(id)
              ? 'active'
              : 'waiting';
    return {
      id,
      state,
      enqueuedAt: timestamp === null ? null : Number(timestamp),
      dueAt: delayed === null ? null : dueTimeOf(Number(delayed)),
    };
  }

  /** A job that a live worker holds a lock on stays. */
  async remove(queue: string, id: string): Promise<boolean> {
    return this.link.run('remove', async (client) => {
      // BullMQ answers 1 for a job that was never there, too.
      if ((await client.exists(this.#key(queue, id))) === 0) return false;
      return (await this.#queue(queue).remove(id)) === 1;
    });
  }

  async discard(queue: string, ids: readonly string[], near?: number): Promise<number> {
    this.link.assertOpen();
    const keys = DISCARD_PARTS.map((part) => this.#key(queue, part));
    return sumInParts(ids, (some) =>
      this.link.run('discard', () => this.#discard(keys, [near ?? '', ...some])),
    );
  }

  async counts(queue: string): Promise<BackendCounts> {
    const numbers = await this.link.numbers('counts', (multi) =>
      multi
        .llen(this.#key(queue, 'wait'))
        .llen(this.#key(queue, 'paused'))
        .zcard(this.#key(queue, 'prioritized'))
        .llen(this.#key(queue, 'active'))
        .zcard(this.#key(queue, 'delayed'))
        .zcard(this.#key(queue, 'completed'))
        .zcard(this.#key(queue, 'failed')),
    );
    const [wait = 0, paused = 0, prioritized = 0, active = 0, delayed = 0, succeeded = 0, failed = 0] =
      numbers;
    return { waiting: wait + paused + prioritized, active, delayed, succeeded, failed };
  }

  async list(queue: string, state: ListedState, from: number, count: number): Promise<readonly ListedJob[]> {
    this.link.assertOpen();
    const { link } = this;
    const key = (part: string) => this.#key(queue, part);
    return listBullJobs({ link, waitingPage: this.#waitingPage, key }, state, from, count);
  }

  schedules(queue: string): Promise<readonly string[]> {
    return this.link.run('schedules', (client) => client.zrange(this.#key(queue, 'repeat'), 0, '-1'));
  }

  async pause(queue: string): Promise<void> {
    await this.link.run('pause', () => this.#queue(queue).pause());
  }

  async resume(queue: string): Promise<void> {
    await this.link.run('resume', () => this.#queue(queue).resume());
  }

  protected startConsumer(consumption: Consumption): Promise<Consumer> {
    return startBullConsumer({ ...consumption, keepFailed: keepOf(this.#options.keepFailed, KEEP_FAILED) });
  }

  protected override async closeQueues(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  /** One BullMQ queue object per name; they share the backend's connection. */
  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, {
        connection: this.link.client,
        prefix: this.prefix,
        // Both ask the server something first; with it down the queue object would stay broken, or hang.
        skipVersionCheck: true,
        skipWaitingForReady: true,
        defaultJobOptions: {
          removeOnComplete: keepOf(this.#options.keepCompleted, true),
          removeOnFail: keepOf(this.#options.keepFailed, KEEP_FAILED),
        },
      });
      queue.on('error', () => {}); // each command reports its own; the connection reports itself
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #key(queue: string, part: string): string {
    return bullKey(this.prefix, queue, part);
  }
}

/** In the order of the keys of bull-discard.lua; the last one is what stands in front of all. */
const DISCARD_PARTS = ['wait', 'paused', 'prioritized', 'delayed', 'active', 'repeat', 'meta', 'events', ''];
const KEEP_FAILED: KeepJobs = { count: 1000, age: 7 * 86_400 };

/** BullMQ says it the other way round: true removes, false keeps all. */
function keepOf<T extends KeepJobs | boolean>(given: KeepJobs | false | undefined, preset: T) {
  return given === undefined ? preset : given === false ? true : given;
}

function presenceOf([name, timestamp, finishedOn]: readonly (string | null | undefined)[]): JobPresence {
  if (finishedOn) return 'dead';
  return name || timestamp ? 'live' : 'absent';
}
