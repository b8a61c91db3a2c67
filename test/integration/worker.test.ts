import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { QueueEvents } from 'bullmq';
import { z } from 'zod';
import {
  type BackendName,
  defineTask,
  type HybridTaskManager,
  type TaskContext,
  type TaskDefinition,
  type TaskOptions,
} from '../../src/index.ts';
import { enqueueMoved } from '../../src/manager/connections.ts';
import { gate } from '../support/delivery-log.ts';
import { aborted, HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, plainClient, redisUrl, waitFor } from '../support/redis.ts';

const BOTH = ['stable', 'canary'] as const;
const SECRET = 'SECRET-9c1d';

let system: HybridSystem;

beforeEach(() => {
  system = new HybridSystem({ routing: { celeryRatio: 0.5 } });
});
afterEach(async () => {
  await system.close();
  expect(system.log.text()).not.toContain(SECRET);
});
afterAll(() => expectNoLeakedConnections());

type Handler = (input: { readonly [key: string]: unknown }, context: TaskContext) => unknown;

function taskOf(handler: Handler, change: Partial<TaskOptions> = {}): TaskDefinition {
  const options: TaskOptions = {
    name: 'job',
    queue: 'jobs',
    input: z.looseObject({}),
    output: z.any(),
    backoff: { type: 'fixed', delayMs: 20 },
    handler: handler as TaskOptions['handler'],
  };
  return defineTask({ ...options, ...change });
}

/** Submits to a backend, and gives what the caller gets: the result, or the error. */
async function outcomeOn(backend: BackendName, manager: HybridTaskManager, name = 'job') {
  const task = await manager.submit(name, { secret: SECRET }, { backend });
  const result = await task.result().then(
    (value) => ({ value }),
    (error: { code: string; taskError?: object }) => ({ code: error.code, taskError: error.taskError }),
  );
  return { id: task.id, result, report: await manager.find(task.id) };
}

describe('retries', () => {
  it('are counted the same on both backends', async () => {
    const attempts: Record<string, number[]> = { stable: [], canary: [] };
    const task = taskOf(
      (_, context) => {
        attempts[context.backend]?.push(context.attempt);
        if (context.attempt < 3) throw new Error('not yet');
        return 'at last';
      },
      { retries: 3 },
    );
    const manager = await system.manager([task]);
    await system.worker([task]);
    for (const backend of BOTH) {
      const { id, result, report } = await outcomeOn(backend, manager);
      expect(result).toEqual({ value: 'at last' });
      expect(attempts[backend]).toEqual([1, 2, 3]);
      expect(report?.attempts).toBe(3);
      const types = ['granted', 'retrying', 'granted', 'retrying', 'granted', 'succeeded'];
      expect(system.typesOf(id)).toEqual(types);
    }
  });

  it('end after the last one, the same on both', async () => {
    const task = taskOf(
      () => {
        throw new RangeError('never');
      },
      { retries: 2 },
    );
    const manager = await system.manager([task]);
    await system.worker([task]);
    for (const backend of BOTH) {
      const { id, result, report } = await outcomeOn(backend, manager);
      const taskError = { name: 'RangeError', message: 'never' };
      expect(result).toEqual({ code: 'E_TASK_FAILED', taskError });
      expect(report).toMatchObject({ state: 'failed', attempts: 3 });
      expect(system.typesOf(id).filter((type) => type === 'granted')).toHaveLength(3);
    }
  });

  it('wait as long as their backoff says, on both', async () => {
    const starts: Record<string, number[]> = { stable: [], canary: [] };
    const task = taskOf(
      (_, { backend, attempt }) => {
        starts[backend]?.push(Date.now());
        if (attempt < 3) throw new Error('not yet');
      },
      { retries: 2, backoff: { type: 'exponential', delayMs: 60 } },
    );
    const manager = await system.manager([task]);
    await system.worker([task]);
    await Promise.all(BOTH.map((backend) => outcomeOn(backend, manager)));
    for (const backend of BOTH) {
      const [first = 0, second = 0, third = 0] = starts[backend] ?? [];
      // Never sooner; how much later is the machine's business. Clocks tick in whole milliseconds.
      expect([backend, second - first >= 59, third - second >= 119]).toEqual([backend, true, true]);
    }
  });
});

