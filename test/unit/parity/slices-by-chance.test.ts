import { describe, expect, it } from '@jest/globals';
import { changedShare } from '../../../src/parity/mixed-times.ts';
import type { Slice } from '../../../src/parity/slices.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const sliceOf = (canary: number, all: number): Slice => ({
  canary: { finished: canary, failed: 0 },
  stable: { finished: all - canary, failed: 0 },
});

describe('the shares of many slices', () => {
  it('lie far apart by chance in a month of five minutes, and nothing is made of it', () => {
    const seed = 23;
    const random = seededRandom(seed);
    const drawn = () => Array.from({ length: 200 }, random).filter((x) => x < 0.1).length;
    const slices = Array.from({ length: 8_640 }, () => sliceOf(drawn(), 200));
    const shares = slices.map(({ canary }) => canary.finished / 200);
    const [low, high] = [Math.min(...shares), Math.max(...shares)];
    const both = (low + high) / 2;
    // As far as would be called a change among a few slices.
    const z = (high - low) / Math.sqrt((both * (1 - both) * 2) / 200);
    expect([seed, z > 5, high > 3 * low]).toEqual([seed, true, true]);
    expect([seed, changedShare(slices)]).toEqual([seed, null]);
  });

  it('have changed where one hour of the month was sent otherwise', () => {
    const slices = Array.from({ length: 8_640 }, (_, i) => sliceOf(i > 99 && i < 112 ? 200 : 20, 400));
    expect(changedShare(slices)).toEqual({ low: 0.05, high: 0.5 });
  });
});
