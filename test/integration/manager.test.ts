import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  type BackendName,
  defineTask,
  type HybridTaskManager,
  newTaskId,
  type TaskContext,
} from '../../src/index.ts';
import { findTask } from '../../src/manager/task-lookup.ts';
import { keyHash } from '../../src/state/idempotency-keys.ts';
import { gate } from '../support/delivery-log.ts';
import { aborted, HybridSystem } from '../support/hybrid-system.ts';
import { jobId } from '../support/job-requests.ts';
import { expectNoLeakedConnections, plainClient, startRedis, waitFor } from '../support/redis.ts';

const BOTH = ['stable', 'canary'] as const;

let system: HybridSystem;
let manager: HybridTaskManager;
/** What the handler waits for, where a test wants to see a task run. */
let hold = gate();

interface WordInput {
  readonly text: string;
  readonly hold?: boolean | undefined;
  readonly fail?: string | undefined;
}

const OPTIONS = {
  input: z.object({ text: z.string(), hold: z.boolean().optional(), fail: z.string().optional() }),
  output: z.object({ words: z.number() }),
  backoff: { type: 'fixed', delayMs: 3_600_000 },
  handler: async (input: WordInput, context: TaskContext) => {
    if (input.hold) await Promise.race([hold.opened, aborted(context.signal)]);
    context.signal.throwIfAborted();
    if (input.fail) throw Object.assign(new Error(input.fail), { code: 'E_OF_MINE' });
    return { words: input.text.split(' ').length };
  },
} as const;
const wordCount = defineTask({ ...OPTIONS, name: 'word-count', queue: 'words', retries: 1 });
const doomed = defineTask({ ...OPTIONS, name: 'doomed', queue: 'doomed' });
const silent = defineTask({ ...OPTIONS, name: 'silent', queue: 'silent', storeResult: false });
const TASKS = [wordCount, doomed, silent];

beforeEach(async () => {
  hold = gate();
  system = new HybridSystem({ routing: { celeryRatio: 0.5 } });
  manager = await system.manager(TASKS);
});
afterEach(() => system.close());
afterAll(() => expectNoLeakedConnections());

const submitTo = (backend: BackendName, input: Partial<z.input<typeof wordCount.input>> = {}, options = {}) =>
  manager.submit(wordCount, { text: 'a b c', ...input }, { backend, ...options });
const stateOf = async (id: string) => (await manager.find(id))?.state;

