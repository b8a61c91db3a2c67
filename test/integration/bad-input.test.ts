import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  defineTask,
  HybridTaskManager,
  HybridWorker,
  loadConfig,
  type SubmitOptions,
} from '../../src/index.ts';
import { HybridSystem } from '../support/hybrid-system.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { expectNoLeakedConnections, waitFor } from '../support/redis.ts';

/** In every payload; must be in no log line and in no error. */
const SECRET = 'SECRET-51ab';

let system: HybridSystem;
let manager: HybridTaskManager;

const strict = defineTask({
  name: 'strict',
  queue: 'strict',
  input: z.strictObject({ text: z.string(), n: z.number().int().optional() }),
  output: z.any(),
  handler: () => 'ran',
});
const loose = defineTask({
  name: 'loose',
  queue: 'loose',
  input: z.any(),
  output: z.any(),
  handler: () => 'ran',
});
const TASKS = [strict, loose];

beforeAll(async () => {
  system = new HybridSystem({ routing: { celeryRatio: 0.5 } });
  manager = await system.manager(TASKS);
});
afterEach(async () => {
  for (const { queue } of TASKS) await system.expectNothingEnqueued(queue);
  expect(system.log.text()).not.toContain(SECRET);
});
afterAll(() => system.close());
afterAll(() => expectNoLeakedConnections());

/** Refused on the way to either backend, with the same typed error, which says nothing of the payload. */
async function expectRefused(task: string, payload: unknown, code: string, options: SubmitOptions = {}) {
  const messages: string[] = [];
  for (const backend of ['stable', 'canary'] as const) {
    const refusal = await manager.submit(task, payload, { backend, ...options }).then(
      () => 'was taken',
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ code });
    expect(inspect(refusal, { depth: Infinity })).not.toContain(SECRET);
    messages.push((refusal as Error).message);
  }
  return messages[0] as string;
}

describe('a payload', () => {
  class Order {
    secret = SECRET;
  }
  const cycle: Record<string, unknown> = { secret: SECRET };
  cycle.self = cycle;

  it('over the cap', async () => {
    const message = await expectRefused('loose', { text: SECRET.repeat(30_000) }, 'E_PAYLOAD_TOO_LARGE');
    expect(message).toContain('330011 bytes; allowed: 262144');
  });

  it('just under the cap is no bad input', async () => {
    const fits = 'x'.repeat(262_144 - '{"text":""}'.length);
    const task = await manager.submit('loose', { text: fits }, { backend: 'canary', delayMs: 3_600_000 });
    await expectRefused('loose', { text: `${fits}x` }, 'E_PAYLOAD_TOO_LARGE');
    expect(await manager.cancel(task.id)).toBe('cancelled');
    await system.bullQueue('loose').obliterate({ force: true });
    const c = await system.connections();
    const { counts, openCanary, task: entry, outcome } = c.control.keys;
    await c.control.ask('clean up', (redis) =>
      redis.del(counts, openCanary, entry(task.id), outcome(task.id)),
    );
  });

  const NOT_JSON: readonly (readonly [what: string, payload: unknown, where: string])[] = [
    ['a BigInt', { secret: SECRET, n: 10n }, '/n is a bigint'],
    ['a cycle', cycle, 'contains itself'],
    ['a Map', { secret: SECRET, map: new Map([[SECRET, SECRET]]) }, '/map is a Map'],
    ['a Set', { set: new Set([SECRET]) }, '/set is a Set'],
    ['a Date', { secret: SECRET, at: new Date() }, '/at is a Date'],
    ['a class instance', { order: new Order() }, '/order is a Order'],
    ['NaN', { secret: SECRET, list: [1, Number.NaN] }, '/list/1 is the number NaN'],
    ['Infinity', { n: Number.POSITIVE_INFINITY, secret: SECRET }, '/n is the number Infinity'],
    ['undefined in an array', { secret: SECRET, list: [undefined] }, '/list/0 is undefined'],
    ['a function', { secret: SECRET, f: () => SECRET }, '/f is a function'],
    ['undefined', undefined, '(top) is undefined'],
    ['null, which bee-queue would change', null, '(top) is null'],
    ['0, which bee-queue would change', 0, '(top) is 0'],
  ];

  it.each(NOT_JSON)('that is not JSON-safe: %s', async (_, payload, where) => {
    expect(await expectRefused('loose', payload, 'E_NOT_JSON_SAFE')).toContain(where);
  });

  const NOT_FITTING: readonly (readonly [payload: unknown, where: string])[] = [
    [{ text: 7, n: 1 }, '/text'],
    [{ text: SECRET, n: 1.5 }, '/n'],
    [{ n: 1 }, '/text'],
    [SECRET, '(top)'],
    [[SECRET], '(top)'],
  ];

  it.each(NOT_FITTING)('that fails its schema: %j', async (payload, where) => {
    const message = await expectRefused('strict', payload, 'E_INVALID_PAYLOAD');
    expect(message).toContain(`does not fit task "strict": ${where}`);
  });

  it('that fails its schema in a hundred thousand places is told by the first ones', async () => {
    const wide = defineTask({ ...inputOf(z.array(z.string())), name: 'wide' });
    const other = await system.manager([wide]);
    const refusal = await other
      .submit(wide, Array(100_000).fill(1) as never)
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'E_INVALID_PAYLOAD' });
    expect((refusal as Error).message.length).toBeLessThan(2000);
  });

  it.each([
    ['throws', z.any().transform(() => raise(new Error(SECRET)))],
    ['is asynchronous', z.any().refine(async () => true)],
  ])('whose schema itself %s', async (_, input) => {
    const broken = defineTask({ ...inputOf(input), name: 'broken' });
    const other = await system.manager([broken]);
    const refusal = await other.submit(broken, { secret: SECRET }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'E_INVALID_PAYLOAD',
      message: expect.stringContaining('schema itself'),
    });
    expect(inspect(refusal, { depth: Infinity })).not.toContain(SECRET);
  });
});