describe('a handler', () => {
  const cycle: Record<string, unknown> = { secret: SECRET };
  cycle.self = cycle;

  const BAD: readonly (readonly [what: string, handler: Handler, code: string])[] = [
    ['throws text', () => Promise.reject('no error'), 'E_NON_ERROR_THROWN'],
    ['throws an object', () => Promise.reject({ secret: SECRET }), 'E_NON_ERROR_THROWN'],
    ['throws nothing', () => Promise.reject(undefined), 'E_NON_ERROR_THROWN'],
    ['returns a cycle', () => cycle, 'E_NOT_JSON_SAFE'],
    ['returns a BigInt', () => ({ n: 1n, secret: SECRET }), 'E_NOT_JSON_SAFE'],
    ['returns a Map', () => new Map([[SECRET, 1]]), 'E_NOT_JSON_SAFE'],
    ['returns NaN', () => ({ n: Number.NaN }), 'E_NOT_JSON_SAFE'],
    ['returns undefined in a list', () => [undefined], 'E_NOT_JSON_SAFE'],
    ['returns more than the limit', () => 'x'.repeat(300_000), 'E_PAYLOAD_TOO_LARGE'],
  ];

  it.each(BAD)('that %s fails its task with a clear error, the same on both', async (_, handler, code) => {
    const task = taskOf(handler);
    const manager = await system.manager([task]);
    await system.worker([task]);
    const [stable, canary] = await Promise.all(BOTH.map((backend) => outcomeOn(backend, manager)));
    expect(stable?.result).toMatchObject({ code: 'E_TASK_FAILED', taskError: { code } });
    expect(canary?.result).toEqual(stable?.result);
    expect(JSON.stringify([stable, canary])).not.toContain(SECRET);
  });

  it('whose result does not fit its schema fails for good, whatever tries are left', async () => {
    const task = taskOf(() => ({ n: SECRET }), { output: z.object({ n: z.number() }), retries: 5 });
    const manager = await system.manager([task]);
    await system.worker([task]);
    for (const backend of BOTH) {
      const { result, report } = await outcomeOn(backend, manager);
      expect(result).toMatchObject({ taskError: { code: 'E_INVALID_RESULT' } });
      expect(JSON.stringify(result)).not.toContain(SECRET);
      expect(report).toMatchObject({ attempts: 1 });
    }
  });

  it.each([0, '', false, null, [], 'text'])('may return %j', async (value) => {
    const task = taskOf(() => value);
    const manager = await system.manager([task]);
    await system.worker([task]);
    const results = await Promise.all(BOTH.map((backend) => outcomeOn(backend, manager)));
    expect(results.map(({ result }) => result)).toEqual([{ value }, { value }]);
  });

  it('that heeds its time limit is tried again, and fails with the limit as its reason', async () => {
    const task = taskOf(
      async (_, { signal }) => {
        await aborted(signal);
        throw new Error('interrupted');
      },
      { timeoutMs: 30, retries: 1 },
    );
    const manager = await system.manager([task]);
    await system.worker([task]);
    const [stable, canary] = await Promise.all(BOTH.map((backend) => outcomeOn(backend, manager)));
    expect(stable?.result).toMatchObject({ taskError: { code: 'E_TASK_TIMEOUT', name: 'TaskTimeoutError' } });
    expect([stable?.report?.attempts, canary?.report?.attempts]).toEqual([2, 2]);
    expect(canary?.result).toMatchObject({ taskError: { code: 'E_TASK_TIMEOUT' } });
  });

  it('that never settles fails its task, and keeps nothing else from running', async () => {
    const task = taskOf((input) => (input.secret ? new Promise(() => {}) : 'done'), {
      timeoutMs: 30,
      retries: 5,
    });
    const manager = await system.manager([task]);
    await system.worker([task], { concurrency: 1 });
    const results = await Promise.all(
      BOTH.map(async (backend) => {
        const { result, report } = await outcomeOn(backend, manager);
        expect(result).toMatchObject({ taskError: { code: 'E_TASK_TIMEOUT' } });
        expect(report).toMatchObject({ attempts: 1 });
        return (await manager.submit(task, {}, { backend })).result();
      }),
    );
    expect(results).toEqual(['done', 'done']);
  });
});

