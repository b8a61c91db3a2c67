import { hostname } from 'node:os';
import { configFrom, type HybridConfig, type HybridConfigInput } from './config.ts';
import { PoisonTaskError } from './domain/errors.ts';
import type { WorkerListener } from './domain/events.ts';
import type { Logger } from './domain/logger.ts';
import type { BackendName, TaskDefinition } from './domain/task.ts';
import type { Delivery, Settlement, TaskBackend } from './domain/task-backend.ts';
import { copiesQueueOf, movedQueueOf } from './domain/task-backend.ts';
import { isTaskId } from './domain/task-id.ts';
import { Heartbeat } from './execution/heartbeat.ts';
import { Janitor } from './execution/janitor.ts';
import { runLedgerDelivery } from './execution/ledger-delivery.ts';
import { runPlainDelivery } from './execution/plain-delivery.ts';
import type { RunEnvironment } from './execution/run-environment.ts';
import { RunningTasks } from './execution/running-tasks.ts';
import { TaskRegistry } from './execution/task-registry.ts';
import { createLogger } from './logging.ts';
import { type FollowedFile, joinLiveState } from './manager/config-sync.ts';
import { type Connections, openConnections } from './manager/connections.ts';
import type { Comparer } from './parity/comparer.ts';
import { version } from './version.ts';
import { comparerOf } from './worker/comparing.ts';
import { Consumers } from './worker/consumers.ts';
import { endOverdueCopies } from './worker/copy-jobs.ts';
import { evacuate } from './worker/evacuate.ts';
import { eventTeller } from './worker/event-telling.ts';
import { runEnvironmentOf } from './worker/run-environment.ts';
import { countStall } from './worker/stalled-jobs.ts';

/** An aborted handler that settles within this time is not given up. Milliseconds. */
const ABORT_GRACE_MS = 5_000;
/** Younger unfinished tasks are probably just being enqueued. Milliseconds. */
const JANITOR_MIN_AGE_MS = 5_000;
const JANITOR_TASKS_PER_PASS = 2_000;
/** Copies at once of each queue of each backend, as a share of the tasks at once; one at least. */
const COPY_SLOTS = 0.25;

export interface WorkerOptions {
  /**
   * A config file's path, a loaded config, or settings written in the program (the environment goes before them).
   * @default config/hybrid.yaml if it exists, else the built-in defaults
   */
  readonly config?: string | HybridConfig | HybridConfigInput;
  /** Whether an edit of the config file changes the live state while this process runs. @default true */
  readonly followConfigFile?: boolean;
  readonly tasks: readonly TaskDefinition[];
  /** @default both */
  readonly backends?: readonly BackendName[];
  /** Tasks at once of each queue of each backend. @default the config's worker.concurrency */
  readonly concurrency?: number;
  readonly onEvent?: WorkerListener;
  /** @default JSON lines on standard error, at the config's level */
  readonly log?: Logger;
}

/** Runs tasks of one or both backends in this process. */
export class HybridWorker {
  readonly #c: Connections;
  readonly #options: WorkerOptions;
  readonly #tasks: TaskRegistry;
  readonly #running = new RunningTasks();
  readonly #giveUp = new AbortController();
  readonly #heartbeat: Heartbeat;
  readonly #janitor: Janitor;
  readonly #comparer: Comparer;
  readonly #startedAt = Date.now();
  /** Parked jobs of foreign ids that are just being delivered here. */
  readonly #refused = new Set<string>();
  readonly #consumers: Consumers;
  #file: FollowedFile | null = null;
  #stopped: Promise<boolean> | undefined;

