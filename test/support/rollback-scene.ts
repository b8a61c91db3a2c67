import { z } from 'zod';
import {
  defineTask,
  type HybridConfigInput,
  type TaskContext,
  type TaskDefinition,
  type TaskOptions,
} from '../../src/index.ts';
import type { Connections } from '../../src/manager/connections.ts';
import type { RollbackOptions } from '../../src/manager/rollback.ts';
import { HybridSystem, settingsFor } from './hybrid-system.ts';
import { uniqueName } from './redis.ts';

type Handler = (input: unknown, context: TaskContext) => unknown;

/** A task that takes any JSON value. */
export function anyTask(handler: Handler, change: Partial<TaskOptions> = {}): TaskDefinition {
  const options: TaskOptions = {
    name: 'job',
    queue: 'jobs',
    input: z.any(),
    output: z.any(),
    backoff: { type: 'fixed', delayMs: 20 },
    handler: handler as TaskOptions['handler'],
  };
  return defineTask({ ...options, ...change });
}

/** A system that sends everything to canary, on a Redis of the test's own: nobody else's workers are seen there. */
export function canarySystem(url: string, change: HybridConfigInput = {}) {
  const { redis, worker } = settingsFor(uniqueName('x'));
  return new HybridSystem({
    ...change,
    // Short heartbeats: a server that has just begun judges no worker dead before one of them could have run out.
    worker: { ...worker, heartbeatMs: 300, ...change.worker },
    redis: { ...redis, url },
    routing: { celeryRatio: 1 },
  });
}

/** Says why, leaves files alone, and waits for nobody. */
export const QUICK: RollbackOptions = { reason: 'test', persist: false, graceMs: 0 };

/** A job as it stands in one of bee-queue's queues. */
export interface BeeJob {
  readonly id: string;
  readonly text: string;
  readonly data: unknown;
  readonly options: {
    readonly retries: number;
    readonly timeout: number;
    readonly backoff: object;
    readonly delay?: number;
    readonly hybrid?: { readonly task: string; readonly acceptedAt: number };
  };
}

export interface BeeQueueContents {
  /** First to run first. */
  readonly waiting: readonly BeeJob[];
  /** With the time at which each is due. */
  readonly delayed: readonly { readonly job: BeeJob; readonly dueAt: number }[];
}

/** What a bee-queue queue holds, read without any library. */
export async function beeContents(system: HybridSystem, queue: string): Promise<BeeQueueContents> {
  const prefix = `${system.config.stable.prefix}:${queue}:`;
  const job = async (id: string): Promise<BeeJob> => {
    const text = (await system.redis.hget(`${prefix}jobs`, id)) ?? 'null';
    return { id, text, ...JSON.parse(text) };
  };
  const waiting = await system.redis.lrange(`${prefix}waiting`, '0', '-1');
  const delayed = await system.redis.zrange(`${prefix}delayed`, '0', '-1', 'WITHSCORES');
  const ids = delayed.filter((_, i) => i % 2 === 0);
  return {
    waiting: await Promise.all(waiting.reverse().map(job)),
    delayed: await Promise.all(
      ids.map(async (id, i) => ({ job: await job(id), dueAt: Number(delayed[2 * i + 1]) })),
    ),
  };
}

/** Has the task's start granted to a worker that is dead by the time that this resolves. */
export async function startUnderDeadWorker(
  c: Connections,
  id: string,
  backend: 'stable' | 'canary' = 'canary',
): Promise<void> {
  const lease = { id: uniqueName('dead'), ttlMs: 60_000, maxLosses: 3 };
  const answer = await c.ledger.start(backend, lease, { id, token: uniqueName('t'), failureTtlSeconds: 60 });
  if (answer.status !== 'granted') throw new Error(`not granted: ${answer.status}`);
  await c.control.ask('bury', (redis) => redis.del(c.control.keys.worker(lease.id)));
}

/** Everything in a Redis, in a form that can be compared. */
export async function dumpOf(system: HybridSystem): Promise<Readonly<Record<string, unknown>>> {
  const { redis } = system;
  const keys = (await redis.keys('*')).sort();
  const contents = keys.map(async (key) => {
    // A hash is dumped in the order of its table, which reading may change.
    if ((await redis.type(key)) === 'hash') return redis.hgetall(key);
    return (await redis.dumpBuffer(key))?.toString('base64');
  });
  const values = await Promise.all(contents);
  return Object.fromEntries(keys.map((key, i) => [key, values[i]]));
}