describe('a submission', () => {
  it('goes to either backend, and the result comes back the same way', async () => {
    await system.worker(TASKS);
    for (const backend of BOTH) {
      const task = await submitTo(backend);
      expect(task).toMatchObject({ backend, task: 'word-count', decision: { backend, reason: 'requested' } });
      expect(await task.result()).toEqual({ words: 3 });
      expect(await manager.find(task.id)).toMatchObject({
        id: task.id,
        task: 'word-count',
        backend,
        state: 'succeeded',
        attempts: 1,
        wasMoved: false,
        outcome: { status: 'succeeded', value: { words: 3 }, backend, attempts: 1 },
      });
    }
  });

  it('fails the same way on both', async () => {
    await system.worker(TASKS);
    const failures = [];
    for (const backend of BOTH) {
      const task = await manager.submit('doomed', { text: '', fail: 'of no use' }, { backend });
      const error = await task.result().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'E_TASK_FAILED', id: task.id, task: 'doomed', status: 'failed' });
      failures.push((error as { taskError: unknown }).taskError);
      expect(await manager.find(task.id)).toMatchObject({ state: 'failed', attempts: 1, backend });
    }
    expect(failures[0]).toEqual({ name: 'Error', message: 'of no use', code: 'E_OF_MINE' });
    expect(failures[1]).toEqual(failures[0]);
  });

  it('goes by its bucket and the ratio, and the decision says so', async () => {
    const tasks = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        manager.submit(wordCount, { text: 'x' }, { stickyKey: `key-${i}` }),
      ),
    );
    for (const { decision, backend } of tasks) {
      expect(decision).toMatchObject({ reason: 'ratio', ratio: 0.5, epoch: 1 });
      expect(backend).toBe(decision.bucket < 0.5 ? 'canary' : 'stable');
    }
    expect(new Set(tasks.map(({ backend }) => backend))).toEqual(new Set(BOTH));
    const again = await manager.submit(wordCount, { text: 'x' }, { stickyKey: 'key-7' });
    expect(again.decision).toEqual(tasks[7]?.decision);
    const { bee, bullmq } = await system.count('words');
    const canary = [...tasks, again].filter(({ backend }) => backend === 'canary').length;
    expect({ bee, bullmq }).toEqual({ bee: 61 - canary, bullmq: canary });
  });

  it("acts on a new ratio, and a task's own ratio, at once", async () => {
    await manager.setRatio(1, { reason: 'all' });
    expect((await manager.submit(wordCount, { text: 'x' })).backend).toBe('canary');
    await manager.setRatio(0, { task: 'word-count', reason: 'but not these' });
    expect((await manager.submit(wordCount, { text: 'x' })).backend).toBe('stable');
    expect((await manager.submit(doomed, { text: 'x' })).backend).toBe('canary');
    await manager.setRatio(null, { task: 'word-count', reason: 'these too' });
    expect((await manager.submit(wordCount, { text: 'x' })).decision).toMatchObject({ ratio: 1, epoch: 4 });
  });

  it('falls to stable when frozen, also where somebody wants canary', async () => {
    await manager.freeze({ reason: 'burning' });
    for (const options of [{}, { backend: 'canary' as const }, { priority: 1 }]) {
      const { decision } = await manager.submit(wordCount, { text: 'x' }, options);
      expect(decision).toMatchObject({ backend: 'stable', reason: 'frozen' });
    }
    expect(await system.count('words')).toMatchObject({ bee: 3, bullmq: 0 });
  });

  it('that does not know of a freeze yet learns of it', async () => {
    // The only one that does not hear of changes: it polls every ten minutes, and its messages are not delivered.
    const c = await system.connections();
    await c.control.ask('freeze in silence', (redis) =>
      redis.hset(c.control.keys.control, { epoch: '2', frozen: 'rollback', celeryRatio: '0' }),
    );
    expect(manager.state).toMatchObject({ epoch: 1, frozen: '' });
    const { decision } = await submitTo('canary');
    expect(decision).toMatchObject({ backend: 'stable', reason: 'frozen', epoch: 2 });
    expect(await system.count('words')).toMatchObject({ bee: 1, bullmq: 0 });
  });

  it('with a priority goes to canary, which alone knows priorities', async () => {
    const task = await manager.submit(wordCount, { text: 'x' }, { priority: 2 });
    expect(task.decision).toMatchObject({ backend: 'canary', reason: 'capability' });
    const [job] = await system.bullQueue('words').getJobs('prioritized');
    expect(job).toMatchObject({ id: task.id, priority: 2 });
  });

  it('with a priority that stable cannot fulfil says so', async () => {
    await manager.setRatio(0, { reason: 'closed' });
    const { decision } = await manager.submit(wordCount, { text: 'x' }, { priority: 2 });
    expect(decision).toMatchObject({ backend: 'stable', reason: 'ratio', ignored: ['priority'] });
  });

  it('that carries attributes and a sticky key keeps them out of the queues', async () => {
    await submitTo('stable', {}, { stickyKey: 'customer-7', attributes: { plan: 'gold' } });
    await submitTo('canary', {}, { stickyKey: 'customer-7', attributes: { plan: 'gold' } });
    const texts = [
      ...Object.values(await plainClient().hgetall(`${system.config.stable.prefix}:words:jobs`)),
      ...(await system.bullQueue('words').getJobs()).map((job) => JSON.stringify(job)),
    ];
    expect(texts).toHaveLength(2);
    for (const text of texts) expect(text).not.toMatch(/customer-7|gold/);
  });
});