describe('what a handler may use', () => {
  it('ctx.log: lines with the ids and without the payload', async () => {
    const task = taskOf((_, context) => context.log.info('at work', { page: 7 }));
    const manager = await system.manager([task]);
    await system.worker([task]);
    for (const backend of BOTH) {
      const { id } = await outcomeOn(backend, manager);
      const line = system.log.lines.find(({ message, fields }) => message === 'at work' && fields.id === id);
      expect(line?.fields).toEqual({ task: 'job', id, backend, attempt: 1, page: 7 });
    }
  });

  it("ctx.progress: where each backend's own clients see it", async () => {
    const seen = gate();
    const task = taskOf(async (_, context) => {
      await context.progress(40);
      await context.progress({ page: 3 });
      await seen.opened;
    });
    const manager = await system.manager([task]);
    await system.worker([task]);
    const bee = await system.beeQueue('jobs', { getEvents: true });
    const beeProgress: unknown[] = [];
    bee.on('job progress', (_id, progress) => beeProgress.push(progress));
    const [stable, canary] = await Promise.all(
      BOTH.map((backend) => manager.submit(task, { secret: SECRET }, { backend })),
    );
    await waitFor(() => beeProgress.length === 2, { what: 'bee-queue progress' });
    expect(beeProgress).toEqual([40, { page: 3 }]);
    const bull = system.bullQueue('jobs');
    const progress = async () => (await bull.getJob(canary?.id ?? ''))?.progress;
    await waitFor(async () => typeof (await progress()) === 'object', { what: 'BullMQ progress' });
    expect(await progress()).toEqual({ page: 3 });
    seen.open();
    await Promise.all([stable?.result(), canary?.result()]);
  });

  it('ctx.progress that no backend can store never fails the task', async () => {
    const task = taskOf(async (_, context) => {
      const cycle: Record<string, unknown> = { secret: SECRET };
      cycle.self = cycle;
      for (const value of [undefined, 1n, cycle, Number.NaN]) await context.progress(value);
      return 'done';
    });
    const manager = await system.manager([task]);
    await system.worker([task]);
    for (const backend of BOTH) {
      expect((await outcomeOn(backend, manager)).result).toEqual({ value: 'done' });
    }
  });
});

describe('a task that stores no result', () => {
  it('runs, and leaves neither outcome nor job behind', async () => {
    const task = taskOf(() => 'ignored', { storeResult: false });
    const manager = await system.manager([task]);
    await system.worker([task]);
    for (const backend of BOTH) {
      const { id } = await manager.submit(task, {}, { backend });
      await system.event({ id, type: 'succeeded' });
    }
    await waitFor(async () => (await system.count('jobs')).bee === 0, {
      what: 'the bee-queue job to be gone',
    });
    await waitFor(async () => (await system.count('jobs')).bullmq === 0, {
      what: 'the BullMQ job to be gone',
    });
    expect(await plainClient().keys(`{${system.namespace}}:outcome:*`)).toEqual([]);
  });
});