const inputOf = <I extends z.ZodType>(input: I) => ({
  queue: 'loose',
  input,
  output: z.any(),
  handler: () => 'ran',
});
function raise(error: Error): never {
  throw error;
}

describe('a submission', () => {
  it.each(['nobody-knows', '', '__proto__', 'toString'])('of the unknown task %j', async (name) => {
    const message = await expectRefused(name, { secret: SECRET }, 'E_UNKNOWN_TASK');
    expect(message).toContain('known: strict, loose');
  });

  it.each(['wait', '42', 'meta', 'active', '', 'task-1', 'a:b', `${'9'.repeat(1000)}`])(
    'with the id %j of its caller',
    async (id) => {
      const message = await expectRefused('loose', { secret: SECRET }, 'E_INVALID_TASK_ID', { id });
      expect(message).toContain('idempotencyKey');
    },
  );

  const OPTIONS: readonly (readonly [option: string, value: unknown])[] = [
    ['id', 42],
    ['stickyKey', ''],
    ['stickyKey', 7],
    ['stickyKey', 'x'.repeat(513)],
    ['idempotencyKey', ''],
    ['idempotencyKey', null],
    ['delayMs', -1],
    ['delayMs', 1.5],
    ['delayMs', Number.NaN],
    ['delayMs', '100'],
    ['delayMs', Number.MAX_SAFE_INTEGER],
    ['priority', 0],
    ['priority', 2_097_152],
    ['priority', 'high'],
    ['backend', 'celery'],
    ['backend', Object.create(null)],
    ['attributes', { nested: {} }],
    ['attributes', ['list']],
    ['attributes', 'text'],
    ['priorty', 1],
    ['__proto__ ', 1],
  ];

  it.each(OPTIONS)('with the option %s: %p', async (option, value) => {
    const refusal = await manager
      .submit(loose, { secret: SECRET }, { [option]: value } as SubmitOptions)
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'E_INVALID_SUBMISSION',
      message: expect.stringContaining('allowed: '),
    });
  });

  it('with an idempotency key, of a task that stores no result', async () => {
    const silent = defineTask({ ...inputOf(z.any()), name: 'silent', storeResult: false });
    const other = await system.manager([silent]);
    const refusal = other.submit(silent, { secret: SECRET }, { idempotencyKey: 'k' });
    await expect(refusal).rejects.toMatchObject({ code: 'E_INVALID_SUBMISSION', field: 'idempotencyKey' });
  });
});

