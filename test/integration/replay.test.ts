import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { ReplayedInput, TaskDefinition } from '../../src/index.ts';
import { gate } from '../support/delivery-log.ts';
import { aborted, type HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, redisUrl, startRedis, uniqueName } from '../support/redis.ts';
import { cellOf, comparedTask, figuresOf, settled, shadowSystem } from '../support/shadow-scene.ts';
import { waitFor } from '../support/wait-for.ts';

const opened: HybridSystem[] = [];
const begin = (...settings: Parameters<typeof shadowSystem>): HybridSystem => {
  const system = shadowSystem({ sampleRate: 0, ...settings[0] }, settings[1]);
  opened.push(system);
  return system;
};
afterEach(async () => {
  for (const system of opened.splice(0)) await system.close();
});
afterAll(() => expectNoLeakedConnections());

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n);
const inputsOf = (task: TaskDefinition, ns: readonly number[]): ReplayedInput[] =>
  ns.map((n) => ({ task, input: { n } }));
const openCopies = (system: HybridSystem) => system.redis.zcard(`{${system.namespace}}:open:copies`);
const NOTHING_OPEN = { dropped: 0, open: 0, isComplete: true, problem: null };

describe('a replay', () => {
  it("runs each input on both backends, finds them equal, and is nobody's work", async () => {
    const system = begin();
    const seen: string[] = [];
    const task = comparedTask((n, { backend, shadow }) => {
      seen.push(`${backend} ${shadow}`);
      return { doubled: n * 2 };
    });
    await system.worker([task]);
    const manager = await system.manager([task]);
    await (await manager.submit(task, { n: 1 })).result();
    const before = await manager.status();
    seen.length = 0;

    const progress: number[] = [];
    const result = await manager.replay(inputsOf(task, numbers(30)), {
      onProgress: ({ matched }) => progress.push(matched),
    });
    expect(result).toEqual({ submitted: 30, matched: 30, mismatched: 0, mismatches: [], ...NOTHING_OPEN });
    expect(seen.toSorted()).toEqual([...Array(30).fill('canary true'), ...Array(30).fill('stable true')]);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(30);

    const after = await manager.status();
    expect([after.ledger, after.plain]).toEqual([before.ledger, before.plain]);
    const c = await system.connections();
    expect((await settled(c, 30)).pairs).toMatchObject([{ kind: 'replay', compared: 30, matched: 30 }]);
    const counted = async () => cellOf(await figuresOf(c), 'canary', 'replay')?.counts.succeeded;
    await waitFor(async () => (await counted()) === 30, { what: 'the runs to be counted' });
    expect(await openCopies(system)).toBe(0);
  });

  it('gives its own mismatches, also where others replay the same at the same time', async () => {
    const system = begin();
    const task = comparedTask((n, { backend }) => (backend === 'canary' && n % 10 === 3 ? 'odd' : n));
    await system.worker([task]);
    const [first, second] = [await system.manager([task]), await system.manager([task])];
    const results = await Promise.all([
      first.replay(inputsOf(task, numbers(20))),
      first.replay(inputsOf(task, numbers(30, 100))),
      second.replay(inputsOf(task, numbers(9, 4))),
    ]);
    expect(results).toMatchObject([
      { submitted: 20, matched: 18, mismatched: 2, ...NOTHING_OPEN },
      { submitted: 30, matched: 27, mismatched: 3, ...NOTHING_OPEN },
      { submitted: 9, matched: 9, mismatched: 0, ...NOTHING_OPEN },
    ]);
    const own = results.map(({ mismatches }) => mismatches.map(({ differences }) => differences[0]?.stable));
    expect(own.map((values) => values.map(Number).toSorted((a, b) => a - b))).toEqual([
      [3, 13],
      [103, 113, 123],
      [],
    ]);
    expect(new Set(results.flatMap(({ mismatches }) => mismatches.map(({ replay }) => replay))).size).toBe(2);
    expect(await first.mismatches({ limit: 100 })).toHaveLength(5);
  });

  it('of more inputs than may be open reads them as there is room', async () => {
    const system = begin({ mostCopies: 10 });
    const task = comparedTask((n) => n);
    await system.worker([task]);
    const manager = await system.manager([task]);
    let [read, done, most] = [0, 0, 0];
    async function* inputs() {
      for (const input of inputsOf(task, numbers(17))) {
        read += 1;
        most = Math.max(most, await openCopies(system));
        yield input;
      }
    }
    const result = await manager.replay(inputs(), {
      onProgress: ({ submitted, matched }) => {
        done = Math.max(done, matched);
        expect(read - submitted).toBeLessThanOrEqual(1);
      },
    });
    expect(result).toMatchObject({ submitted: 17, matched: 17, ...NOTHING_OPEN });
    expect(done).toBe(17);
    expect(most).toBeLessThanOrEqual(10);
  });

  it('of a long file begins with few, and does not run ahead of the comparison', async () => {
    const system = begin();
    const task = comparedTask((n) => n);
    await system.worker([task], { concurrency: 50 });
    const manager = await system.manager([task]);
    let [read, most, compared, first] = [0, 0, 0, 0];
    function* inputs() {
      for (const input of inputsOf(task, numbers(510))) {
        read += 1;
        if (compared === 0) first = read;
        most = Math.max(most, read - compared);
        yield input;
      }
    }
    const result = await manager.replay(inputs(), {
      onProgress: ({ matched }) => {
        compared = matched;
      },
    });
    expect(result).toMatchObject({ submitted: 510, matched: 510, ...NOTHING_OPEN });
    expect(first).toBeLessThanOrEqual(11);
    expect(most).toBeLessThanOrEqual(501);
  });

  it('of nothing is done', async () => {
    const manager = await begin().manager([]);
    expect(await manager.replay([])).toMatchObject({ submitted: 0, matched: 0, ...NOTHING_OPEN });
  });
});

