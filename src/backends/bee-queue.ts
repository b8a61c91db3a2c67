import { BackendError } from '../domain/errors.ts';
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
import { startBeeConsumer } from './bee-queue-consumer.ts';
import { listBeeJobs } from './bee-queue-list.ts';
import { beeKey, beeRecordText, isLater, readBeeRecord } from './bee-queue-wire.ts';
import { sumInParts } from './page.ts';
import { type Consumption, RedisBackend } from './redis-backend.ts';
import { defineScript, type ScriptCall } from './redis-script.ts';

const MAX_BATCH_JOBS = 200;
const MAX_BATCH_CHARACTERS = 1_048_576;
const MAX_PRESENCE_IDS = 1000;
/** In the order of the keys of bee-remove.lua and bee-discard.lua. */
const REMOVAL_PARTS = ['jobs', 'succeeded', 'failed', 'delayed', 'active', 'waiting', 'stalling'];
const PRESENCE: readonly JobPresence[] = ['absent', 'live', 'dead'];

export type BeeQueueBackendOptions = BackendOptions;

/**
 * The stable backend: bee-queue 2. What it enqueues are the bytes that bee-queue itself would write, so plain bee-queue
 * workers run it, and its consumers run what plain bee-queue producers saved.
 * A command waits for a lost connection to come back, at most `commandTimeoutMs`.
 * @throws {InvalidConfigError} the URL cannot be read
 */
export function createBeeQueueBackend(options: BeeQueueBackendOptions): TaskBackend {
  return new BeeQueueBackend(options);
}

class BeeQueueBackend extends RedisBackend implements TaskBackend {
  readonly product = 'bee-queue';
  readonly capabilities = Object.freeze({ priority: false, postpone: true, pause: false });
  #add: ScriptCall;
  #presence: ScriptCall;
  #info: ScriptCall;
  #remove: ScriptCall;
  #discard: ScriptCall;

  constructor(options: BeeQueueBackendOptions) {
    super('stable', options, 'bq', 'wait');
    const { client } = this.link;
    this.#add = defineScript(client, 'bee-add');
    this.#presence = defineScript(client, 'bee-presence');
    this.#info = defineScript(client, 'bee-info');
    this.#remove = defineScript(client, 'bee-remove');
    this.#discard = defineScript(client, 'bee-discard', 'list-removal');
  }

  async enqueue(requests: readonly EnqueueRequest[]): Promise<readonly EnqueueResult[]> {
    this.link.assertOpen();
    const results: EnqueueResult[] = new Array(requests.length);
    await Promise.all(batchesOf(requests, Date.now()).map((batch) => this.#addBatch(batch, results)));
    return results;
  }

  async #addBatch(batch: Batch, results: EnqueueResult[]): Promise<void> {
    try {
      const keys = ['jobs', 'waiting', 'delayed', 'earlierDelayed'].map((part) =>
        this.#key(batch.queue, part),
      );
      const added = (await this.link.run('enqueue', () => this.#add(keys, batch.values))) as number[];
      batch.places.forEach((place, i) => {
        results[place] = { status: added[i] === 1 ? 'added' : 'duplicate' };
      });
    } catch (error) {
      for (const place of batch.places) {
        results[place] = { status: 'error', error: this.link.explain(error, 'enqueue') };
      }
    }
  }

  async has(queue: string, ids: readonly string[]): Promise<readonly JobPresence[]> {
    this.link.assertOpen();
    const keys = ['jobs', 'succeeded', 'failed'].map((part) => this.#key(queue, part));
    const answers: Promise<unknown>[] = [];
    for (let from = 0; from < ids.length; from += MAX_PRESENCE_IDS) {
      const some = ids.slice(from, from + MAX_PRESENCE_IDS);
      answers.push(this.link.run('has', () => this.#presence(keys, some)));
    }
    return ((await Promise.all(answers)).flat() as number[]).map((code) => PRESENCE[code] ?? 'absent');
  }

  async info(queue: string, id: string): Promise<BackendJobInfo | null> {
    const keys = ['jobs', 'succeeded', 'failed', 'delayed', 'active'].map((part) => this.#key(queue, part));
    const found = (await this.link.run('info', () => this.#info(keys, [id]))) as
      | [BackendJobInfo['state'], string, string]
      | null;
    if (found === null) return null;
    const [state, record, due] = found;
    return {
      id,
      state,
      enqueuedAt: readBeeRecord(record)?.options.timestamp ?? null,
      dueAt: due === '' ? null : Number(due),
    };
  }

  /** An active job stays, even if the worker that ran it is gone: a stall check gives it back first. */
  async remove(queue: string, id: string): Promise<boolean> {
    const keys = REMOVAL_PARTS.map((part) => this.#key(queue, part));
    return (await this.link.run('remove', () => this.#remove(keys, [id]))) === 1;
  }

  async discard(queue: string, ids: readonly string[], near?: number): Promise<number> {
    this.link.assertOpen();
    const keys = REMOVAL_PARTS.map((part) => this.#key(queue, part));
    return sumInParts(ids, (some) =>
      this.link.run('discard', () => this.#discard(keys, [near ?? '', ...some])),
    );
  }

  async counts(queue: string): Promise<BackendCounts> {
    const numbers = await this.link.numbers('counts', (multi) =>
      multi
        .llen(this.#key(queue, 'waiting'))
        .llen(this.#key(queue, 'active'))
        .zcard(this.#key(queue, 'delayed'))
        .scard(this.#key(queue, 'succeeded'))
        .scard(this.#key(queue, 'failed')),
    );
    const [waiting = 0, active = 0, delayed = 0, succeeded = 0, failed = 0] = numbers;
    return { waiting, active, delayed, succeeded, failed };
  }

  async list(queue: string, state: ListedState, from: number, count: number): Promise<readonly ListedJob[]> {
    this.link.assertOpen();
    return listBeeJobs(this.link, (part) => this.#key(queue, part), state, from, count);
  }

  /** bee-queue has none. */
  async schedules(_queue: string): Promise<readonly string[]> {
    this.link.assertOpen();
    return [];
  }

  pause(_queue: string): Promise<void> {
    return Promise.reject(new BackendError(this.name, 'pause', 'bee-queue cannot pause a queue'));
  }

  resume(_queue: string): Promise<void> {
    return Promise.reject(new BackendError(this.name, 'resume', 'bee-queue cannot pause a queue'));
  }

  protected startConsumer(consumption: Consumption): Promise<Consumer> {
    return startBeeConsumer(consumption);
  }

  #key(queue: string, part: string): string {
    return beeKey(this.prefix, queue, part);
  }
}

interface Batch {
  readonly queue: string;
  /** Where in the caller's list each job of this batch stands. */
  readonly places: number[];
  readonly values: string[];
  characters: number;
}

/** Cuts requests into script calls: one queue each, and small enough that Redis is never held up for long. */
function batchesOf(requests: readonly EnqueueRequest[], nowMs: number): readonly Batch[] {
  const all: Batch[] = [];
  const open = new Map<string, Batch>();
  requests.forEach((request, place) => {
    const record = beeRecordText(request, nowMs);
    let batch = open.get(request.queue);
    if (
      batch === undefined ||
      batch.places.length === MAX_BATCH_JOBS ||
      batch.characters + record.length > MAX_BATCH_CHARACTERS
    ) {
      batch = { queue: request.queue, places: [], values: [], characters: 0 };
      open.set(request.queue, batch);
      all.push(batch);
    }
    batch.places.push(place);
    batch.values.push(request.id, record, isLater(request.dueAt, nowMs) ? String(request.dueAt) : '');
    batch.characters += record.length;
  });
  return all;
}
