import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import BeeQueue from 'bee-queue';
import { ioredisOptions, type RedisAddress } from '../domain/redis-address.ts';
import type { BeeJobOptions } from './bee-queue-wire.ts';

/** What this library uses of bee-queue 2.0.0 beyond its published types. Look here first when bee-queue moves. */
export interface BeeJob {
  id: string;
  data: unknown;
  options: BeeJobOptions;
  status: string;
  progress: unknown;
  /** Milliseconds until the next try, or -1: failed for good. Asked by bee-queue once, when a run has failed. */
  computeDelay(): number;
  reportProgress(value: unknown): Promise<void>;
}

type Reply<T> = (error: Error | null, answer: T) => void;

/** A node_redis 3 client. */
export interface NodeRedisClient extends EventEmitter {
  readonly ready: boolean;
  readonly stream: { destroy(): void };
  brpoplpush(source: string, target: string, timeoutSeconds: number, done: Reply<string | null>): void;
  hget(key: string, field: string, done: Reply<string | null>): void;
  client(subcommand: 'ID', done: Reply<number>): void;
  end(flush: boolean): void;
}

/** For the node_redis 3 that bee-queue brings: it reads `user`, not `username`. */
export function nodeRedisOptions(address: RedisAddress): Record<string, unknown> {
  const { username, ...options } = ioredisOptions(address);
  return username === undefined ? options : { ...options, user: username };
}

interface BeeQueueInternals extends EventEmitter {
  paused: boolean;
  readonly client: NodeRedisClient | null;
  readonly bclient: NodeRedisClient | null;
  readonly eclient: NodeRedisClient | null;
  readonly activeJobs: ReadonlySet<Promise<unknown>>;
  ready(): Promise<unknown>;
  createJob(data: unknown): BeeJob;
  process(concurrency: number, handler: (job: BeeJob) => Promise<unknown>): unknown;
  close(timeoutMs: number): Promise<void>;
  toKey(part: string): string;
  _waitForJob(): Promise<BeeJob | null>;
  /** Called when a job begins, and then twice in every stall interval while it runs. */
  _preventStall(id: string): Promise<unknown>;
  _finishJob(error: unknown, value: unknown, job: BeeJob): unknown;
  _evalScript(name: string, ...values: unknown[]): Promise<unknown>;
  _doStalledJobCheck(): Promise<number>;
  _activateDelayed(): void;
}

export const BeeQueueBase = BeeQueue as unknown as new (
  name: string,
  settings: BeeQueue.QueueSettings,
) => BeeQueueInternals;

const scripts = createRequire(import.meta.url)('bee-queue/lib/lua') as {
  buildCache(client: NodeRedisClient): Promise<unknown>;
};

/** Loads bee-queue's own scripts into the server. bee-queue does it once per queue and fails for ever after a restart. */
export function loadBeeScripts(client: NodeRedisClient): Promise<unknown> {
  return scripts.buildCache(client);
}