describe('a plain bee-queue team', () => {
  it('producer: our worker runs its jobs, and its events come back', async () => {
    const task = taskOf(async (input, context) => {
      await context.progress(50);
      return { doubled: Number(input.n) * 2 };
    });
    await system.worker([task]);
    const bee = await system.beeQueue('jobs', { getEvents: true, storeJobs: true });
    const job = bee.createJob({ n: 21 });
    const progress: unknown[] = [];
    job.on('progress', (value) => progress.push(value));
    const result = new Promise((resolve, reject) => {
      job.on('succeeded', resolve);
      job.on('failed', reject);
    });
    await job.save();
    expect(await result).toEqual({ doubled: 42 });
    expect(progress).toEqual([50]);
    expect(system.events).toMatchObject([
      { type: 'granted', id: job.id, task: 'job', backend: 'stable', attempt: 1 },
      { type: 'succeeded', id: job.id },
    ]);
    // Its ids are used again in every queue, so nothing is kept under them.
    expect(await plainClient().keys(`{${system.namespace}}:outcome:*`)).toEqual([]);
  });

  it('producer: its own retries hold', async () => {
    const task = taskOf(
      (_, { attempt }) => {
        if (attempt < 3) throw new Error('not yet');
        return attempt;
      },
      { retries: 0 },
    );
    await system.worker([task]);
    const bee = await system.beeQueue('jobs', { getEvents: true, storeJobs: true });
    const job = bee.createJob({}).retries(2).backoff('fixed', 10);
    const result = new Promise((resolve) => job.on('succeeded', resolve));
    await job.save();
    expect(await result).toBe(3);
  });

  it('producer: a payload that does not fit fails its job', async () => {
    const task = taskOf(() => 'ran', { input: z.object({ n: z.number() }) });
    await system.worker([task]);
    const bee = await system.beeQueue('jobs', { getEvents: true, storeJobs: true });
    const job = bee.createJob({ n: SECRET }).retries(3);
    const failure = new Promise<Error>((resolve) => job.on('failed', resolve));
    await job.save();
    expect((await failure).message).toContain('does not fit task "job": /n:');
    expect((await bee.checkHealth()).failed).toBe(1);
  });

  it('worker: it runs what submit sends to stable', async () => {
    const task = taskOf(() => 'not by us', { retries: 2 });
    const manager = await system.manager([task]);
    const bee = await system.beeQueue('jobs', { isWorker: true });
    const seen = new Promise<{ id: string; data: unknown; options: object }>((resolve) => {
      bee.process(async (job: { id: string; data: unknown; options: object }) => resolve(job));
    });
    const { id } = await manager.submit(task, { n: 1 }, { backend: 'stable' });
    const job = await seen;
    expect(job).toMatchObject({ id, data: { n: 1 }, options: { retries: 2 } });
    expect(job.options).not.toHaveProperty('hybrid');
  });
});

describe("somebody's hand", () => {
  it('adds a BullMQ job: it runs, and its result is where BullMQ keeps results', async () => {
    const task = taskOf((input) => ({ doubled: Number(input.n) * 2 }));
    await system.worker([task]);
    const bull = system.bullQueue('jobs');
    const { hostname, port } = new URL(redisUrl());
    const connection = { host: hostname, port: Number(port) };
    const events = new QueueEvents('jobs', { connection, prefix: system.config.canary.prefix });
    await events.waitUntilReady();
    const job = await bull.add('a name of its own', { n: 21 });
    expect(await job.waitUntilFinished(events)).toEqual({ doubled: 42 });
    await events.close();
    expect(system.events).toMatchObject([
      { type: 'granted', id: job.id, backend: 'canary', attempt: 1 },
      { type: 'succeeded' },
    ]);
    expect(await plainClient().keys(`{${system.namespace}}:outcome:*`)).toEqual([]);
  });

  it('adds a BullMQ job with tries of its own', async () => {
    const task = taskOf((_, { attempt }) => {
      if (attempt < 3) throw new Error('not yet');
    });
    await system.worker([task]);
    const job = await system
      .bullQueue('jobs')
      .add('x', {}, { attempts: 3, backoff: { type: 'fixed', delay: 10 } });
    await system.event({ id: String(job.id), type: 'succeeded', attempt: 3 });
  });
});

describe('a task that the worker does not know', () => {
  const known = taskOf(() => 'known', { name: 'known' });
  const fresh = taskOf(() => 'fresh', { name: 'fresh' });

  it('waits for a worker that does, on both backends', async () => {
    const manager = await system.manager([known, fresh]);
    const old = await system.worker([known]);
    for (const backend of BOTH) {
      const { id } = await manager.submit('fresh', { secret: SECRET }, { backend });
      const c = await system.connections();
      const stateOf = async () => (await c[backend].info('jobs', id))?.state;
      await waitFor(async () => (await stateOf()) === 'delayed', { what: 'the job to be put back' });
      expect(await manager.find(id)).toMatchObject({ outcome: null });
      const line = system.log.lines.find(({ fields }) => fields.id === id);
      expect(line).toMatchObject({
        level: 'error',
        message: expect.stringContaining('"fresh" is not known here'),
      });
    }
    await old.stop();
    expect(system.events.filter(({ task }) => task === 'fresh')).toEqual([]);
  });
});

