import { once } from 'node:events';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import BeeQueue from 'bee-queue';
import type { Redis } from 'ioredis';
import { createBeeQueueBackend } from '../../src/backends/bee-queue.ts';
import type { TaskBackend } from '../../src/domain/task-backend.ts';
import { COMPLETE, DeliveryLog, gate } from '../support/delivery-log.ts';
import { jobRequest } from '../support/job-requests.ts';
import { expectNoLeakedConnections, plainClient, redisUrl, uniqueName } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const prefix = uniqueName('bq');
const FAILURE = new Error('the handler failed');

describe('bee-queue on the wire', () => {
  let backend: TaskBackend;
  let queue: string;
  let redis: Redis;
  let plainQueues: BeeQueue[];

  beforeEach(() => {
    backend = createBeeQueueBackend({ redisUrl: redisUrl(), prefix });
    queue = uniqueName('wire');
    redis = plainClient();
    plainQueues = [];
  });
  afterEach(async () => {
    await backend.close();
    await Promise.all(plainQueues.map((plain) => plain.close()));
  });

  const key = (part: string) => `${prefix}:${queue}:${part}`;
  const plainQueue = (settings: BeeQueue.QueueSettings): BeeQueue => {
    const { hostname: host, port, password } = new URL(redisUrl());
    const connection = { host, port: Number(port || 6379), ...(password ? { password } : {}) };
    const plain = new BeeQueue(queue, { prefix, redis: connection, ...settings } as BeeQueue.QueueSettings);
    plainQueues.push(plain);
    return plain;
  };
  const producer = () => plainQueue({ isWorker: false, getEvents: false, storeJobs: false });
  const consume = (log: DeliveryLog, onUnreadable?: (id: string, problem: string) => void) =>
    backend.consume(queue, log.run, {
      concurrency: 1,
      stallIntervalMs: 1000,
      ...(onUnreadable ? { onUnreadable } : {}),
    });
  const record = async (id: string) => JSON.parse((await redis.hget(key('jobs'), id)) ?? 'null');

  const due = Date.now() + 3_600_000;
  const shapes = [
    ['an ordinary job', { text: '文 "x"', list: [] }, {}],
    ['no backoff', [1], { backoff: { type: 'exponential', delayMs: 0, maxDelayMs: 1, jitter: 0 } }],
    [
      'all options',
      { a: 1 },
      {
        retries: 7,
        backoff: { type: 'exponential', delayMs: 250, maxDelayMs: 9000, jitter: 0.2 },
        timeoutMs: 1234,
        dueAt: due,
      },
    ],
    ['due in the past', { a: 1 }, { dueAt: 1000 }],
  ] as const;

  it.each(shapes)('writes the bytes that bee-queue writes: %s', async (_, payload, options) => {
    const request = jobRequest(queue, payload, { namesTask: false, ...options });
    const { retries, backoff, timeoutMs, dueAt } = request;
    const plain = producer().createJob(payload).setId('plain').retries(retries);
    if (backoff.delayMs > 0) plain.backoff(backoff.type, backoff.delayMs);
    else plain.backoff('immediate');
    plain.timeout(timeoutMs);
    if (dueAt !== null) plain.delayUntil(dueAt);
    plain.options.timestamp = request.enqueuedAt;
    await plain.save();
    expect(await backend.enqueue([request])).toEqual([{ status: 'added' }]);
    expect(await redis.hget(key('jobs'), request.id)).toBe(await redis.hget(key('jobs'), 'plain'));
    if (dueAt !== null && dueAt > Date.now()) {
      expect(await redis.zscore(key('delayed'), request.id)).toBe(
        await redis.zscore(key('delayed'), 'plain'),
      );
    } else {
      expect(await redis.lrange(key('waiting'), 0, -1)).toEqual([request.id, 'plain']);
    }
  });

  it('lists plain jobs, and one whose record is gone or unreadable as an id alone', async () => {
    await backend.enqueue([jobRequest(queue, 1, { namesTask: false, enqueuedAt: 1_763_750_000_000 })]);
    await redis.lpush(key('waiting'), 'ghost', 'broken');
    await redis.hset(key('jobs'), 'broken', '{"data":');
    const unknown = { task: null, isMarked: false, enqueuedAt: null, dueAt: null };
    expect(await backend.list(queue, 'waiting', 0, 9)).toEqual([
      { ...unknown, id: expect.any(String), enqueuedAt: 1_763_750_000_000 },
      { ...unknown, id: 'ghost' },
      { ...unknown, id: 'broken' },
    ]);
  });

  it('disturbs no plain bee-queue worker before, during and after a discard', async () => {
    const ran: string[] = [];
    const held = gate();
    const worker = plainQueue({ activateDelayedJobs: true });
    await worker.ready();
    worker.process(async (job: { id: string }) => {
      ran.push(job.id);
      if (ran.length === 1) await held.opened;
    });
    const now = Date.now();
    const all = Array.from({ length: 6 }, (_, i) => jobRequest(queue, i));
    const [soon, later] = [100, 3_600_000].map((ms) => jobRequest(queue, ms, { dueAt: now + ms }));
    await backend.enqueue([...all, ...[soon, later].flatMap((request) => request ?? [])]);
    await waitFor(() => ran.length === 1, { what: 'the first job to be taken' });
    const doomed = [0, 1, 3, 5].map((i) => all[i]?.id ?? '');
    expect(await backend.discard(queue, [...doomed, later?.id ?? ''])).toBe(4);
    held.open();
    const after = jobRequest(queue, 'after');
    await backend.enqueue([after]);
    await waitFor(() => ran.length === 5, { what: 'what is left to run' });
    const wanted = [all[0], all[2], all[4], soon, after].map((request) => request?.id);
    expect(new Set(ran)).toEqual(new Set(wanted));
    await waitFor(async () => (await backend.counts(queue)).active === 0, { what: 'the queue to be empty' });
    expect(await backend.counts(queue)).toMatchObject({ waiting: 0, delayed: 0 });
  });

  it('adds task and mark only where they are wanted', async () => {
    const named = jobRequest(queue, 1);
    const marked = jobRequest(queue, 1, { namesTask: false, mark: { acceptedAt: 5 } });
    const bare = jobRequest(queue, 1, { namesTask: false });
    await backend.enqueue([named, marked, bare]);
    expect((await record(named.id)).options.hybrid).toEqual({ task: 'test-task' });
    expect((await record(marked.id)).options.hybrid).toEqual({ task: 'test-task', acceptedAt: 5 });
    expect((await record(bare.id)).options).not.toHaveProperty('hybrid');
  });

  it('tells an id that is there already', async () => {
    const request = jobRequest(queue, 1);
    await backend.enqueue([request]);
    const results = await backend.enqueue([request, jobRequest(queue, 2), request]);
    expect(results.map(({ status }) => status)).toEqual(['duplicate', 'added', 'duplicate']);
    expect(await backend.counts(queue)).toMatchObject({ waiting: 2 });
  });

  it('a plain bee-queue worker runs what was enqueued, with its retries and its delay', async () => {
    const runs: { readonly data: unknown; readonly at: number }[] = [];
    const worker = plainQueue({ activateDelayedJobs: true, delayedDebounce: 1, removeOnSuccess: true });
    const dueAt = Date.now() + 200;
    await backend.enqueue([
      jobRequest(queue, 'retried', { retries: 2 }),
      jobRequest(queue, 'delayed', { dueAt }),
    ]);
    const done = new Promise<void>((resolve) => {
      let left = 2;
      worker.on('succeeded', () => {
        left -= 1;
        if (left === 0) resolve();
      });
    });
    worker.process(async (job: BeeQueue.Job<unknown>) => {
      runs.push({ data: job.data, at: Date.now() });
      if (job.data === 'retried' && job.options.retries > 0) throw FAILURE;
    });
    await done;
    expect(runs.filter(({ data }) => data === 'retried')).toHaveLength(3);
    const delayed = runs.filter(({ data }) => data === 'delayed');
    expect(delayed).toHaveLength(1);
    expect(delayed[0]?.at).toBeGreaterThanOrEqual(dueAt);
    expect(await redis.hlen(key('jobs'))).toBe(0);
  });

  it('runs what a plain producer saved, and tells it the result', async () => {
    const plain = plainQueue({ isWorker: false });
    const log = new DeliveryLog(async (delivery) => {
      await delivery.progress(42);
      return { kind: 'complete', value: { sum: 3 } };
    });
    const saved = await plain.createJob({ a: 1, b: 2 }).retries(4).save();
    const progressed = once(saved, 'progress');
    const succeeded = once(saved, 'succeeded');
    await consume(log);
    expect(await progressed).toEqual([42]);
    expect(await succeeded).toEqual([{ sum: 3 }]);
    expect(log.deliveries[0]).toMatchObject({
      id: saved.id,
      task: null,
      mark: null,
      data: { a: 1, b: 2 },
      failuresBefore: 0,
      retriesLeft: 4,
    });
  });

  it('a retry leaves behind what bee-queue itself would have saved', async () => {
    const plain = producer();
    const build = () => plain.createJob({ a: 1 }).retries(3).backoff('exponential', 5000).timeout(60_000);
    const ours = await build().setId('ours').save();
    const log = new DeliveryLog(() => ({ kind: 'retry', delayMs: null, error: FAILURE }));
    const before = Date.now();
    const consumer = await consume(log);
    const dueAt = Number(await waitFor(() => redis.zscore(key('delayed'), ours.id), { what: 'the retry' }));
    await consumer.stop(1000);
    expect(dueAt).toBeGreaterThanOrEqual(before + 5000);
    expect(dueAt).toBeLessThanOrEqual(Date.now() + 5000);

    const theirs = await build().setId('theirs').save();
    const worker = plainQueue({ activateDelayedJobs: true });
    const retrying = once(worker, 'retrying');
    worker.process(() => Promise.reject(FAILURE));
    await retrying;

    const [mine, reference] = [await record(ours.id), await record(theirs.id)];
    for (const { options } of [mine, reference]) {
      delete options.timestamp;
      expect(options.stacktraces).toHaveLength(1);
      delete options.stacktraces;
    }
    expect(mine).toEqual(reference);
    expect(JSON.stringify(mine)).toBe(JSON.stringify(reference));
  });

  it('a retry beyond the tries of its own leaves none behind, and not less', async () => {
    const request = jobRequest(queue, 1, { retries: 0 });
    await backend.enqueue([request]);
    await consume(new DeliveryLog(() => ({ kind: 'retry', delayMs: 3_600_000, error: FAILURE })));
    await waitFor(() => redis.zscore(key('delayed'), request.id), { what: 'the retry' });
    expect((await record(request.id)).options).toMatchObject({ retries: 0, timeout: 600_000 });
  });

  it('does not let bee-queue time a running handler out', async () => {
    const job = await producer().createJob('slow').retries(1).timeout(30).save();
    const clock = gate();
    const log = new DeliveryLog(async ({ data }) => {
      if (data === 'clock') clock.open();
      else await clock.opened;
      return COMPLETE;
    });
    // A delayed job is the clock: due long after the time limit.
    await backend.enqueue([jobRequest(queue, 'clock', { dueAt: Date.now() + 150 })]);
    await backend.consume(queue, log.run, { concurrency: 2, stallIntervalMs: 1000 });
    await waitFor(async () => (await backend.has(queue, [job.id]))[0] === 'absent', { what: 'the end' });
    expect(log.payloads).toEqual(['slow', 'clock']);
  });

  it('takes an id without a record out of the way', async () => {
    const unreadable: [string, string][] = [];
    await redis.lpush(key('waiting'), 'ghost');
    const next = jobRequest(queue, 'next');
    await backend.enqueue([next]);
    const log = new DeliveryLog();
    await consume(log, (id, problem) => unreadable.push([id, problem]));
    await log.begun(1);
    expect(unreadable).toEqual([['ghost', 'its record is gone']]);
    expect(log.payloads).toEqual(['next']);
    await waitFor(async () => (await redis.llen(key('active'))) === 0, { what: 'an empty active list' });
  });

  it.each(['{"data":', 'null', '[]', '"text"', '{"data":1,"options":"no"}'])(
    'takes a record that is no job out of the way and keeps its text: %s',
    async (text) => {
      const unreadable: string[] = [];
      await redis.hset(key('jobs'), 'broken', text);
      await redis.lpush(key('waiting'), 'broken');
      await backend.enqueue([jobRequest(queue, 'next')]);
      const log = new DeliveryLog();
      await consume(log, (id) => unreadable.push(id));
      await log.begun(1);
      expect(unreadable).toEqual(['broken']);
      expect(await redis.hgetall(key('unreadable'))).toEqual({ broken: text });
      expect(await backend.has(queue, ['broken'])).toEqual(['absent']);
    },
  );

  it('finishes a job whose result JSON cannot hold', async () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const request = jobRequest(queue, 1);
    await backend.enqueue([request]);
    const log = new DeliveryLog(() => ({ kind: 'complete', value: cycle }));
    await consume(log);
    await waitFor(async () => (await backend.has(queue, [request.id]))[0] === 'absent', { what: 'the end' });
  });
});

afterAll(() => expectNoLeakedConnections());