describe('a delayed submission', () => {
  it.each(BOTH)('waits on %s', async (backend) => {
    const before = Date.now();
    const task = await submitTo(backend, {}, { delayMs: 3_600_000 });
    expect(await stateOf(task.id)).toBe(backend === 'stable' ? 'delayed' : 'waiting');
    const c = await system.connections();
    const info = await c[backend].info('words', task.id);
    expect(info?.state).toBe('delayed');
    expect(info?.dueAt).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(info?.dueAt).toBeLessThanOrEqual(Date.now() + 3_600_001);
  });

  it.each(BOTH)('runs on %s when its time has come', async (backend) => {
    await system.worker(TASKS);
    const task = await submitTo(backend, {}, { delayMs: 150 });
    const submitted = await manager.find(task.id);
    expect(await task.result()).toEqual({ words: 3 });
    const outcome = (await manager.find(task.id))?.outcome;
    expect(outcome?.startedAt).toBeGreaterThanOrEqual((submitted?.enqueuedAt ?? Number.NaN) + 149);
  });
});

describe('find', () => {
  it.each(BOTH)('every state on %s', async (backend) => {
    const waiting = await submitTo(backend);
    expect(await manager.find(waiting.id)).toMatchObject({ state: 'waiting', backend, outcome: null });
    expect(await manager.cancel(waiting.id)).toBe('cancelled');
    expect(await manager.find(waiting.id)).toMatchObject({
      state: 'cancelled',
      outcome: { status: 'cancelled' },
    });

    await system.worker(TASKS);
    const running = await submitTo(backend, { hold: true });
    await system.event({ id: running.id, type: 'granted' });
    expect(await manager.find(running.id)).toMatchObject({ state: 'running', backend });
    hold.open();
    await running.result();
    expect(await stateOf(running.id)).toBe('succeeded');

    const retrying = await submitTo(backend, { fail: 'once' });
    await system.event({ id: retrying.id, type: 'retrying' });
    const waits = backend === 'stable' ? 'delayed' : 'retrying';
    await waitFor(async () => (await stateOf(retrying.id)) === waits, { what: 'the retry to be put back' });
    const failed = await manager.submit(doomed, { text: '', fail: 'for good' }, { backend });
    await expect(failed.result()).rejects.toMatchObject({ code: 'E_TASK_FAILED' });
    expect(await stateOf(failed.id)).toBe('failed');
  });

  it('a task of stable that ends between the look for its outcome and the look for its job', async () => {
    const task = await submitTo('stable');
    const c = await system.connections();
    let looks = 0;
    const outcomes = {
      read: async (id: string) => {
        const seen = await c.outcomes.read(id);
        looks += 1;
        if (looks > 1) return seen;
        await system.worker(TASKS);
        await waitFor(async () => (await c.stable.info('words', id)) === null, {
          what: 'its job to be gone',
        });
        return seen;
      },
    };
    const found = await findTask(Object.assign(Object.create(c), { outcomes }), task.id, ['words']);
    expect(found).toMatchObject({ id: task.id, state: 'succeeded', backend: 'stable' });
  });

  it('what nobody knows: null', async () => {
    for (const id of [jobId(), 'wait', '42', '']) expect(await manager.find(id)).toBeNull();
  });

  it('tells why a canary task went where it went', async () => {
    const task = await submitTo('canary');
    expect((await manager.find(task.id))?.decision).toEqual(task.decision);
  });
});