describe('a replay that comes to no end', () => {
  it('where no worker runs says what is open; it is compared all the same when one comes', async () => {
    const system = begin();
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    const result = await manager.replay(inputsOf(task, numbers(3)), { timeoutMs: 100 });
    expect(result).toMatchObject({ submitted: 3, matched: 0, mismatched: 0, open: 3, isComplete: true });
    await system.worker([task]);
    expect((await settled(await system.connections(), 3)).pairs).toMatchObject([{ matched: 3 }]);
  });

  it('where there is no room and none comes gives up, and leaves no half of a pair behind', async () => {
    const system = begin({ mostCopies: 3 });
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    const result = await manager.replay(inputsOf(task, numbers(5)), { timeoutMs: 100 });
    expect(result).toMatchObject({ submitted: 1, open: 1, isComplete: false });
    expect(await openCopies(system)).toBe(2);
  });

  it('that is stopped gives what it has, and the rest is not read', async () => {
    const system = begin();
    const stopping = new AbortController();
    const held = gate();
    const task = comparedTask(async (n, { signal }) => {
      if (n === 2) await Promise.race([held.opened, aborted(signal)]);
      return n;
    });
    await system.worker([task]);
    const manager = await system.manager([task]);
    function* inputs() {
      yield* inputsOf(task, numbers(3));
      stopping.abort();
      yield* inputsOf(task, numbers(3, 3));
    }
    const result = await manager.replay(inputs(), { signal: stopping.signal });
    expect(result).toMatchObject({ submitted: 3, isComplete: false });
    held.open();
    expect((await settled(await system.connections(), 3)).pairs).toMatchObject([{ compared: 3 }]);

    const atOnce = await manager.replay(inputsOf(task, [9]), { signal: AbortSignal.abort() });
    expect(atOnce).toMatchObject({ submitted: 0, isComplete: false });
  });

  it('because of a freeze says so, and its copies are cancelled', async () => {
    const system = begin();
    const task = comparedTask((n) => n);
    const manager = await system.manager([task]);
    async function* inputs() {
      yield* inputsOf(task, numbers(3));
      await manager.rollback({ reason: 'test', graceMs: 0, persist: false });
      yield* inputsOf(task, numbers(3, 3));
    }
    const stopped = { submitted: 3, isComplete: false, problem: { code: 'E_FROZEN' } };
    expect(await manager.replay(inputs())).toMatchObject(stopped);
    expect(await openCopies(system)).toBe(0);
    await expect(manager.replay(inputsOf(task, [1]))).rejects.toMatchObject({ code: 'E_FROZEN' });
    expect(await openCopies(system)).toBe(0);
    expect((await manager.status()).ledger).toMatchObject({ accepted: 0, reassigned: 0, conserved: true });
  });
});

describe('an input that cannot be replayed', () => {
  it('ends the replay: those before it are compared, and the result says why there are no more', async () => {
    const system = begin();
    const task = comparedTask((n) => n);
    const unsafe = comparedTask((n) => n, { shadowSafe: false }, { name: 'unsafe' });
    await system.worker([task, unsafe]);
    const manager = await system.manager([task, unsafe]);
    const [good] = inputsOf(task, [1]) as [ReplayedInput];
    const problemOf = async (inputs: Iterable<ReplayedInput> | AsyncIterable<ReplayedInput>) => {
      const { problem, ...result } = await manager.replay(inputs);
      expect(result).toMatchObject({ submitted: 1, matched: 1, mismatched: 0, open: 0, isComplete: false });
      return problem;
    };
    expect(await problemOf([good, { task, input: { n: 'SECRET' } }, good])).toMatchObject({
      code: 'E_INVALID_PAYLOAD',
      message: expect.not.stringContaining('SECRET'),
    });
    expect(await problemOf([good, { task, input: { n: 1n } }])).toMatchObject({ name: /Error$/ });
    const foreign = { task: unsafe, input: { n: 1 } };
    const REFUSED = { code: 'E_INVALID_SUBMISSION', message: expect.stringContaining('shadowSafe: true') };
    expect(await problemOf([good, foreign])).toMatchObject(REFUSED);
    const unreadable = new Error('the source of inputs is gone');
    async function* ending(): AsyncGenerator<ReplayedInput> {
      yield good;
      throw unreadable;
    }
    expect(await problemOf(ending())).toBe(unreadable);
    async function* endingOddly(): AsyncGenerator<ReplayedInput> {
      yield good;
      throw null;
    }
    expect(await problemOf(endingOddly())).toMatchObject({
      message: 'The inputs end in an error.',
      cause: null,
    });
    await expect(manager.replay([foreign, good])).rejects.toMatchObject(REFUSED);
    expect((await settled(await system.connections(), 5)).pairs).toMatchObject([{ matched: 5 }]);
  });

  it('is none where a Redis is lost meanwhile: that is thrown, because a pair may be half made', async () => {
    const canary = await startRedis();
    const prefix = uniqueName('bull');
    const system = begin(
      {},
      { canary: { redisUrl: canary.url, prefix }, redis: { url: redisUrl(), commandTimeoutMs: 1500 } },
    );
    const task = comparedTask((n) => n);
    await system.worker([task]);
    const manager = await system.manager([task]);
    async function* losingCanary(): AsyncGenerator<ReplayedInput> {
      const [good] = inputsOf(task, [1]) as [ReplayedInput];
      yield good;
      await settled(await system.connections(), 1);
      canary.pause();
      yield good;
    }
    try {
      await expect(manager.replay(losingCanary())).rejects.toMatchObject({ code: 'E_REDIS_UNREACHABLE' });
    } finally {
      canary.resume();
    }
  });
});
