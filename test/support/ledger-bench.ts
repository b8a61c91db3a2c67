import { expect } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { AcceptRequest, LedgerEntry, TaskSpec, WorkerLease } from '../../src/domain/ledger.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import type { BackendName } from '../../src/domain/task.ts';
import { ControlPlane } from '../../src/state/control-plane.ts';
import { ControlRedis } from '../../src/state/control-redis.ts';
import { Ledger } from '../../src/state/ledger.ts';
import { jobId } from './job-requests.ts';
import { plainClient, redisUrl, uniqueName } from './redis.ts';

export const ENTRY_TTL_SECONDS = 5000;
export const FAILURE_TTL_SECONDS = 4000;
export const RESULT_TTL_SECONDS = 3000;
export const MAX_LOSSES = 1;

/** A ledger of its own namespace, with everything needed to push it around and to look inside. */
export class LedgerBench {
  readonly redis: ControlRedis;
  readonly ledger: Ledger;
  readonly raw: Redis = plainClient();
  readonly plane: ControlPlane;

  private constructor(redis: ControlRedis, plane: ControlPlane) {
    this.redis = redis;
    this.plane = plane;
    this.ledger = new Ledger(redis);
  }

  static async open(): Promise<LedgerBench> {
    const namespace = uniqueName('ledger');
    const redis = new ControlRedis(namespace, { url: redisUrl(), commandTimeoutMs: 5000, name: namespace });
    const plane = await ControlPlane.open(redis, {
      initial: { celeryRatio: 0.5, mode: 'ratio', taskRatios: {} },
      actor: 'test',
      pollMs: 60_000,
    });
    return new LedgerBench(redis, plane);
  }

  close(): void {
    this.plane.close();
    this.redis.close();
  }

  spec(change: Partial<TaskSpec> = {}): TaskSpec {
    return {
      task: 'test-task',
      queue: 'test-queue',
      namesTask: false,
      retries: 3,
      backoff: { type: 'fixed', delayMs: 20, maxDelayMs: 1000, jitter: 0 },
      timeoutMs: 600_000,
      dueAt: null,
      priority: null,
      decision: {
        backend: 'canary',
        reason: 'ratio',
        epoch: this.plane.state.epoch,
        bucket: 0.1,
        ratio: 0.5,
      },
      ...change,
    };
  }

  request(change: Partial<AcceptRequest> = {}): AcceptRequest {
    return {
      id: jobId(),
      epoch: this.plane.state.epoch,
      spec: this.spec(),
      payload: '{"n":1}',
      entryTtlSeconds: ENTRY_TTL_SECONDS,
      key: null,
      ...change,
    };
  }

  /** An accepted task's id. */
  async accepted(change: Partial<AcceptRequest> = {}): Promise<string> {
    const request = this.request(change);
    expect(await this.ledger.accept(request)).toMatchObject({ status: 'accepted' });
    return request.id;
  }

  /** A running task, with its worker and token. */
  async running(worker = 'worker-1', token = 'token-1'): Promise<string> {
    const id = await this.accepted();
    expect(await this.start(id, worker, token)).toMatchObject({ status: 'granted' });
    return id;
  }

  lease(id: string): WorkerLease {
    return { id, ttlMs: 60_000, maxLosses: MAX_LOSSES };
  }

  start(id: string, worker = 'worker-1', token = 'token-1', backend: BackendName = 'canary') {
    const request = { id, token, failureTtlSeconds: FAILURE_TTL_SECONDS };
    return this.ledger.start(backend, this.lease(worker), request);
  }

  finish(
    id: string,
    token = 'token-1',
    state: 'succeeded' | 'failed' = 'succeeded',
    backend: BackendName = 'canary',
  ) {
    return this.ledger.finish({
      id,
      token,
      backend,
      state,
      outcome: this.outcome(id, { status: state, backend, value: token }),
      outcomeTtlSeconds: RESULT_TTL_SECONDS,
      entryTtlSeconds: ENTRY_TTL_SECONDS,
    });
  }

  retry(id: string, token = 'token-1', free = false) {
    return this.ledger.retry(id, token, { free, dueAt: 1_763_750_009_999 });
  }

  outcome(id: string, change: Partial<Outcome> = {}): Outcome {
    return {
      id,
      task: 'test-task',
      backend: 'canary',
      status: 'succeeded',
      value: null,
      attempts: 1,
      enqueuedAt: 1,
      startedAt: 2,
      finishedAt: 3,
      ...change,
    };
  }

  /** As if a worker process had died. */
  async kill(worker: string): Promise<void> {
    await this.raw.del(this.redis.keys.worker(worker));
  }

  async loseEntry(id: string): Promise<void> {
    await this.raw.del(this.redis.keys.task(id));
    await this.raw.zrem(this.redis.keys.openCanary, id);
  }

  async freeze(): Promise<void> {
    await this.plane.freeze({ reason: 'test' });
  }

  async resume(): Promise<void> {
    await this.plane.resume({ reason: 'test' });
  }

  entry(id: string): Promise<LedgerEntry | null> {
    return this.ledger.get(id);
  }

  async storedOutcome(id: string): Promise<Outcome | null> {
    const text = await this.raw.get(this.redis.keys.outcome(id));
    return text === null ? null : (JSON.parse(text) as Outcome);
  }

  /** Everything that the namespace keeps, but for heartbeats: equal snapshots mean that nothing happened. */
  async snapshot(): Promise<Record<string, unknown>> {
    const keys = (await this.raw.keys(`${this.redis.keys.prefix}*`)).sort();
    const all: Record<string, unknown> = {};
    for (const key of keys) {
      if (key.startsWith(this.redis.keys.worker(''))) continue;
      const type = await this.raw.type(key);
      if (type === 'hash') all[key] = await this.raw.hgetall(key);
      else if (type === 'zset') all[key] = await this.raw.zrange(key, '0', '-1', 'WITHSCORES');
      else if (type === 'stream') all[key] = await this.raw.xlen(key);
      else all[key] = await this.raw.get(key);
    }
    return all;
  }

  /** I8. */
  async expectConserved(): Promise<void> {
    const counts = await this.ledger.counts();
    expect(counts).toMatchObject({ conserved: true });
  }

  /** Makes a call, and again as one whose answer was lost does: the same answer, and nothing has changed by it. */
  async twice<T>(call: () => Promise<T>): Promise<T> {
    const first = await call();
    await this.expectConserved();
    const before = await this.snapshot();
    expect(await call()).toEqual(first);
    expect(await this.snapshot()).toEqual(before);
    return first;
  }
}
