import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  defineTask,
  type TaskContext,
  type TaskDefinition,
  type TaskOptions,
} from '../../../src/domain/task.ts';
import type { Delivery } from '../../../src/domain/task-backend.ts';
import { runHandler } from '../../../src/execution/handler-run.ts';
import { type RunningTask, RunningTasks } from '../../../src/execution/running-tasks.ts';
import { describeThrown } from '../../../src/execution/thrown-value.ts';
import { fakeDelivery } from '../../support/fake-delivery.ts';
import { RecordingLog } from '../../support/recording-log.ts';

const SECRET = 'SECRET-7f3a';
const never = () => new Promise<never>(() => {});

type Handler = (input: never, context: TaskContext) => unknown;

interface RunOptions {
  readonly task?: Record<string, unknown>;
  readonly delivery?: Partial<Delivery>;
  readonly running?: RunningTasks;
  readonly run?: RunningTask;
  readonly abortGraceMs?: number;
}

const taskOf = (handler: Handler, change: Record<string, unknown> = {}): TaskDefinition => {
  const options: TaskOptions = {
    name: 'test-task',
    queue: 'test-queue',
    input: z.any(),
    output: z.any(),
    handler: handler as TaskOptions['handler'],
  };
  return defineTask({ ...options, ...change });
};

async function runWith(handler: Handler, options: RunOptions = {}) {
  const log = new RecordingLog();
  const delivery = fakeDelivery({ data: { secret: SECRET }, ...options.delivery });
  const run = options.run ?? new RunningTasks().begin(delivery.id);
  const result = await runHandler(taskOf(handler, options.task), delivery, 3, run, {
    resultLimitBytes: 1000,
    abortGraceMs: options.abortGraceMs ?? 20,
    log,
  });
  expect(log.text()).not.toContain(SECRET);
  return { result, log, delivery };
}

describe('runHandler: a handler that returns', () => {
  it.each([[{ a: [1, '文'] }], [0], [''], [false], [null], [[]]])('%j is the result', async (value) => {
    const { result } = await runWith(() => value);
    expect(result).toMatchObject({ status: 'succeeded', value: { text: JSON.stringify(value) } });
    expect(result.status === 'succeeded' && result.value?.value).toEqual(value);
  });

  it('nothing: succeeded without a value', async () => {
    expect((await runWith(async () => undefined)).result).toEqual({ status: 'succeeded', value: null });
  });

  it('gets its input with the schema applied, and so does its result', async () => {
    const { result } = await runWith((input: { n: number; extra?: 1 }) => ({ n: input.n + 1, dropped: 1 }), {
      delivery: { data: { dropped: 1 } },
      task: { input: z.object({ n: z.number().default(41) }), output: z.object({ n: z.number() }) },
    });
    expect(result).toMatchObject({ status: 'succeeded', value: { text: '{"n":42}' } });
  });

  it('is told who it is', async () => {
    let seen: TaskContext | undefined;
    const { delivery } = await runWith((_, context) => {
      seen = context;
    });
    expect(seen).toMatchObject({
      id: delivery.id,
      task: 'test-task',
      queue: 'test-queue',
      backend: 'stable',
      attempt: 3,
    });
    expect(seen?.signal.aborted).toBe(false);
  });
});

