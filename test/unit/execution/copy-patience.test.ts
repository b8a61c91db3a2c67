import { describe, expect, it } from '@jest/globals';
import type { Backoff } from '../../../src/domain/task.ts';
import { copyPatienceMs, copyTtlSeconds } from '../../../src/execution/copy-patience.ts';

const DAY_MS = 86_400_000;
const taskWith = (retries: number, change: Partial<Backoff> = {}) => ({
  retries,
  backoff: { type: 'fixed', delayMs: 1000, maxDelayMs: DAY_MS, jitter: 0, ...change } as const,
});

describe('copyPatienceMs', () => {
  it('without retries is the deadline', () => {
    expect(copyPatienceMs(taskWith(0), 300)).toBe(300_000);
    expect(copyPatienceMs(taskWith(0, { type: 'exponential' }), 1)).toBe(1000);
  });

  it('adds the pause before each further try', () => {
    expect(copyPatienceMs(taskWith(1), 60)).toBe(61_000);
    expect(copyPatienceMs(taskWith(7), 60)).toBe(67_000);
    expect(copyPatienceMs(taskWith(4, { type: 'exponential' }), 60)).toBe(60_000 + 15_000);
    expect(copyPatienceMs(taskWith(4, { type: 'exponential', maxDelayMs: 3000 }), 60)).toBe(60_000 + 9000);
  });

  it('takes pauses at their longest: jitter only makes them shorter', () => {
    expect(copyPatienceMs(taskWith(3, { jitter: 1 }), 60)).toBe(63_000);
  });

  it('retries at once cost no time, however many', () => {
    expect(copyPatienceMs(taskWith(1000, { delayMs: 0 }), 60)).toBe(60_000);
  });

  it('is a day at most, by its deadline as by its pauses', () => {
    expect(copyPatienceMs(taskWith(0), 86_399)).toBe(DAY_MS - 1000);
    expect(copyPatienceMs(taskWith(0), 200_000)).toBe(DAY_MS);
    expect(copyPatienceMs(taskWith(2, { delayMs: DAY_MS / 2 }), 60)).toBe(DAY_MS);
    expect(copyPatienceMs(taskWith(1000, { type: 'exponential' }), 60)).toBe(DAY_MS);
  });
});

describe('copyTtlSeconds', () => {
  it('is two minutes longer than twice the patience: the other side may begin late, and a pair be settled after that', () => {
    expect(copyTtlSeconds(taskWith(0), 300)).toBe(720);
    expect(copyTtlSeconds(taskWith(2), 300)).toBe(724);
    expect(copyTtlSeconds(taskWith(0), 200_000)).toBe(2 * 86_400 + 120);
  });

  it('is whole seconds, as Redis takes them, and never a part of one too short', () => {
    expect(copyTtlSeconds(taskWith(1, { delayMs: 1 }), 60)).toBe(241);
    expect(copyTtlSeconds(taskWith(1, { delayMs: 999 }), 60)).toBe(242);
  });
});