describe('a ratio', () => {
  it.each([-0.1, 1.5, 50, Number.NaN, Number.POSITIVE_INFINITY, '0.5', '50%', null, undefined, true, {}])(
    '%p is refused, and the live one stays',
    async (ratio) => {
      for (const options of [{ reason: 'r' }, { reason: 'r', task: 'loose' }]) {
        if (ratio === null && 'task' in options) continue;
        const change = manager.setRatio(ratio as number, options);
        await expect(change).rejects.toMatchObject({
          code: 'E_INVALID_RATIO',
          message: expect.stringContaining('allowed: a number from 0'),
        });
      }
      expect(manager.state).toMatchObject({ epoch: 1, celeryRatio: 0.5, taskRatios: {} });
    },
  );

  it('of an unknown task', async () => {
    for (const task of ['nobody-knows', '__proto__']) {
      const change = manager.setRatio(0.5, { task, reason: 'r' });
      await expect(change).rejects.toMatchObject({ code: 'E_UNKNOWN_TASK' });
    }
    expect(manager.state.epoch).toBe(1);
  });
});

describe('a file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hybrid-bad-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const CONFIGS: readonly (readonly [what: string, text: string, where: string])[] = [
    ['broken syntax', 'routing: {celeryRatio: 0.5\nredis', 'line'],
    ['a ratio out of range', 'routing: { celeryRatio: 1.5 }', 'routing.celeryRatio'],
    ['a ratio in per cent', 'routing: { celeryRatio: "50%" }', 'routing.celeryRatio'],
    ['NaN', 'routing: { celeryRatio: .nan }', 'routing.celeryRatio'],
    ['an unknown key', 'routing: { celeryratio: 0.5 }', 'celeryratio'],
    ['a prototype', 'routing: { tasks: { __proto__: { celeryRatio: 1 } } }', '__proto__'],
  ];

  it.each(CONFIGS)('config with %s: neither manager nor worker starts', async (_, text, where) => {
    const file = join(folder, 'hybrid.yaml');
    await writeFile(file, text);
    const log = new RecordingLog();
    for (const start of [
      () => HybridTaskManager.open({ config: file, tasks: TASKS, log }),
      () => HybridWorker.open({ config: file, tasks: TASKS, log }),
    ]) {
      const refusal = await start().then(
        () => 'it started',
        (error: unknown) => error,
      );
      expect(refusal).toMatchObject({ code: 'E_INVALID_CONFIG' });
      expect((refusal as Error).message).toContain(where);
    }
  });

  it('config that is not there', async () => {
    const refusal = loadConfig({ file: join(folder, 'none.yaml') });
    await expect(refusal).rejects.toMatchObject({ code: 'E_INVALID_CONFIG' });
  });

  const flagFile = (isOn: boolean) => ({
    flags: {
      'hybrid-canary': {
        on: isOn,
        variations: [true, false],
        offVariation: 1,
        fallthrough: { variation: 0 },
        salt: 's',
        key: 'hybrid-canary',
        version: 1,
      },
    },
  });
  const flagged = (file: string) =>
    new HybridSystem({ routing: { celeryRatio: 0, mode: 'flag' }, flags: { source: 'file', file } });

  it('flags with broken syntax: the manager does not start', async () => {
    const file = join(folder, 'flags.json');
    await writeFile(file, '{ "flags": { "hybrid-canary": ');
    const other = flagged(file);
    const refusal = await other.manager(TASKS).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'E_INVALID_CONFIG', message: expect.stringContaining('line 1') });
    await other.close();
  });

  it('flags broken while it runs: the last good ones decide, and the log says why', async () => {
    const file = join(folder, 'flags.json');
    await writeFile(file, JSON.stringify(flagFile(true)));
    const other = flagged(file);
    try {
      const running = await other.manager(TASKS);
      const decided = async () => (await running.submit(loose, { secret: SECRET })).decision;
      expect(await decided()).toMatchObject({ backend: 'canary', reason: 'flag' });
      await writeFile(file, '{ "flags": { "hybrid-canary": ');
      await waitFor(() => other.log.text().includes('flags.json'), { what: 'a word about the flag file' });
      expect(await decided()).toMatchObject({ backend: 'canary', reason: 'flag' });
      expect(other.log.text()).not.toContain(SECRET);
    } finally {
      await other.close();
    }
  });
});

describe('two definitions of one name', () => {
  it('keep manager and worker from starting', async () => {
    const twice = [loose, defineTask({ ...inputOf(z.any()), name: 'loose' })];
    const options = { config: system.config, tasks: twice, log: system.log };
    for (const start of [() => HybridTaskManager.open(options), () => HybridWorker.open(options)]) {
      await expect(start()).rejects.toMatchObject({ code: 'E_INVALID_TASK_DEFINITION', field: 'name' });
    }
  });
});