describe('runHandler: what makes trying again pointless', () => {
  const cycle: Record<string, unknown> = { secret: SECRET };
  cycle.self = cycle;
  const jsonCases: readonly (readonly [string, unknown, string])[] = [
    ['a cycle', cycle, 'E_NOT_JSON_SAFE'],
    ['a BigInt', { n: 1n, secret: SECRET }, 'E_NOT_JSON_SAFE'],
    ['a Map', new Map([[SECRET, 1]]), 'E_NOT_JSON_SAFE'],
    ['NaN', [Number.NaN], 'E_NOT_JSON_SAFE'],
    ['a result over the limit', SECRET.repeat(1000), 'E_PAYLOAD_TOO_LARGE'],
  ];

  it.each(jsonCases)('%s as a result', async (_, value, code) => {
    const { result } = await runWith(() => value);
    expect(result).toMatchObject({ status: 'failed', final: true, cause: null, error: { code } });
    expect(JSON.stringify(result)).not.toContain(SECRET);
  });

  it('a result that does not fit the output schema', async () => {
    const { result } = await runWith(() => ({ n: SECRET }), {
      task: { output: z.object({ n: z.number() }) },
    });
    expect(result).toMatchObject({ status: 'failed', final: true, error: { code: 'E_INVALID_RESULT' } });
    expect(JSON.stringify(result)).not.toContain(SECRET);
  });

  it('a payload that does not fit the input schema: the handler does not run', async () => {
    const { result } = await runWith(
      () => {
        throw new Error('it ran');
      },
      { task: { input: z.object({ secret: z.number() }) } },
    );
    expect(result).toMatchObject({ status: 'failed', final: true, error: { code: 'E_INVALID_PAYLOAD' } });
    expect(JSON.stringify(result)).toContain('/secret');
    expect(JSON.stringify(result)).not.toContain(SECRET);
  });

  const broken: readonly (readonly [string, z.ZodType])[] = [
    [
      'throws',
      z.any().transform(() => {
        throw new TypeError('a broken schema');
      }),
    ],
    ['is asynchronous', z.any().refine(async () => true)],
  ];

  it.each(broken)('an input schema that %s', async (_, input) => {
    const { result } = await runWith(() => 1, { task: { input } });
    expect(result).toMatchObject({ status: 'failed', final: true });
  });

  it.each(broken)('an output schema that %s', async (_, output) => {
    const { result } = await runWith(() => 1, { task: { output } });
    expect(result).toMatchObject({ status: 'failed', final: true });
  });
});

describe('runHandler: a handler that throws', () => {
  const thrownCases: readonly (readonly [string, unknown, Record<string, unknown>])[] = [
    ['an Error', new RangeError('too far'), { name: 'RangeError', message: 'too far' }],
    [
      'an error with a code',
      Object.assign(new Error('m'), { code: 'E_MINE', payload: SECRET }),
      { name: 'Error', message: 'm', code: 'E_MINE' },
    ],
    ['an object like an error', { message: 'like', name: 7 }, { name: 'Error', message: 'like' }],
    [
      'an object',
      { secret: SECRET },
      { code: 'E_NON_ERROR_THROWN', message: expect.stringContaining('no Error') },
    ],
    ['an object without a prototype', Object.create(null), { code: 'E_NON_ERROR_THROWN' }],
    ['a list', [SECRET], { code: 'E_NON_ERROR_THROWN' }],
    ['text', 'no', { code: 'E_NON_ERROR_THROWN', message: 'The handler threw "no".' }],
    ['a number', 42, { message: 'The handler threw 42.' }],
    ['undefined', undefined, { message: 'The handler threw undefined.' }],
    ['null', null, { message: 'The handler threw null.' }],
    ['a symbol', Symbol('s'), { message: 'The handler threw Symbol(s).' }],
  ];

  it.each(thrownCases)('%s: failed, and may be tried again', async (_, thrown, error) => {
    const sync = await runWith(() => {
      throw thrown;
    });
    const rejected = await runWith(() => Promise.reject(thrown));
    expect(sync.result).toMatchObject({ status: 'failed', final: false, cause: null, error });
    expect(rejected.result).toEqual(sync.result);
    expect(JSON.stringify(sync.result)).not.toContain(SECRET);
  });

  it('stores no endless message', () => {
    expect(describeThrown(new Error('x'.repeat(100_000))).message).toHaveLength(4096);
  });
});