describe('cancel', () => {
  it.each(BOTH)('a waiting task on %s never runs', async (backend) => {
    const [task, other] = [await submitTo(backend), await submitTo(backend)];
    expect(await manager.cancel(task.id)).toBe('cancelled');
    await expect(task.result()).rejects.toMatchObject({ code: 'E_TASK_FAILED', status: 'cancelled' });
    // BullMQ's job stays, and is skipped when it is delivered.
    const { bee, bullmq } = await system.count('words');
    expect({ bee, bullmq }).toEqual(backend === 'stable' ? { bee: 1, bullmq: 0 } : { bee: 0, bullmq: 2 });
    await system.worker(TASKS);
    await other.result();
    expect(system.typesOf(task.id)).not.toContain('granted');
    expect(await manager.cancel(task.id)).toBe('finished');
  });

  it.each(BOTH)('a delayed task on %s', async (backend) => {
    const task = await submitTo(backend, {}, { delayMs: 3_600_000 });
    expect(await manager.cancel(task.id)).toBe('cancelled');
    expect(await stateOf(task.id)).toBe('cancelled');
  });

  it.each(BOTH)(
    'a running task on %s is asked through its signal, and cancelled when it ends',
    async (backend) => {
      await system.worker(TASKS);
      const task = await submitTo(backend, { hold: true });
      await system.event({ id: task.id, type: 'granted' });
      expect(await manager.cancel(task.id)).toBe('requested');
      await expect(task.result()).rejects.toMatchObject({ status: 'cancelled', task: 'word-count' });
      expect(await stateOf(task.id)).toBe('cancelled');
      await system.event({ id: task.id, type: 'cancelled' });
      expect(system.typesOf(task.id)).not.toContain('retrying');
    },
  );

  it.each(BOTH)('a finished task on %s stays what it is', async (backend) => {
    await system.worker(TASKS);
    const task = await submitTo(backend);
    await task.result();
    expect(await manager.cancel(task.id)).toBe('finished');
    expect(await stateOf(task.id)).toBe('succeeded');
  });

  it('a task that failed and stores no result is not cancelled afterwards', async () => {
    await system.worker(TASKS);
    const task = await manager.submit(silent, { text: '', fail: 'for good' }, { backend: 'stable' });
    await waitFor(async () => (await stateOf(task.id)) === 'failed', { what: 'the failed job' });
    expect(await manager.cancel(task.id)).toBe('finished');
    expect(await stateOf(task.id)).toBe('failed');
  });

  it('what nobody knows', async () => {
    for (const id of [jobId(), 'wait', '42']) expect(await manager.cancel(id)).toBe('absent');
  });
});

describe('what the caller gave is what runs', () => {
  it.each(BOTH)('an input that its owner changes after the call, on %s', async (backend) => {
    await system.worker(TASKS);
    const input = { text: '' };
    const tasks = [];
    for (const words of [1, 2, 3]) {
      input.text = Array(words).fill('word').join(' ');
      tasks.push(manager.submit(wordCount, input, { backend }));
    }
    const results = await Promise.all(tasks.map(async (task) => (await task).result()));
    expect(results.map(({ words }) => words)).toEqual([1, 2, 3]);
  });

  it('a burst of large payloads to canary is accepted as a whole', async () => {
    const text = 'x'.repeat(200_000);
    const burst = Array.from({ length: 300 }, () =>
      manager.submit(wordCount, { text }, { backend: 'canary' }),
    );
    const backends = (await Promise.all(burst)).map((task) => task.backend);
    expect(new Set(backends)).toEqual(new Set(['canary']));
  });
});

describe('an idempotency key', () => {
  const keyed = (text = 'a b', options = {}) =>
    manager.submit(wordCount, { text }, { idempotencyKey: 'order-42', ...options });

  it.each(BOTH)('twice on %s: one task, one handle', async (backend) => {
    const first = await keyed('a b', { backend });
    const second = await keyed('a b', { backend });
    expect(second).toMatchObject({ id: first.id, backend, decision: { reason: 'duplicate' } });
    const { bee, bullmq } = await system.count('words');
    expect(bee + bullmq).toBe(1);
    await system.worker(TASKS);
    expect([await first.result(), await second.result()]).toEqual([{ words: 2 }, { words: 2 }]);
    // Also when it has finished long since.
    const third = await keyed('a b', { backend });
    expect(third.id).toBe(first.id);
    expect(await third.result()).toEqual({ words: 2 });
    expect(system.typesOf(first.id).filter((type) => type === 'granted')).toHaveLength(1);
  });

  it.each(BOTH)('many times at once, in two processes, on %s', async (backend) => {
    const other = await system.manager(TASKS);
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? other : manager).submit(wordCount, { text: 'a b' }, { idempotencyKey: 'k', backend }),
      ),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    const { bee, bullmq } = await system.count('words');
    expect(bee + bullmq).toBe(1);
  });

  it.each([
    ['stable', 0, 1],
    ['canary', 1, 0],
  ] as const)('first on %s, and then the ratio changes', async (backend, before, after) => {
    await manager.setRatio(before, { reason: 'before' });
    const first = await keyed();
    await manager.setRatio(after, { reason: 'after' });
    const second = await keyed();
    expect(second).toMatchObject({ id: first.id, backend, decision: { reason: 'duplicate', backend } });
    const { bee, bullmq } = await system.count('words');
    expect(bee + bullmq).toBe(1);
  });

  it('first on canary, and then frozen', async () => {
    const first = await keyed('a b', { backend: 'canary' });
    await manager.freeze({ reason: 'burning' });
    expect(await keyed()).toMatchObject({ id: first.id, backend: 'canary' });
    const c = await system.connections();
    await c.ledger.reassign([first.id]);
    expect(await keyed()).toMatchObject({ id: first.id, backend: 'stable' });
  });

  it("is a task's own: another task with the same key is another task", async () => {
    const first = await keyed();
    const other = await manager.submit(doomed, { text: 'x' }, { idempotencyKey: 'order-42' });
    expect(other.id).not.toBe(first.id);
  });

  it('claimed by a producer that died before its enqueue: the second one enqueues, under the same id', async () => {
    const c = await system.connections();
    const id = newTaskId();
    await c.keys.claim(keyHash('word-count', 'order-42'), id, 1000);
    const second = await keyed('a b', { backend: 'stable' });
    expect(second).toMatchObject({ id, backend: 'stable' });
    expect(await stateOf(id)).toBe('waiting');
    expect((await keyed('a b', { backend: 'canary' })).id).toBe(id);
    expect(await system.count('words')).toMatchObject({ bee: 1, bullmq: 0 });
  });
});

