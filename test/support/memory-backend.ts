import { ClosedError } from '../../src/domain/errors.ts';
import type { BackendName } from '../../src/domain/task.ts';
import type {
  BackendCapabilities,
  BackendCounts,
  BackendJobInfo,
  ConsumeOptions,
  Consumer,
  Delivery,
  EnqueueRequest,
  EnqueueResult,
  JobPresence,
  ListedJob,
  ListedState,
  RunDelivery,
  Settlement,
  TaskBackend,
} from '../../src/domain/task-backend.ts';

interface MemoryJob {
  readonly request: EnqueueRequest;
  /** Redis holds text, so a handler never shares an object with whoever submitted it. */
  readonly text: string;
  state: BackendJobInfo['state'];
  dueAt: number | null;
  /** In which place it was taken, among all. */
  taken: number;
  failures: number;
  retriesLeft: number;
}

interface MemoryQueue {
  readonly jobs: Map<string, MemoryJob>;
  readonly waiting: MemoryJob[];
  readonly consumers: Set<MemoryConsumer>;
  isPaused: boolean;
}

export interface MemoryBackendOptions {
  /** @default 'stable' */
  readonly name?: BackendName;
  /** @default all */
  readonly capabilities?: Partial<BackendCapabilities>;
}

/** A backend for tests that are about something else. `isUp` false makes it fail as one whose Redis is down. */
export class MemoryBackend implements TaskBackend {
  readonly name: BackendName;
  readonly product = 'memory';
  readonly capabilities: BackendCapabilities;
  isUp = true;
  #queues = new Map<string, MemoryQueue>();
  #timers = new Set<NodeJS.Timeout>();
  #taken = 0;
  #isClosed = false;

  constructor(options: MemoryBackendOptions = {}) {
    this.name = options.name ?? 'stable';
    this.capabilities = { priority: true, postpone: true, pause: true, ...options.capabilities };
  }

  async ready(): Promise<void> {
    this.#check();
  }

  isReachable(): boolean {
    return this.isUp && !this.#isClosed;
  }