describe('several tasks in one queue', () => {
  const first = taskOf(() => 'first', { name: 'first' });
  const owner = taskOf(() => 'first', { name: 'first', runsUnnamedJobs: true });
  const second = taskOf(() => 'second', { name: 'second' });

  it('the one that says so runs what was submitted before there were several, and the jobs of others', async () => {
    const before = await system.manager([first]);
    const waiting = await Promise.all(BOTH.map((backend) => before.submit('first', {}, { backend })));
    const bee = await system.beeQueue('jobs');
    await bee.createJob({}).save();
    const bullJob = await system.bullQueue('jobs').add('whatever', {});

    await system.worker([second, owner]);
    for (const task of waiting) expect(await task.result()).toBe('first');
    await system.event({ task: 'first', backend: 'stable', type: 'succeeded', id: '1' });
    await system.event({ task: 'first', backend: 'canary', type: 'succeeded', id: String(bullJob.id) });
    const both = await system.manager([owner, second]);
    for (const backend of BOTH) {
      expect(await (await both.submit('first', {}, { backend })).result()).toBe('first');
      expect(await (await both.submit('second', {}, { backend })).result()).toBe('second');
    }
  });

  it('a worker of them opens only if one says so; a process that only submits opens', async () => {
    await expect(system.worker([first, second])).rejects.toMatchObject({
      code: 'E_INVALID_TASK_DEFINITION',
      field: 'runsUnnamedJobs',
    });
    await system.manager([first, second]);
    await system.manager([second]);
  });
});

describe('a moved task', () => {
  it('runs on stable, and its left-over BullMQ job is skipped', async () => {
    const task = taskOf((input, { backend }) => ({ backend, n: input.n }), { retries: 1 });
    const manager = await system.manager([task]);
    const c = await system.connections();
    const submitted = await manager.submit(task, { n: 7 }, { backend: 'canary' });
    const [answer] = await c.ledger.reassign([submitted.id]);
    if (answer?.status !== 'moved') throw new Error('it was not moved');
    await enqueueMoved(c.stable, [answer.task]);
    expect(await manager.find(submitted.id)).toMatchObject({
      backend: 'stable',
      state: 'waiting',
      wasMoved: true,
    });
    expect(await system.count('jobs')).toMatchObject({ bee: 1, bullmq: 1 });

    await system.worker([task]);
    expect(await submitted.result()).toEqual({ backend: 'stable', n: 7 });
    await system.event({ id: submitted.id, backend: 'canary', type: 'skipped' });
    expect(await manager.find(submitted.id)).toMatchObject({
      state: 'succeeded',
      backend: 'stable',
      attempts: 1,
    });
    expect((await manager.status()).ledger).toMatchObject({
      accepted: 1,
      reassigned: 1,
      movedSucceeded: 1,
      openMoved: 0,
      conserved: true,
    });
  });

  it('keeps its count of failures', async () => {
    const attempts: [BackendName, number][] = [];
    const task = taskOf(
      (_, { backend, attempt }) => {
        attempts.push([backend, attempt]);
        throw new Error('never');
      },
      { retries: 2 },
    );
    const manager = await system.manager([task]);
    const c = await system.connections();
    const first = await system.worker([task], { backends: ['canary'] });
    await manager.freeze({ reason: 'not yet' });
    await manager.resume({ reason: 'a new epoch' });
    const submitted = await manager.submit(task, {}, { backend: 'canary' });
    await system.event({ id: submitted.id, type: 'retrying' });
    await first.stop();
    const [answer] = await c.ledger.reassign([submitted.id]);
    if (answer?.status !== 'moved') throw new Error('it was not moved');
    await enqueueMoved(c.stable, [answer.task]);
    await system.worker([task], { backends: ['stable'] });
    await expect(submitted.result()).rejects.toMatchObject({ code: 'E_TASK_FAILED' });
    expect(attempts.map(([, attempt]) => attempt)).toEqual([1, 2, 3]);
    expect(attempts.at(-1)?.[0]).toBe('stable');
  });

  it('that fails on canary while frozen goes on on stable', async () => {
    const started = gate();
    const task = taskOf(
      async (_, { backend }) => {
        if (backend === 'stable') return 'on stable';
        await started.opened;
        throw new Error('on canary');
      },
      { retries: 1 },
    );
    const manager = await system.manager([task]);
    await system.worker([task]);
    const submitted = await manager.submit(task, {}, { backend: 'canary' });
    await system.event({ id: submitted.id, type: 'granted' });
    await manager.freeze({ reason: 'burning' });
    started.open();
    expect(await submitted.result()).toBe('on stable');
    expect(system.typesOf(submitted.id)).toEqual(['granted', 'moved', 'granted', 'succeeded']);
  });
});