describe('a repeat under the same id', () => {
  it.each(BOTH)('of what waits on %s: nothing is enqueued again', async (backend) => {
    const first = await submitTo(backend);
    for (const other of BOTH) {
      const again = await submitTo(other, {}, { id: first.id });
      expect(again).toMatchObject({ id: first.id, backend, decision: { reason: 'duplicate' } });
    }
    const { bee, bullmq } = await system.count('words');
    expect({ bee, bullmq }).toEqual({
      bee: backend === 'stable' ? 1 : 0,
      bullmq: backend === 'stable' ? 0 : 1,
    });
  });

  it.each(BOTH)('of what ran on %s: its result, and no second run', async (backend) => {
    await system.worker(TASKS);
    const first = await submitTo(backend);
    await first.result();
    const again = await submitTo(backend === 'stable' ? 'canary' : 'stable', {}, { id: first.id });
    expect(again.id).toBe(first.id);
    expect(await again.result()).toEqual({ words: 3 });
    expect(system.typesOf(first.id).filter((type) => type === 'granted')).toHaveLength(1);
  });

  it('of one that never arrived: an ordinary submission', async () => {
    const id = newTaskId();
    expect(await submitTo('canary', {}, { id })).toMatchObject({ id, decision: { reason: 'requested' } });
  });

  it('of one that was accepted and never enqueued: the job is added', async () => {
    const first = await submitTo('canary');
    await (await system.bullQueue('words').getJob(first.id))?.remove();
    expect(await system.count('words')).toMatchObject({ bullmq: 0 });
    await submitTo('canary', {}, { id: first.id });
    expect(await system.count('words')).toMatchObject({ bee: 0, bullmq: 1 });
  });

  it('of one that rollback has moved', async () => {
    const first = await submitTo('canary');
    const c = await system.connections();
    await c.ledger.reassign([first.id]);
    const again = await submitTo('canary', {}, { id: first.id });
    expect(again).toMatchObject({ id: first.id, backend: 'stable', decision: { reason: 'duplicate' } });
  });
});

describe('result', () => {
  it('of a task that stores none: refused', async () => {
    const task = await manager.submit(silent, { text: 'x' });
    await expect(task.result()).rejects.toMatchObject({
      code: 'E_RESULT_NOT_STORED',
      id: task.id,
      task: 'silent',
    });
  });

  it('that is not there in time: said so, and the task goes on', async () => {
    const task = await submitTo('stable');
    await expect(task.result({ timeoutMs: 10 })).rejects.toMatchObject({
      code: 'E_RESULT_TIMEOUT',
      timeoutMs: 10,
    });
    await system.worker(TASKS);
    expect(await task.result()).toEqual({ words: 3 });
  });
});