  async enqueue(requests: readonly EnqueueRequest[]): Promise<readonly EnqueueResult[]> {
    if (this.#isClosed) throw new ClosedError('The memory backend');
    if (!this.isUp) return requests.map(() => ({ status: 'error', error: new Error('memory is down') }));
    return requests.map((request) => {
      const queue = this.#queue(request.queue);
      if (queue.jobs.has(request.id)) return { status: 'duplicate' };
      const job: MemoryJob = {
        request,
        text: request.payload.text,
        state: 'waiting',
        dueAt: null,
        taken: 0,
        failures: 0,
        retriesLeft: request.retries,
      };
      queue.jobs.set(request.id, job);
      this.#later(queue, job, request.dueAt === null ? 0 : request.dueAt - Date.now());
      return { status: 'added' };
    });
  }

  async has(queue: string, ids: readonly string[]): Promise<readonly JobPresence[]> {
    this.#check();
    const { jobs } = this.#queue(queue);
    return ids.map((id) => {
      const state = jobs.get(id)?.state;
      return state === undefined ? 'absent' : state === 'failed' || state === 'succeeded' ? 'dead' : 'live';
    });
  }

  async info(queue: string, id: string): Promise<BackendJobInfo | null> {
    this.#check();
    const job = this.#queue(queue).jobs.get(id);
    return job ? { id, state: job.state, enqueuedAt: job.request.enqueuedAt, dueAt: job.dueAt } : null;
  }

  async remove(queue: string, id: string): Promise<boolean> {
    this.#check();
    const { jobs, waiting } = this.#queue(queue);
    const job = jobs.get(id);
    if (job === undefined || job.state === 'active') return false;
    if (job.state === 'waiting') waiting.splice(waiting.indexOf(job), 1);
    return jobs.delete(id);
  }

  async discard(queue: string, ids: readonly string[]): Promise<number> {
    this.#check();
    const { jobs, waiting } = this.#queue(queue);
    let discarded = 0;
    for (const id of ids) {
      const job = jobs.get(id);
      if (job?.state !== 'waiting' && job?.state !== 'delayed') continue;
      if (job.state === 'waiting') waiting.splice(waiting.indexOf(job), 1);
      jobs.delete(id);
      discarded += 1;
    }
    return discarded;
  }

  async list(queue: string, state: ListedState, from: number, count: number): Promise<readonly ListedJob[]> {
    this.#check();
    const { jobs, waiting } = this.#queue(queue);
    const place = (job: MemoryJob) => (state === 'active' ? job.taken : (job.dueAt ?? 0));
    const all =
      state === 'waiting'
        ? waiting
        : [...jobs.values()].filter((job) => job.state === state).sort((a, b) => place(a) - place(b));
    return all.slice(from, from + count).map(({ request, dueAt }) => ({
      id: request.id,
      task: request.task,
      isMarked: request.mark !== null,
      enqueuedAt: request.enqueuedAt,
      dueAt,
    }));
  }

  async schedules(_queue: string): Promise<readonly string[]> {
    this.#check();
    return [];
  }

  async counts(queue: string): Promise<BackendCounts> {
    this.#check();
    const counts = { waiting: 0, active: 0, delayed: 0, succeeded: 0, failed: 0 };
    for (const job of this.#queue(queue).jobs.values()) counts[job.state] += 1;
    return counts;
  }

  async consume(queue: string, run: RunDelivery, options: ConsumeOptions): Promise<Consumer> {
    this.#check();
    const consumer = new MemoryConsumer(run, options, (c) => this.#feed(this.#queue(queue), c));
    this.#queue(queue).consumers.add(consumer);
    this.#feed(this.#queue(queue), consumer);
    return consumer;
  }

  async pause(queue: string): Promise<void> {
    this.#check();
    this.#queue(queue).isPaused = true;
  }

  async resume(queue: string): Promise<void> {
    this.#check();
    this.#queue(queue).isPaused = false;
    this.#feedAll(this.#queue(queue));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const consumers = [...this.#queues.values()].flatMap((queue) => [...queue.consumers]);
    await Promise.all(consumers.map((consumer) => consumer.stop(0)));
  }

  #check(): void {
    if (this.#isClosed) throw new ClosedError('The memory backend');
    if (!this.isUp) throw new Error('memory is down');
  }

  #queue(name: string): MemoryQueue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = { jobs: new Map(), waiting: [], consumers: new Set<MemoryConsumer>(), isPaused: false };
    this.#queues.set(name, queue);
    return queue;
  }

  #later(queue: MemoryQueue, job: MemoryJob, delayMs: number): void {
    if (delayMs <= 0) {
      this.#wait(queue, job);
      return;
    }
    job.state = 'delayed';
    job.dueAt = Date.now() + delayMs;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (queue.jobs.get(job.request.id) === job) this.#wait(queue, job);
    }, delayMs);
    this.#timers.add(timer);
  }

  #wait(queue: MemoryQueue, job: MemoryJob): void {
    job.state = 'waiting';
    job.dueAt = null;
    const rank = (of: MemoryJob) => (this.capabilities.priority ? (of.request.priority ?? 0) : 0);
    const place = queue.waiting.findIndex((other) => rank(other) > rank(job));
    queue.waiting.splice(place < 0 ? queue.waiting.length : place, 0, job);
    this.#feedAll(queue);
  }

  #feedAll(queue: MemoryQueue): void {
    for (const consumer of queue.consumers) this.#feed(queue, consumer);
  }

  #feed(queue: MemoryQueue, consumer: MemoryConsumer): void {
    while (!queue.isPaused && consumer.isHungry()) {
      const job = queue.waiting.shift();
      if (job === undefined) return;
      job.state = 'active';
      job.taken = ++this.#taken;
      consumer.take(this.#deliveryOf(job), (settlement) => this.#settle(queue, job, settlement));
    }
  }

  #deliveryOf(job: MemoryJob): Delivery {
    const { id, queue, task, mark, enqueuedAt } = job.request;
    return {
      backend: this.name,
      queue,
      id,
      task,
      data: JSON.parse(job.text),
      mark,
      isForced: job.request.isForced ?? false,
      enqueuedAt,
      dueAt: job.request.dueAt ?? enqueuedAt,
      failuresBefore: job.failures,
      retriesLeft: job.retriesLeft,
      progress: async () => {},
    };
  }

  #settle(queue: MemoryQueue, job: MemoryJob, settlement: Settlement): void {
    if (this.#isClosed) return;
    if (settlement.kind === 'complete') queue.jobs.delete(job.request.id);
    else if (settlement.kind === 'fail') job.state = 'failed';
    else {
      if (settlement.kind === 'retry') {
        job.failures += 1;
        job.retriesLeft = Math.max(0, job.retriesLeft - 1);
      }
      this.#later(queue, job, settlement.delayMs ?? job.request.backoff.delayMs);
    }
  }
}

export function createMemoryBackend(options?: MemoryBackendOptions): MemoryBackend {
  return new MemoryBackend(options);
}

class MemoryConsumer implements Consumer {
  #run: RunDelivery;
  #options: ConsumeOptions;
  #onFree: (self: MemoryConsumer) => void;
  #running = new Set<Promise<void>>();
  #isStopped = false;

  constructor(run: RunDelivery, options: ConsumeOptions, onFree: (self: MemoryConsumer) => void) {
    this.#run = run;
    this.#options = options;
    this.#onFree = onFree;
  }

  isHungry(): boolean {
    return !this.#isStopped && this.#running.size < this.#options.concurrency;
  }

  take(delivery: Delivery, settle: (settlement: Settlement) => void): void {
    const running = this.#runOf(delivery)
      .then(settle)
      .finally(() => {
        this.#running.delete(running);
        this.#onFree(this);
      });
    this.#running.add(running);
  }

  async stop(graceMs: number): Promise<boolean> {
    this.#isStopped = true;
    if (this.#running.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.all(this.#running), late]);
    clearTimeout(timer);
    return this.#running.size === 0;
  }

  async #runOf(delivery: Delivery): Promise<Settlement> {
    await Promise.resolve(); // never inside the call that enqueued
    try {
      return await this.#run(delivery);
    } catch (error) {
      this.#options.onError?.(error as Error);
      return { kind: 'postpone', delayMs: this.#options.stallIntervalMs };
    }
  }
}
