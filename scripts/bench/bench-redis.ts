import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { resolveRedis } from '../../src/private-redis.ts';

export interface RedisCost {
  readonly redisMicros: number;
  readonly commands: Readonly<Record<string, number>>;
}

/** The Redis of one benchmark. All keys of the benchmark have `run` in their names. */
export interface BenchRedis {
  readonly url: string;
  readonly version: string;
  readonly isPrivate: boolean;
  /** Part of every key's name: somebody else's Redis may hold other things. */
  readonly run: string;
  /** Removes what the last run left in the queues; the control state and the queues' own settings stay. */
  clear(): Promise<void>;
  /** Runs `work` and says what it cost Redis. With a Redis that others use as well, theirs is in it. */
  costOf<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly cost: RedisCost }>;
  close(): Promise<void>;
}

/**
 * REDIS_URL if it is set, else a private server without persistence, so that the disk is no part of what is measured.
 * @throws {RedisUnreachableError}
 */
export async function openBenchRedis(): Promise<BenchRedis> {
  const given = process.env.REDIS_URL;
  const dir = await mkdtemp(join(tmpdir(), 'hybrid-bench-'));
  const run = `bench-${randomUUID().slice(0, 8)}`;
  const source = await resolveRedis({ url: given ? given : null, allowPrivate: true, dir });
  const redis = new Redis(source.url, { maxRetriesPerRequest: 1 });
  if (source.isPrivate) await redis.config('SET', 'appendonly', 'no');
  return {
    url: source.url,
    version: fieldOf(await redis.info('server'), 'redis_version'),
    isPrivate: source.isPrivate,
    run,
    clear: () => removeKeys(redis, run, isOfAJob),
    costOf: async (work) => {
      const before = await readCost(redis);
      const value = await work();
      return { value, cost: difference(before, await readCost(redis)) };
    },
    close: async () => {
      await removeKeys(redis, run, () => true);
      redis.disconnect();
      await source.stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 });
    },
  };
}

/** Not the control state, the workers' heartbeats, and BullMQ's settings of a queue. */
const isOfAJob = (key: string): boolean => !/:(control|audit|meta|worker:.*|counts)$/.test(key);

async function removeKeys(redis: Redis, run: string, isDoomed: (key: string) => boolean): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `*${run}*`, 'COUNT', 2000);
    const doomed = keys.filter(isDoomed);
    if (doomed.length > 0) await redis.unlink(...doomed);
    cursor = next;
  } while (cursor !== '0');
}

async function readCost(redis: Redis): Promise<RedisCost> {
  const cpu = await redis.info('cpu');
  const seconds = Number(fieldOf(cpu, 'used_cpu_user')) + Number(fieldOf(cpu, 'used_cpu_sys'));
  const commands: Record<string, number> = {};
  for (const line of (await redis.info('commandstats')).split('\r\n')) {
    const [, name, calls] = /^cmdstat_([^:]+):calls=(\d+)/.exec(line) ?? [];
    if (name !== undefined) commands[name] = Number(calls);
  }
  return { redisMicros: seconds * 1_000_000, commands };
}

function difference(before: RedisCost, after: RedisCost): RedisCost {
  const commands = Object.entries(after.commands)
    .map(([name, calls]) => [name, calls - (before.commands[name] ?? 0)] as const)
    .filter(([, calls]) => calls > 0);
  return {
    redisMicros: after.redisMicros - before.redisMicros,
    commands: Object.fromEntries(commands),
  };
}

function fieldOf(info: string, name: string): string {
  return new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
}