describe('a manager without tasks', () => {
  it("finds, counts and cancels what waits in another process's queue on stable", async () => {
    const { id } = await submitTo('stable', {}, { delayMs: 3_600_000 });
    const operator = await system.manager([]);
    expect(await operator.find(id)).toMatchObject({ id, queue: 'words', state: 'delayed' });
    const { backends } = await operator.status();
    expect(backends.stable.queues.words).toMatchObject({ delayed: 1 });
    expect(await operator.cancel(id)).toBe('cancelled');
  });
});

describe('status', () => {
  it('of a canary that may throw keys away: the warning does not say that it is passed over', async () => {
    const { url } = await startRedis({ maxmemory: '50mb', maxmemoryPolicy: 'allkeys-lru' });
    const evicting = new HybridSystem({ canary: { redisUrl: url } });
    try {
      await evicting.manager(TASKS);
      const warning = () => evicting.log.lines.find(({ message }) => message.startsWith('canary: '))?.message;
      await waitFor(() => warning() !== undefined, { what: 'the warning' });
      expect(warning()).toMatch(/allkeys-lru.* Tasks go there all the same, by ratio or flag/);
    } finally {
      await evicting.close();
    }
  });

  it('asks a backend also where there is no queue to count', async () => {
    const down = new HybridSystem({ canary: { redisUrl: 'redis://127.0.0.1:1' } });
    try {
      const { backends } = await (await down.manager([])).status();
      expect(backends).toMatchObject({ stable: { reachable: true }, canary: { reachable: false } });
    } finally {
      await down.close();
    }
  });

  it('agrees with what plain clients count', async () => {
    await system.worker([doomed]);
    for (let i = 0; i < 5; i++) await submitTo('stable');
    for (let i = 0; i < 3; i++) await submitTo('canary');
    const failed = await Promise.all(
      BOTH.map((backend) => manager.submit(doomed, { text: '', fail: 'x' }, { backend })),
    );
    await Promise.allSettled(failed.map((task) => task.result()));
    await waitFor(async () => (await system.bullQueue('doomed').getFailedCount()) === 1, { what: 'BullMQ' });
    await waitFor(async () => (await (await system.beeQueue('doomed')).checkHealth()).failed === 1, {
      what: 'bee',
    });
    const none = { waiting: 0, active: 0, delayed: 0, succeeded: 0, failed: 0 };
    expect(await manager.status()).toMatchObject({
      namespace: system.namespace,
      control: { epoch: 1, celeryRatio: 0.5, frozen: '' },
      file: { path: null, drift: [] },
      backends: {
        stable: {
          product: 'bee-queue',
          reachable: true,
          queues: { words: { ...none, waiting: 5 }, 'words.moved': none, doomed: { ...none, failed: 1 } },
        },
        canary: {
          product: 'bullmq',
          reachable: true,
          queues: { words: { ...none, waiting: 3 }, doomed: { ...none, failed: 1 } },
        },
      },
      ledger: { accepted: 4, failed: 1, openCanary: 3, conserved: true },
      plain: { succeeded: 0, failed: 1, cancelled: 0 },
      parked: 0,
      workers: [{ pid: process.pid, queues: ['doomed'], backends: ['stable', 'canary'] }],
      flags: { source: 'off' },
    });
  });

  it('the audit log says who changed what', async () => {
    await manager.setRatio(0.1, { reason: 'a start' });
    await manager.freeze({ reason: 'too early' });
    await manager.resume({ reason: 'fixed' });
    expect(await manager.audit()).toMatchObject([
      { intent: 'resume', reason: 'fixed' },
      { intent: 'freeze', reason: 'too early', before: { celeryRatio: '0.1' }, after: { celeryRatio: '0' } },
      { intent: 'change', reason: 'a start', actor: expect.stringMatching(/^manager:/) },
      { intent: 'init' },
    ]);
    expect(await manager.audit(1)).toHaveLength(1);
  });
});

describe('close', () => {
  it('refuses what comes after it, and can be repeated', async () => {
    await manager.close();
    await manager.close();
    await expect(manager.submit(wordCount, { text: 'x' })).rejects.toMatchObject({ code: 'E_CLOSED' });
  });
});
