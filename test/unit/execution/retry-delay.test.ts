import { describe, expect, it } from '@jest/globals';
import type { Backoff } from '../../../src/domain/task.ts';
import { retryDelayMs } from '../../../src/execution/retry-delay.ts';

const DAY_MS = 86_400_000;
const backoff = (change: Partial<Backoff>): Required<Backoff> => ({
  type: 'fixed',
  delayMs: 1000,
  maxDelayMs: DAY_MS,
  jitter: 0,
  ...change,
});
const delays = (change: Partial<Backoff>, failures: readonly number[], random = 0.5) =>
  failures.map((n) => retryDelayMs(backoff(change), n, random));

describe('retryDelayMs', () => {
  it('fixed: always the same', () => {
    expect(delays({}, [1, 2, 7, 1000])).toEqual([1000, 1000, 1000, 1000]);
  });

  it('exponential: doubles from the first failure on', () => {
    expect(delays({ type: 'exponential' }, [1, 2, 3, 4, 5])).toEqual([1000, 2000, 4000, 8000, 16_000]);
  });

  it('never longer than maxDelayMs, however many failures', () => {
    expect(delays({ type: 'exponential', maxDelayMs: 5000 }, [3, 4, 1000])).toEqual([4000, 5000, 5000]);
    expect(delays({ delayMs: 9000, maxDelayMs: 5000 }, [1])).toEqual([5000]);
    expect(delays({ type: 'exponential' }, [1001])).toEqual([DAY_MS]);
  });

  it('0 retries at once', () => {
    expect(delays({ type: 'exponential', delayMs: 0, jitter: 1 }, [1, 5, 1000])).toEqual([0, 0, 0]);
  });

  it('jitter takes a random share away and never adds', () => {
    const at = (random: number) => delays({ jitter: 0.2 }, [1], random)[0];
    expect([at(0), at(0.5), at(0.999_999)]).toEqual([1000, 900, 800]);
    expect(delays({ jitter: 1, type: 'exponential', maxDelayMs: 3000 }, [2, 3], 0.25)).toEqual([1500, 2250]);
  });

  it('is whole milliseconds', () => {
    expect(delays({ delayMs: 333, jitter: 0.1 }, [1], 0.1234)).toEqual([329]);
  });
});
