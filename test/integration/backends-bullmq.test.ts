import { once } from 'node:events';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { createBullmqBackend } from '../../src/backends/bullmq.ts';
import type { TaskBackend } from '../../src/domain/task-backend.ts';
import { COMPLETE, DeliveryLog, gate } from '../support/delivery-log.ts';
import { jobRequest } from '../support/job-requests.ts';
import { expectNoLeakedConnections, plainClient, redisUrl, uniqueName } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const prefix = uniqueName('bull');
const FAILURE = new Error('the handler failed');
const MARK = { acceptedAt: 1_763_750_000_123 };

describe('BullMQ on the wire', () => {
  let backend: TaskBackend;
  let queue: string;
  let redis: Redis;
  let plain: Queue;

  beforeEach(() => {
    backend = createBullmqBackend({ redisUrl: redisUrl(), prefix });
    queue = uniqueName('wire');
    redis = plainClient();
    plain = new Queue(queue, { prefix, connection: redis });
  });
  afterEach(async () => {
    await backend.close();
    await plain.close();
  });

  const key = (part: string) => `${prefix}:${queue}:${part}`;
  const consume = (
    log: DeliveryLog,
    onUnreadable?: (id: string, problem: string) => void,
    stallIntervalMs = 1000,
  ) =>
    backend.consume(queue, log.run, {
      concurrency: 1,
      stallIntervalMs,
      ...(onUnreadable ? { onUnreadable } : {}),
    });
  const presence = async (id: string) => (await backend.has(queue, [id]))[0];
  const untilNotLive = (id: string) =>
    waitFor(async () => (await presence(id)) !== 'live', { what: `${id} to be finished` });

  it('adds jobs that BullMQ reads as meant', async () => {
    const request = jobRequest(
      queue,
      { a: '文' },
      {
        mark: MARK,
        retries: 3,
        backoff: { type: 'exponential', delayMs: 250, maxDelayMs: 9000, jitter: 0.2 },
        priority: 7,
        enqueuedAt: 1_763_750_000_000,
      },
    );
    await backend.enqueue([request]);
    const job = await plain.getJob(request.id);
    expect(job).toMatchObject({
      id: request.id,
      name: 'test-task',
      data: { a: '文' },
      timestamp: 1_763_750_000_000,
    });
    expect(job?.opts).toMatchObject({
      attempts: 4,
      backoff: { type: 'exponential', delay: 250, jitter: 0.2 },
      priority: 7,
      hybrid: MARK,
      removeOnComplete: true,
    });
    expect(await redis.hget(key(request.id), 'data')).toBe(request.payload.text);
  });

  it('a plain BullMQ worker runs what was enqueued', async () => {
    const request = jobRequest(queue, { a: 1 }, { retries: 1 });
    await backend.enqueue([request]);
    const connection = plainClient();
    const worker = new Worker(queue, async (job) => job.attemptsMade === 0 && Promise.reject(FAILURE), {
      prefix,
      connection,
    });
    const [job] = await once(worker, 'completed');
    expect(job).toMatchObject({ id: request.id, data: { a: 1 }, attemptsMade: 2 });
    await worker.close();
  });

  it('runs a job that somebody added by hand, with its own attempts and its own backoff', async () => {
    const job = await plain.add('by-hand', { x: 1 }, { attempts: 3, backoff: { type: 'fixed', delay: 15 } });
    const id = job.id ?? '';
    const log = new DeliveryLog((delivery) =>
      delivery.retriesLeft > 0
        ? { kind: 'retry', delayMs: null, error: FAILURE }
        : { kind: 'fail', error: FAILURE },
    );
    await consume(log);
    await untilNotLive(id);
    expect(log.deliveries).toHaveLength(3);
    expect(log.deliveries[2]).toMatchObject({
      id,
      task: 'by-hand',
      mark: null,
      failuresBefore: 2,
      retriesLeft: 0,
    });
    const failed = await plain.getJob(id);
    expect(failed).toMatchObject({ attemptsMade: 3, failedReason: 'the handler failed' });
  });

  it('tells the maker of a hand-added job its result, and keeps a marked one to itself', async () => {
    const events = new QueueEvents(queue, { prefix, connection: plainClient() });
    await events.waitUntilReady();
    const results: [string, unknown][] = [];
    const both = new Promise<void>((resolve) => {
      events.on('completed', ({ jobId, returnvalue }) => {
        results.push([jobId, returnvalue]);
        if (results.length === 2) resolve();
      });
    });
    const job = await plain.add('by-hand', {});
    const marked = jobRequest(queue, 1, { mark: MARK });
    await backend.enqueue([marked]);
    await consume(new DeliveryLog(() => ({ kind: 'complete', value: { sum: 3 } })));
    await both;
    expect(results).toEqual([
      [job.id, { sum: 3 }],
      [marked.id, null],
    ]);
    await events.close();
  });

  it('retries a job whose backoff only its own team knows', async () => {
    const job = await plain.add('by-hand', {}, { attempts: 2, backoff: { type: 'our-own', delay: 10 } });
    const log = new DeliveryLog((_, nth) =>
      nth === 1 ? { kind: 'retry', delayMs: null, error: FAILURE } : COMPLETE,
    );
    await consume(log);
    await log.begun(2);
    await untilNotLive(job.id ?? '');
  });

  it('never counts a try of a marked job', async () => {
    const request = jobRequest(queue, 1, { mark: MARK, retries: 1 });
    await backend.enqueue([request]);
    const log = new DeliveryLog((_, nth) =>
      nth < 5 ? { kind: 'retry', delayMs: 0, error: FAILURE } : { kind: 'postpone', delayMs: 3_600_000 },
    );
    await consume(log);
    await log.begun(5);
    await waitFor(async () => (await backend.info(queue, request.id))?.state === 'delayed', {
      what: 'the delay',
    });
    expect(log.deliveries).toHaveLength(5);
    const job = await plain.getJob(request.id);
    expect(job).toMatchObject({ attemptsMade: 0, opts: { hybrid: MARK } });
  });

  it('keeps no completed job, and the failed ones for a while', async () => {
    const [good, bad] = [jobRequest(queue, 'good', { mark: MARK }), jobRequest(queue, 'bad', { mark: MARK })];
    await backend.enqueue([good, bad]);
    await consume(
      new DeliveryLog(({ data }) =>
        data === 'good' ? COMPLETE : { kind: 'fail', error: new Error('x'.repeat(5000)) },
      ),
    );
    await untilNotLive(bad.id);
    expect([await presence(good.id), await presence(bad.id)]).toEqual(['absent', 'dead']);
    expect((await plain.getJob(bad.id))?.failedReason).toHaveLength(1000);
  });

  describe('list and discard', () => {
    const waiting = async () => (await backend.list(queue, 'waiting', 0, 99)).map(({ id }) => id);

    it('lists the jobs of a paused queue, of today and of before BullMQ 6, in their order', async () => {
      await plain.pause();
      for (const id of ['a', 'b', 'c']) await plain.add('x', {}, { jobId: id });
      await plain.add('x', {}, { jobId: 'first', lifo: true });
      await plain.add('x', {}, { jobId: 'p2', priority: 2 });
      await plain.add('x', {}, { jobId: 'p1', priority: 1 });
      await redis.lpush(key('paused'), 'old-1', 'old-2');
      for (const id of ['old-1', 'old-2']) await redis.hset(key(id), { name: 'x', timestamp: 1, opts: '{}' });
      const all = ['old-1', 'old-2', 'first', 'a', 'b', 'c', 'p1', 'p2'];
      expect(await waiting()).toEqual(all);
      expect((await backend.list(queue, 'waiting', 1, 3)).map(({ id }) => id)).toEqual(all.slice(1, 4));
      expect((await backend.list(queue, 'waiting', 5, 2)).map(({ id }) => id)).toEqual(all.slice(5, 7));
      expect(await backend.discard(queue, ['old-2', 'b', 'p1'])).toBe(3);
      await plain.resume();
      const log = new DeliveryLog();
      await consume(log);
      await log.begun(5);
      expect(log.deliveries.map(({ id }) => id)).toEqual(['old-1', 'first', 'a', 'c', 'p2']);
    });

    it('shows a job whose record is gone or unreadable as an id alone', async () => {
      await plain.add('x', {}, { jobId: 'ghost' });
      await plain.add('x', {}, { jobId: 'broken' });
      await redis.del(key('ghost'));
      await redis.hset(key('broken'), 'opts', 'not JSON');
      expect(await backend.list(queue, 'waiting', 0, 2)).toEqual([
        { id: 'ghost', task: null, isMarked: false, enqueuedAt: null, dueAt: null },
        { id: 'broken', task: 'x', isMarked: false, enqueuedAt: expect.any(Number), dueAt: null },
      ]);
    });

    it('leaves no key of a discarded job, and tells it as BullMQ does', async () => {
      const events = new QueueEvents(queue, { prefix, connection: plainClient(), lastEventId: '0' });
      const removed = once(events, 'removed');
      const deduplication = { id: 'once', ttl: 3_600_000 };
      const job = await plain.add('x', {}, { jobId: 'doomed', deduplication });
      await job.log('a line');
      expect(await backend.discard(queue, ['doomed'])).toBe(1);
      expect(await redis.keys(key('doomed*'))).toEqual([]);
      expect((await removed)[0]).toEqual({ jobId: 'doomed', prev: 'wait' });
      const next = await plain.add('x', {}, { jobId: 'next', deduplication });
      expect([next.id, await waiting()]).toEqual(['next', ['next']]);
      await events.close();
    });

    it('leaves a job that is locked, finished, part of a flow, or the next of a schedule', async () => {
      const flows = new FlowProducer({ prefix, connection: plainClient() });
      await flows.add({
        name: 'parent',
        queueName: queue,
        opts: { jobId: 'parent' },
        children: [{ name: 'child', queueName: queue, opts: { jobId: 'child' } }],
      });
      await plain.add('x', {}, { jobId: 'locked' });
      await redis.set(key('locked:lock'), 'token');
      await plain.add('x', {}, { jobId: 'finished' });
      await redis.hset(key('finished'), 'finishedOn', 1);
      const scheduled = await plain.upsertJobScheduler(
        'nightly',
        { pattern: '0 3 * * *' },
        { name: 'report' },
      );
      expect(await backend.schedules(queue)).toEqual(['nightly']);
      const ids = ['parent', 'child', 'locked', 'finished', scheduled?.id ?? '', 'never-there'];
      const before = await backend.counts(queue);
      expect(await backend.discard(queue, ids)).toBe(0);
      expect(await backend.counts(queue)).toEqual(before);
      expect(await plain.getJob('parent')).toBeDefined();
      expect(await plain.getJob(scheduled?.id ?? '')).toBeDefined();
      await flows.close();
    });

    it('disturbs no plain BullMQ worker before, during and after', async () => {
      const ran: string[] = [];
      const held = gate();
      const worker = new Worker(
        queue,
        async (job) => {
          ran.push(job.id ?? '');
          if (job.id === 'held') await held.opened;
        },
        { prefix, connection: plainClient() },
      );
      // Before: the worker waits for a job, and the only one it was told of is taken away again.
      await worker.waitUntilReady();
      await plain.add('x', {}, { jobId: 'soon', delay: 3_600_000 });
      expect(await backend.discard(queue, ['soon'])).toBe(1);
      // During: one runs, what waits behind it goes.
      await plain.add('x', {}, { jobId: 'held' });
      await waitFor(() => ran.length === 1, { what: 'the job to be taken' });
      for (const id of ['a', 'b', 'c', 'd']) await plain.add('x', {}, { jobId: id });
      await plain.add('x', {}, { jobId: 'urgent', priority: 1 });
      expect(await backend.discard(queue, ['held', 'a', 'c', 'urgent'])).toBe(3);
      held.open();
      await waitFor(() => ran.length === 3, { what: 'what is left to run' });
      // After: with a marker left behind and nothing to take, it still finds what comes next, at once or later.
      await plain.add('x', {}, { jobId: 'now' });
      await plain.add('x', {}, { jobId: 'later', delay: 50 });
      await waitFor(() => ran.length === 5, { what: 'new jobs to run' });
      expect(ran).toEqual(['held', 'b', 'd', 'now', 'later']);
      await waitFor(async () => (await plain.getActiveCount()) === 0, { what: 'the last job to end' });
      expect(await plain.getJobCounts('active', 'wait', 'delayed', 'prioritized')).toEqual({
        active: 0,
        wait: 0,
        delayed: 0,
        prioritized: 0,
      });
      await worker.close();
    });
  });

  it('takes an id without a record out of the way', async () => {
    const unreadable: [string, string][] = [];
    await plain.add('x', {}, { jobId: 'ghost' });
    await redis.del(key('ghost'));
    await backend.enqueue([jobRequest(queue, 'next')]);
    const log = new DeliveryLog();
    await consume(log, (id, problem) => unreadable.push([id, problem]));
    await log.begun(1);
    expect(log.payloads).toEqual(['next']);
    expect(unreadable).toEqual([['ghost', 'its record is gone']]);
    expect(await presence('ghost')).toBe('dead');
  });

  it('takes a job with unreadable data out of the way', async () => {
    const unreadable: [string, string][] = [];
    await plain.add('x', {}, { jobId: 'broken', attempts: 5 });
    await redis.hset(key('broken'), 'data', '{"a":');
    await backend.enqueue([jobRequest(queue, 'next')]);
    const log = new DeliveryLog();
    await consume(log, (id, problem) => unreadable.push([id, problem]));
    await log.begun(1);
    expect(log.payloads).toEqual(['next']);
    expect(unreadable).toEqual([['broken', 'its data is not JSON']]);
    expect(await redis.hget(key('broken'), 'data')).toBe('{"a":');
  });

  it('takes a job with unreadable options out of the way, though BullMQ trips over it', async () => {
    const unreadable: [string, string][] = [];
    await plain.add('x', {}, { jobId: 'broken' });
    await redis.hset(key('broken'), 'opts', 'not JSON');
    await backend.enqueue([jobRequest(queue, 'next')]);
    const log = new DeliveryLog();
    await consume(log, (id, problem) => unreadable.push([id, problem]), 300);
    await log.begun(1);
    await waitFor(() => unreadable.length > 0, { what: 'the broken job to be found' });
    expect(unreadable).toEqual([['broken', 'its options are not JSON']]);
    expect(await presence('broken')).toBe('dead');
    expect(await plain.getJobCounts('active', 'wait', 'failed')).toEqual({ active: 0, wait: 0, failed: 1 });
  });
});

afterAll(() => expectNoLeakedConnections());
