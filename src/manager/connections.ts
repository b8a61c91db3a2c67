import { createBeeQueueBackend } from '../backends/bee-queue.ts';
import { createBullmqBackend } from '../backends/bullmq.ts';
import type { HybridConfig } from '../config.ts';
import { routingOf } from '../config.ts';
import { RedisUnsuitableError } from '../domain/errors.ts';
import type { MovedTask } from '../domain/ledger.ts';
import type { Logger } from '../domain/logger.ts';
import { jobRequestOf } from '../domain/queued-task.ts';
import type { TaskBackend } from '../domain/task-backend.ts';
import { heartbeatTtlOf } from '../execution/heartbeat.ts';
import { AggregateCompactor } from '../state/aggregate-compactor.ts';
import { AggregateReader } from '../state/aggregate-reader.ts';
import { AggregateWriter } from '../state/aggregate-writer.ts';
import { ControlPlane } from '../state/control-plane.ts';
import { ControlRedis } from '../state/control-redis.ts';
import { Copies } from '../state/copies.ts';
import { IdempotencyKeys } from '../state/idempotency-keys.ts';
import { Ledger } from '../state/ledger.ts';
import { requireNamespace } from '../state/namespaces.ts';
import { OutcomeStore } from '../state/outcome-store.ts';
import { Pairs } from '../state/pairs.ts';
import { QueueRegistry } from '../state/queue-registry.ts';
import { preflight } from '../state/redis-preflight.ts';
import { RedisRollbackLedger } from '../state/rollback-ledger.ts';
import { WorkerRegistry } from '../state/worker-registry.ts';
import { withOwnPrefixes } from './prefixes.ts';

/** Used where neither the config nor the environment names a Redis. */
export const DEFAULT_REDIS_URL = 'redis://127.0.0.1:6379';

/** A clear sentence about an unusable Redis is to come within 3 s, the start of a process included. */
const PREFLIGHT_MS = 2_000;

/** Everything that submitting, operating and executing have in common. */
export interface Connections {
  readonly config: HybridConfig;
  readonly log: Logger;
  readonly control: ControlRedis;
  readonly plane: ControlPlane;
  readonly ledger: Ledger;
  readonly rollbackLedger: RedisRollbackLedger;
  readonly outcomes: OutcomeStore;
  readonly keys: IdempotencyKeys;
  readonly copies: Copies;
  readonly pairs: Pairs;
  /** Counts what this process submits and runs. */
  readonly meter: AggregateWriter;
  /** What all processes have counted. */
  readonly figures: AggregateReader;
  /** Adds up what they have written. */
  readonly compactor: AggregateCompactor;
  readonly workers: WorkerRegistry;
  readonly queues: QueueRegistry;
  readonly stable: TaskBackend;
  readonly canary: TaskBackend;
  /** Writes figures down first. @param deadline resolves when they are not waited for any longer @default never */
  close(deadline?: Promise<void>): Promise<void>;
}

/**
 * Opens the connections that a config asks for. Control (and with it stable) has to answer; canary may be down.
 *
 * @param actor who this process is in the audit log
 * @param mustExist refuses a namespace that nobody has used, instead of beginning it
 * @throws {RedisUnreachableError | RedisUnsuitableError | InvalidConfigError | UnknownNamespaceError}
 */
export async function openConnections(
  given: HybridConfig,
  actor: string,
  log: Logger,
  mustExist = false,
): Promise<Connections> {
  const controlUrl = given.redis.url ?? DEFAULT_REDIS_URL;
  const canaryUrl = given.canary.redisUrl ?? controlUrl;
  const { commandTimeoutMs } = given.redis;
  const allowEviction = process.env.NODE_ENV === 'development';
  const report = await preflight(controlUrl, { allowEviction, deadlineMs: PREFLIGHT_MS });
  for (const note of report.notes) log.warn({}, note);

  const onError = (error: Error) => log.warn({}, error.message);
  const control = new ControlRedis(given.namespace, {
    url: controlUrl,
    commandTimeoutMs,
    name: 'hybrid',
    heartbeatTtlMs: heartbeatTtlOf(given.worker.heartbeatMs),
    onError,
  });
  const config = await placeOf(control, given, log, mustExist).catch((error: unknown) => {
    control.close();
    throw error;
  });
  const backendOptions = { commandTimeoutMs, logger: log };
  const stable = createBeeQueueBackend({
    ...backendOptions,
    redisUrl: controlUrl,
    prefix: config.stable.prefix,
  });
  const canary = createBullmqBackend({
    ...backendOptions,
    redisUrl: canaryUrl,
    prefix: config.canary.prefix,
  });
  const close = async () => {
    await Promise.all([stable.close(), canary.close()]);
    control.close();
  };
  try {
    const { pollMs } = config.control;
    const plane = await ControlPlane.open(control, {
      initial: routingOf(config),
      actor,
      pollMs,
      onProblem: onError,
    });
    await stable.ready();
    // I5: not waited for; a canary that is down keeps nobody from submitting, nor from freezing.
    if (canaryUrl !== controlUrl) void warnAboutCanary(canaryUrl, allowEviction, log);
    const ledger = new Ledger(control);
    const copies = new Copies(control, config.parity.mostCopies);
    const meter = new AggregateWriter(control, log);
    const { failureTtlSeconds } = config.results;
    return {
      config,
      log,
      control,
      plane,
      ledger,
      rollbackLedger: new RedisRollbackLedger(control, ledger, copies, failureTtlSeconds),
      outcomes: new OutcomeStore(control),
      keys: new IdempotencyKeys(control),
      copies,
      pairs: new Pairs(control),
      meter,
      figures: new AggregateReader(control),
      compactor: new AggregateCompactor(control),
      workers: new WorkerRegistry(control),
      queues: new QueueRegistry(control),
      stable,
      canary,
      close: async (deadline) => {
        plane.close();
        await Promise.race([meter.close(), ...(deadline ? [deadline] : [])]);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What has to be known of the namespace before its queues are opened. */
async function placeOf(
  control: ControlRedis,
  config: HybridConfig,
  log: Logger,
  mustExist: boolean,
): Promise<HybridConfig> {
  if (mustExist) await requireNamespace(control, config.namespace);
  return withOwnPrefixes(control, config, log, mustExist);
}

async function warnAboutCanary(url: string, allowEviction: boolean, log: Logger): Promise<void> {
  try {
    await preflight(url, { role: 'canary', allowEviction, deadlineMs: PREFLIGHT_MS });
  } catch (error) {
    const effect =
      error instanceof RedisUnsuitableError
        ? 'Tasks go there all the same, by ratio or flag; one that it refuses goes to stable.'
        : 'Until it answers, everything goes to stable.';
    log.warn({}, `canary: ${(error as Error).message} ${effect}`);
  }
}

/** Puts tasks that changed hands into stable's moved queues, in order. */
export async function enqueueMoved(stable: TaskBackend, tasks: readonly MovedTask[]): Promise<void> {
  const results = await stable.enqueue(tasks.map((task) => jobRequestOf(task, 'stable')));
  const refused = results.find(({ status }) => status === 'error');
  if (refused?.status === 'error') throw refused.error;
}