  private constructor(c: Connections, tasks: TaskRegistry, options: WorkerOptions) {
    this.#c = c;
    this.#tasks = tasks;
    this.#options = options;
    this.#consumers = new Consumers(c.log);
    const { heartbeatMs, maxLosses, janitorIntervalMs } = c.config.worker;
    this.#heartbeat = new Heartbeat(c.workers, {
      intervalMs: heartbeatMs,
      maxLosses,
      describe: () => this.#describe(),
      runningUnder: (id) => this.#running.countUnder(id),
      log: c.log,
    });
    this.#comparer = comparerOf(c, tasks);
    this.#janitor = new Janitor(c.ledger, {
      intervalMs: janitorIntervalMs,
      minAgeMs: JANITOR_MIN_AGE_MS,
      tasksPerPass: JANITOR_TASKS_PER_PASS,
      workerId: () => this.#heartbeat.lease.id,
      backends: { stable: c.stable, canary: c.canary },
      isFrozen: () => c.plane.state.frozen !== '',
      evacuate: (signal) => evacuate(c, signal),
      endOverdueCopies: (copies, now) => endOverdueCopies(c, copies, now),
      compactFigures: (signal) => c.compactor.pass({ signal }),
      log: c.log,
    });
  }

  /**
   * Connects and begins to take tasks.
   * @throws {InvalidConfigError | InvalidTaskDefinitionError | RedisUnreachableError | RedisUnsuitableError}
   */
  static async open(options: WorkerOptions): Promise<HybridWorker> {
    const config = await configFrom(options.config);
    const tasks = new TaskRegistry(options.tasks);
    tasks.requireRunnersOfUnnamedJobs();
    const log = options.log ?? createLogger(config.log.level);
    const connections = await openConnections(config, `worker:${hostname()}`, log);
    const worker = new HybridWorker(connections, tasks, options);
    try {
      await worker.#begin();
    } catch (error) {
      await worker.stop({ graceMs: 0 });
      throw error;
    }
    return worker;
  }

  get id(): string {
    return this.#heartbeat.lease.id;
  }

  /** Handlers running now. */
  get running(): number {
    return this.#running.size;
  }

  async #begin(): Promise<void> {
    const { control, config, plane, log } = this.#c;
    this.#file = await joinLiveState(config, plane, log, this.#options.followConfigFile !== false);
    // Before the first task: without a heartbeat it would be given away at once.
    await this.#heartbeat.begin();
    const { cancelChannel, abortChannel } = control.keys;
    await control.listen(cancelChannel, (id) => this.#running.abort(id, 'cancel'));
    await control.listen(abortChannel, (ids) => this.#running.abortMany(ids.split('\n'), 'rollback'));
    await this.#c.queues.add(this.#tasks.queues);
    const env = runEnvironmentOf(this.#c, {
      tasks: this.#tasks,
      running: this.#running,
      heartbeat: this.#heartbeat,
      abortGraceMs: ABORT_GRACE_MS,
      giveUp: this.#giveUp.signal,
      emit: eventTeller(log, this.#options.onEvent),
    });
    const concurrency = this.#options.concurrency ?? config.worker.concurrency;
    for (const name of this.#options.backends ?? (['stable', 'canary'] as const)) {
      const backend = this.#c[name];
      for (const queue of this.#tasks.queues) {
        await this.#consume(backend, queue, queue, concurrency, env);
        if (name === 'stable') await this.#consume(backend, movedQueueOf(queue), queue, concurrency, env);
        // In slots of their own: one that hangs takes nobody's.
        const forCopies = Math.max(1, Math.floor(concurrency * COPY_SLOTS));
        if (this.#tasks.hasCopies(queue))
          await this.#consume(backend, copiesQueueOf(queue), queue, forCopies, env);
      }
    }
    this.#janitor.begin();
    this.#comparer.begin();
  }

  async #consume(
    backend: TaskBackend,
    queue: string,
    taskQueue: string,
    concurrency: number,
    env: RunEnvironment,
  ): Promise<void> {
    const { log, config } = this.#c;
    await this.#consumers.add(backend, queue, (delivery) => this.#run(delivery, taskQueue, env), {
      concurrency,
      stallIntervalMs: config.worker.stallIntervalMs,
      onStalled: (id) =>
        countStall(this.#c, backend, queue, id, env.emit).then(
          (mustRefuse) => mustRefuse && this.#refused.add(`${queue}:${id}`),
          (error: unknown) => log.warn({ id, queue }, `stall not counted: ${(error as Error).message}`),
        ),
      onUnreadable: (id, problem) =>
        log.error({ id, queue, backend: backend.name }, `unreadable job parked: ${problem}`),
      onError: (error) => log.warn({ queue, backend: backend.name }, error.message),
    });
  }

  async #run(delivery: Delivery, taskQueue: string, env: RunEnvironment): Promise<Settlement> {
    const task = this.#tasks.resolve(delivery, taskQueue);
    if (this.#refused.delete(`${delivery.queue}:${delivery.id}`)) {
      return { kind: 'fail', error: new PoisonTaskError(delivery.id, this.#c.config.worker.maxLosses + 1) };
    }
    try {
      // A mark on a foreign id is somebody else's field of the same name.
      return delivery.mark && isTaskId(delivery.id)
        ? await runLedgerDelivery(delivery, task, env)
        : await runPlainDelivery(delivery, task, env);
    } catch (error) {
      // The process ends: its backend delivers the job again when nobody shows a sign of life for it.
      if (this.#giveUp.signal.aborted) return new Promise(() => {});
      this.#c.log.error(
        { id: delivery.id, queue: delivery.queue },
        `to be delivered again: ${(error as Error).message}`,
      );
      return { kind: 'postpone', delayMs: this.#c.config.worker.stallIntervalMs };
    }
  }

  #describe() {
    return {
      host: hostname(),
      pid: process.pid,
      version,
      backends: this.#options.backends ?? (['stable', 'canary'] as const),
      queues: this.#tasks.queues,
      tasks: this.#tasks.names,
      concurrency: this.#options.concurrency ?? this.#c.config.worker.concurrency,
      running: this.#running.size,
      startedAt: this.#startedAt,
    };
  }

  /**
   * Takes nothing new, waits for what is running, closes. Repeating it waits for the first call.
   *
   * @param options.graceMs longest wait in milliseconds; then running tasks are aborted through their signal, and those
   *   that end are tried again elsewhere at no cost @default the config's worker.shutdownGraceMs
   * @returns false if a handler ignored its signal; its task is delivered again later
   */
  stop(options: { readonly graceMs?: number } = {}): Promise<boolean> {
    this.#stopped ??= this.#stop(options.graceMs ?? this.#c.config.worker.shutdownGraceMs);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<boolean> {
    const abort = setTimeout(() => this.#running.abortAll('shutdown'), graceMs);
    const isClean = await this.#consumers.stop(graceMs + ABORT_GRACE_MS);
    clearTimeout(abort);
    await Promise.all([this.#janitor.end(), this.#comparer.end()]);
    if (isClean) await this.#heartbeat.end().catch(() => {});
    else this.#heartbeat.abandon();
    this.#giveUp.abort();
    await this.#file?.close();
    await this.#c.close();
    return isClean;
  }
}
