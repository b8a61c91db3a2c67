import { describe, expect, it } from '@jest/globals';
import type { Connections } from '../../src/manager/connections.ts';
import { plainClient, startRedis, waitFor } from '../support/redis.ts';
import { comparedTask, figuresOf, shadowScene } from '../support/shadow-scene.ts';

const task = comparedTask((n) => n, { shadowSafe: false });
const TIMES = 500;

const begin = shadowScene();

/** All draws that were counted, once so many submissions were. */
async function drawsOf(c: Connections, submissions: number) {
  const sums = async () => {
    const { runs } = await figuresOf(c);
    const sum = (of: (cell: (typeof runs)[number]) => number) =>
      runs.reduce((total, cell) => total + of(cell), 0);
    return {
      submitted: sum(({ counts }) => counts.submitted),
      tested: sum(({ counts }) => counts.randomised),
      expected: sum(({ counts }) => counts.expectedCanary),
      canary: sum(({ backend, counts }) => (backend === 'canary' ? counts.randomised : 0)),
    };
  };
  await waitFor(async () => (await sums()).submitted >= submissions, { what: 'all to be counted' });
  return sums();
}

describe('the draws that a ratio test looks at', () => {
  it.each([
    ['another ratio', 'ratio'],
    ['a freeze', 'freeze'],
  ] as const)('are the first ones, of one ratio, though %s comes in between', async (_, change) => {
    const [system, c] = await begin({}, { routing: { celeryRatio: 0.5 }, control: { pollMs: 600_000 } });
    const [manager, operator] = [await system.manager([task]), await system.manager([])];
    const changed =
      change === 'ratio'
        ? operator.setRatio(0.1, { reason: 'a test' })
        : operator.freeze({ reason: 'a test' });
    // Decided in this very turn, before the change can be known here.
    const handles = await Promise.all(Array.from({ length: TIMES }, (_, n) => manager.submit(task, { n })));
    await changed;
    const low = handles.filter(({ decision }) => decision.bucket < 0.5).length;
    expect(await drawsOf(c, TIMES)).toMatchObject({
      tested: TIMES,
      expected: TIMES * 0.5,
      canary: low,
    });
  });

  it('are those of canary, too, that it then did not take; none while it is left alone', async () => {
    const own = await startRedis();
    const canary = { redisUrl: own.url, prefix: 'draws' };
    const [system, c] = await begin({}, { routing: { celeryRatio: 0.5 }, canary });
    const manager = await system.manager([task]);
    await manager.submit(task, { n: 0 }, { backend: 'canary' });
    await plainClient(own.url).config('SET', 'maxmemory', '1');
    // One by one until canary was drawn and refused; from then on it is left alone for a second.
    let before = 0;
    for (; ; before++) {
      const { decision } = await manager.submit(task, { n: before });
      if (decision.reason === 'canary-down') break;
    }
    await Promise.all(Array.from({ length: 50 }, (_, n) => manager.submit(task, { n })));
    expect(await drawsOf(c, before + 52)).toMatchObject({
      tested: before + 1,
      expected: (before + 1) / 2,
      canary: 1,
    });
  });
});
