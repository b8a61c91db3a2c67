import { once } from 'node:events';
import { expect } from '@jest/globals';
import BeeQueue from 'bee-queue';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { WorkerEvent } from '../../src/domain/events.ts';
import { movedQueueOf } from '../../src/domain/task-backend.ts';
import {
  type HybridConfig,
  type HybridConfigInput,
  HybridTaskManager,
  HybridWorker,
  type ManagerOptions,
  resolveConfig,
  type TaskDefinition,
  type WorkerOptions,
} from '../../src/index.ts';
import { type Connections, openConnections } from '../../src/manager/connections.ts';
import { RecordingLog } from './recording-log.ts';
import { plainClient, redisUrl, uniqueName } from './redis.ts';

type Tasks = readonly TaskDefinition[];

/** What both plain queues and the ledger hold of some queues, counted without this library. */
export interface PlainCount {
  readonly bee: number;
  readonly bullmq: number;
  readonly ledger: number;
}

/**
 * Managers and workers of one namespace in this process, on real queues under prefixes of their own, and plain clients
 * to look at what they do. Everything logs into `log`; what workers do is in `events`.
 */
export class HybridSystem {
  readonly namespace = uniqueName('system');
  readonly config: HybridConfig;
  readonly log = new RecordingLog();
  readonly events: WorkerEvent[] = [];
  readonly #opened: { close(): Promise<unknown> }[] = [];
  readonly #counting = new Map<string, { readonly bee: readonly BeeQueue[]; readonly bull: Queue }>();
  #redis: Redis | undefined;
  #wake: () => void = () => {};

  constructor(change: HybridConfigInput = {}) {
    this.config = resolveConfig({ ...settingsFor(this.namespace), ...change });
  }

  get url(): string {
    return this.config.redis.url ?? redisUrl();
  }

  /** To look at what is in Redis, and to break it. */
  get redis(): Redis {
    this.#redis ??= plainClient(this.url);
    return this.#redis;
  }

  async manager(tasks: Tasks, options: Partial<ManagerOptions> = {}): Promise<HybridTaskManager> {
    const manager = await HybridTaskManager.open({ config: this.config, log: this.log, ...options, tasks });
    this.#opened.unshift(manager);
    return manager;
  }

  async worker(tasks: Tasks, options: Partial<WorkerOptions> = {}): Promise<HybridWorker> {
    const onEvent = (event: WorkerEvent) => {
      this.events.push(event);
      this.#wake();
    };
    const worker = await HybridWorker.open({
      config: this.config,
      log: this.log,
      onEvent,
      ...options,
      tasks,
    });
    this.#opened.unshift({ close: () => worker.stop({ graceMs: 0 }) });
    return worker;
  }

  /** What managers and workers are made of, for a test that plays a part of one. */
  async connections(): Promise<Connections> {
    const connections = await openConnections(this.config, 'test', this.log);
    this.#opened.unshift(connections);
    return connections;
  }

  /** The first event that fits, as soon as there is one. */
  async event(fits: Partial<WorkerEvent>): Promise<WorkerEvent> {
    const isFit = (event: WorkerEvent) =>
      Object.entries(fits).every(([field, value]) => event[field as keyof WorkerEvent] === value);
    for (;;) {
      const found = this.events.find(isFit);
      if (found) return found;
      await new Promise<void>((resolve) => {
        const before = this.#wake;
        this.#wake = () => {
          before();
          resolve();
        };
      });
    }
  }

  /** The types of a task's events, in order. */
  typesOf(id: string): string[] {
    return this.events.filter((event) => event.id === id).map(({ type }) => type);
  }

  /** A team's own bee-queue producer, or a worker if the settings say so. */
  async beeQueue(queue: string, settings: BeeQueue.QueueSettings = {}): Promise<BeeQueue> {
    const bee = new BeeQueue(queue, {
      prefix: this.config.stable.prefix,
      redis: { url: this.url },
      isWorker: false,
      getEvents: false,
      storeJobs: false,
      ...settings,
    });
    await bee.ready();
    this.#opened.unshift({ close: () => bee.close(1000) });
    return bee;
  }

  bullQueue(queue: string): Queue {
    const { hostname, port } = new URL(this.config.canary.redisUrl ?? this.url);
    const bull = new Queue(queue, {
      connection: { host: hostname, port: Number(port) },
      prefix: this.config.canary.prefix,
    });
    this.#opened.unshift({ close: () => bull.close() });
    return bull;
  }

  /** Jobs in any state in both backends, and everything that the ledger keeps of tasks and keys. */
  async count(queue: string): Promise<PlainCount> {
    const clients = this.#counting.get(queue) ?? (await this.#countingClients(queue));
    let bee = 0;
    for (const each of clients.bee) {
      const { waiting, active, delayed, succeeded, failed } = await each.checkHealth();
      bee += waiting + active + delayed + succeeded + failed;
    }
    const byState = await clients.bull.getJobCounts();
    const bullmq = Object.values(byState).reduce((sum, n) => sum + n, 0);
    const own = await this.redis.keys(`{${this.namespace}}:*`);
    const ledger = own.filter((key) => /:(task|key|outcome|open|counts)(:|$)/.test(key)).length;
    return { bee, bullmq, ledger };
  }

  async #countingClients(queue: string) {
    const bee = [await this.beeQueue(queue), await this.beeQueue(movedQueueOf(queue))];
    const clients = { bee, bull: this.bullQueue(queue) };
    this.#counting.set(queue, clients);
    return clients;
  }

  async expectNothingEnqueued(queue: string): Promise<void> {
    expect(await this.count(queue)).toEqual({ bee: 0, bullmq: 0, ledger: 0 });
  }

  async close(): Promise<void> {
    this.#counting.clear();
    for (const each of this.#opened.splice(0)) await each.close();
  }
}

/** Where a system of this name keeps its things. Nothing that works by itself in the background does so within a test. */
export function settingsFor(namespace: string): HybridConfigInput {
  return {
    namespace,
    redis: { url: redisUrl(), commandTimeoutMs: 5000 },
    stable: { prefix: `${namespace}-bq` },
    canary: { prefix: `${namespace}-bull` },
    flags: { source: 'off' },
    control: { pollMs: 600_000 },
    worker: { janitorIntervalMs: 600_000, heartbeatMs: 2000, stallIntervalMs: 5000 },
  };
}

/** Resolves when an abort signal has fired. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