describe('a worker', () => {
  it('of one backend leaves the other alone', async () => {
    const task = taskOf((_, { backend }) => backend);
    const manager = await system.manager([task]);
    await system.worker([task], { backends: ['stable'] });
    const onCanary = await manager.submit(task, {}, { backend: 'canary' });
    const onStable = await manager.submit(task, {}, { backend: 'stable' });
    expect(await onStable.result()).toBe('stable');
    expect((await manager.find(onCanary.id))?.state).toBe('waiting');
    await system.worker([task], { backends: ['canary'] });
    expect(await onCanary.result()).toBe('canary');
  });

  it('survives a listener that throws', async () => {
    const task = taskOf(() => 'done');
    const manager = await system.manager([task]);
    await system.worker([task], {
      onEvent: () => {
        throw new Error('a bad listener');
      },
    });
    for (const backend of BOTH) expect((await outcomeOn(backend, manager)).result).toEqual({ value: 'done' });
    expect(system.log.text()).toContain('a listener threw: a bad listener');
  });

  it('is in the status while it lives', async () => {
    const task = taskOf(() => 'done');
    const manager = await system.manager([task]);
    const worker = await system.worker([task], { concurrency: 3 });
    expect((await manager.status()).workers).toMatchObject([
      { id: worker.id, pid: process.pid, queues: ['jobs'], tasks: ['job'], concurrency: 3 },
    ]);
    expect(await worker.stop()).toBe(true);
    expect((await manager.status()).workers).toEqual([]);
  });

  it('stops: takes nothing new, finishes what runs, says goodbye; and a second time the same', async () => {
    const proceed = gate();
    const task = taskOf(() => proceed.opened.then(() => 'finished'));
    const manager = await system.manager([task]);
    const worker = await system.worker([task]);
    const running = await Promise.all(BOTH.map((backend) => manager.submit(task, {}, { backend })));
    for (const { id } of running) await system.event({ id, type: 'granted' });
    expect(worker.running).toBe(2);
    const stopped = worker.stop();
    const late = await Promise.all(BOTH.map((backend) => manager.submit(task, {}, { backend })));
    proceed.open();
    expect(await Promise.all([stopped, worker.stop()])).toEqual([true, true]);
    for (const { id } of running) expect(await manager.find(id)).toMatchObject({ state: 'succeeded' });
    for (const { id } of late) expect(await manager.find(id)).toMatchObject({ state: 'waiting' });
  });

  it('stops without grace: aborts, and what it aborted is run elsewhere at no cost', async () => {
    const attempts: Record<string, number> = { stable: 0, canary: 0 };
    const task = taskOf(
      async (_, { signal, backend }) => {
        const nth = ++(attempts as Record<BackendName, number>)[backend];
        if (nth === 1) {
          await aborted(signal);
          throw signal.reason;
        }
        // The one retry that it has must still be there.
        if (nth === 2) throw new Error('a failure of its own');
        return nth;
      },
      { retries: 1 },
    );
    const manager = await system.manager([task]);
    const first = await system.worker([task]);
    const running = await Promise.all(BOTH.map((backend) => manager.submit(task, {}, { backend })));
    for (const { id } of running) await system.event({ id, type: 'granted' });
    expect(await first.stop({ graceMs: 0 })).toBe(true);
    await system.worker([task]);
    expect(await Promise.all(running.map((each) => each.result()))).toEqual([3, 3]);
  });
});