describe('runHandler: the time limit', () => {
  const untilAborted = (_: never, { signal }: TaskContext) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });

  it('a handler that heeds its signal and rejects may be tried again', async () => {
    const { result } = await runWith(untilAborted, { task: { timeoutMs: 10 } });
    expect(result).toMatchObject({
      status: 'failed',
      final: false,
      cause: 'timeout',
      error: { code: 'E_TASK_TIMEOUT' },
    });
  });

  it('whatever it rejects with, the time limit is the reason', async () => {
    const { result } = await runWith(
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('interrupted')));
        }),
      { task: { timeoutMs: 10 } },
    );
    expect(result).toMatchObject({ cause: 'timeout', error: { code: 'E_TASK_TIMEOUT' } });
  });

  it('a handler that returns a result all the same has succeeded', async () => {
    const { result } = await runWith(
      (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve('partial'));
        }),
      { task: { timeoutMs: 10 } },
    );
    expect(result).toMatchObject({ status: 'succeeded', value: { value: 'partial' } });
  });

  it('a handler that never settles is given up for good, and the log says so', async () => {
    const { result, log, delivery } = await runWith(never, { task: { timeoutMs: 10 } });
    expect(result).toMatchObject({
      status: 'failed',
      final: true,
      cause: 'timeout',
      error: { code: 'E_TASK_TIMEOUT' },
    });
    expect(log.lines).toEqual([
      {
        level: 'warn',
        message: expect.stringContaining('ignores its abort signal'),
        fields: { task: 'test-task', id: delivery.id },
      },
    ]);
  });
});

describe('runHandler: asked to end', () => {
  const abortedBy = async (cause: 'cancel' | 'rollback' | 'shutdown', when: 'before' | 'while') => {
    const running = new RunningTasks();
    const run = running.begin('a');
    if (when === 'before') running.abort('a', cause);
    return runWith(
      (_, { signal }) => {
        if (when === 'while') running.abort('a', cause);
        return new Promise((_resolve, reject) => {
          const end = () => reject(new Error('ended'));
          if (signal.aborted) end();
          else signal.addEventListener('abort', end);
        });
      },
      { run },
    );
  };

  it.each(['cancel', 'rollback', 'shutdown'] as const)('%s: the cause is told', async (cause) => {
    for (const when of ['before', 'while'] as const) {
      const { result } = await abortedBy(cause, when);
      expect(result).toMatchObject({ status: 'failed', final: false, cause, error: { message: 'ended' } });
    }
  });

  it.each(['before', 'while'] as const)(
    'cancelled %s it ran, and it does not end: it is given up',
    async (when) => {
      const running = new RunningTasks();
      const run = running.begin('a');
      if (when === 'before') running.abort('a', 'cancel');
      const { result } = await runWith(
        () => {
          if (when === 'while') running.abort('a', 'cancel');
          return never();
        },
        { run, task: { timeoutMs: 60_000 } },
      );
      expect(result).toMatchObject({ status: 'failed', final: true, cause: 'cancel' });
    },
  );

  it('a shutdown waits for the handler', async () => {
    const running = new RunningTasks();
    const run = running.begin('a');
    const { result } = await runWith(
      async () => {
        running.abort('a', 'shutdown');
        // Longer than the grace after which a cancelled handler would have been given up.
        await new Promise((resolve) => setTimeout(resolve, 50));
        return 'done';
      },
      { run, abortGraceMs: 1 },
    );
    expect(result).toMatchObject({ status: 'succeeded', value: { value: 'done' } });
  });
});

describe('runHandler: what a handler may use', () => {
  it('log: each line carries the ids, and nothing of the payload', async () => {
    const { log, delivery } = await runWith((_, context) => {
      context.log.info('working', { page: 1 });
      context.log.error('trouble');
    });
    const ids = { task: 'test-task', id: delivery.id, backend: 'stable', attempt: 3 };
    expect(log.lines).toEqual([
      { level: 'info', message: 'working', fields: { ...ids, page: 1 } },
      { level: 'error', message: 'trouble', fields: ids },
    ]);
  });

  it('progress goes to the backend', async () => {
    const values: unknown[] = [];
    await runWith((_, context) => context.progress({ page: 3 }), {
      delivery: { progress: async (value) => void values.push(value) },
    });
    expect(values).toEqual([{ page: 3 }]);
  });

  it('progress that fails does not fail the task', async () => {
    const { result, log } = await runWith(
      async (_, context) => {
        await context.progress(SECRET);
        return 'done';
      },
      {
        delivery: {
          progress: () => Promise.reject(Object.assign(new Error('no connection'), { args: [SECRET] })),
        },
      },
    );
    expect(result).toMatchObject({ status: 'succeeded' });
    expect(log.lines).toMatchObject([{ level: 'debug', message: 'progress was not published' }]);
  });
});
