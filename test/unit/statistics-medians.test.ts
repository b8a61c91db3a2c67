import { describe, expect, it } from '@jest/globals';
import { bucketOf } from '../../src/domain/aggregates.ts';
import { mergeBuckets, quantilesOf, RankedValues, sizeOf } from '../../src/parity/statistics/buckets.ts';
import { compareMedians, resampledRank } from '../../src/parity/statistics/medians.ts';
import { randomFrom } from '../../src/parity/statistics/random.ts';
import { seededRandom } from '../support/seeded-random.ts';

function bucketsOf(values: readonly number[]): Map<number, number> {
  const buckets = new Map<number, number>();
  for (const value of values) buckets.set(bucketOf(value), (buckets.get(bucketOf(value)) ?? 0) + 1);
  return buckets;
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
}

describe('ranked values', () => {
  it('give the value at any rank, in whatever order the buckets come', () => {
    const values = new RankedValues(
      new Map([
        [20, 1],
        [5, 2],
        [9, 0],
        [10, 1],
      ]),
    );
    expect(values.size).toBe(4);
    expect([0.01, 0.49].map((share) => Math.round(values.at(share)))).toEqual([5, 5]);
    expect([0.51, 0.74].map((share) => Math.floor(values.at(share) + 0.5))).toEqual([10, 10]);
    expect(Math.floor(values.at(0.99) + 0.5)).toBe(20);
  });

  it('merge, count, and are read as quantiles in milliseconds', () => {
    const merged = mergeBuckets([bucketsOf([1_000, 2_000]), bucketsOf([2_000, 50_000]), new Map()]);
    expect([...merged].sort(([a], [b]) => a - b)).toEqual([
      [bucketOf(1_000), 1],
      [bucketOf(2_000), 2],
      [bucketOf(50_000), 1],
    ]);
    expect(sizeOf(merged)).toBe(4);
    const quantiles = quantilesOf(merged);
    expect(Math.abs((quantiles?.p50 ?? 0) / 2 - 1)).toBeLessThan(0.02);
    for (const p of [quantiles?.p95 ?? 0, quantiles?.p99 ?? 0])
      expect(Math.abs(p / 50 - 1)).toBeLessThan(0.02);
    expect(quantilesOf(new Map())).toBeNull();
  });
});

describe('a resampled rank', () => {
  it('has the mean and the variance of the Beta distribution', () => {
    for (const size of [1, 2, 7, 100, 1_000_000]) {
      const random = randomFrom(`moments of ${size}`);
      const ranks = Array.from({ length: 20_000 }, () => resampledRank(size, random));
      const exact = Math.sqrt(1 / (4 * (size + 2)));
      expect([size, Math.abs(deviation(ranks) / exact - 1) < 0.02]).toEqual([size, true]);
      const mean = ranks.reduce((sum, x) => sum + x, 0) / ranks.length;
      expect([size, Math.abs(mean - 0.5) < (4 * exact) / Math.sqrt(20_000)]).toEqual([size, true]);
      expect(ranks.every((rank) => rank > 0 && rank < 1)).toBe(true);
    }
  });

  it("has the published standard error of the mice's median", () => {
    // Efron and Tibshirani, An Introduction to the Bootstrap (1993), tables 1.1 and 2.1: 37.83 with infinitely many draws.
    const mice = new RankedValues(bucketsOf([94, 197, 16, 38, 99, 141, 23]));
    expect(Math.abs(mice.at(0.5) - 94)).toBeLessThan(2);
    const random = randomFrom('mice');
    const medians = Array.from({ length: 40_000 }, () => mice.at(resampledRank(mice.size, random)));
    expect(Math.abs(deviation(medians) - 37.83)).toBeLessThan(0.6);
  });
});

describe('comparing two medians', () => {
  const around = (center: number, seed: number, size = 400) => {
    const random = seededRandom(seed);
    return bucketsOf(Array.from({ length: size }, () => center * (0.5 + random())));
  };

  it('answers the same for the same, and hardly another for another seed', () => {
    const first = compareMedians(around(20_000, 1), around(10_000, 2), 'task a');
    expect(compareMedians(around(20_000, 1), around(10_000, 2), 'task a')).toEqual(first);
    const other = compareMedians(around(20_000, 1), around(10_000, 2), 'task b');
    expect(other).not.toEqual(first);
    expect(other?.ratio?.estimate).toBe(first?.ratio?.estimate);
    expect(Math.abs((other?.ratio?.low ?? 0) - (first?.ratio?.low ?? 9))).toBeLessThan(0.02);
  });

  it('holds the ratio and the difference that the samples were made with', () => {
    const compared = compareMedians(around(20_000, 3, 5_000), around(10_000, 4, 5_000), 'x');
    expect(compared?.ratio?.low).toBeLessThan(2);
    expect(compared?.ratio?.low).toBeGreaterThan(1.9);
    expect(compared?.ratio?.high).toBeGreaterThan(2);
    expect(compared?.ratio?.high).toBeLessThan(2.1);
    expect(compared?.differenceMs.low).toBeLessThan(10);
    expect(compared?.differenceMs.high).toBeGreaterThan(10);
  });

  it('does without the runs: a million in a few buckets is as quick and narrower', () => {
    const many = new Map([...around(10_000, 5)].map(([value, count]) => [value, count * 10_000] as const));
    const few = compareMedians(around(10_000, 5), around(10_000, 5), 'x')?.ratio;
    const lots = compareMedians(many, many, 'x')?.ratio;
    expect((lots?.high ?? 9) - (lots?.low ?? 0)).toBeLessThan(((few?.high ?? 0) - (few?.low ?? 0)) / 20);
  });

  it('says nothing of fewer than six values, and gives no ratio to a median of zero', () => {
    const five = bucketsOf([1, 2, 3, 4, 5].map((ms) => ms * 1000));
    const six = bucketsOf([1, 2, 3, 4, 5, 6].map((ms) => ms * 1000));
    expect(compareMedians(five, six, 'x')).toBeNull();
    expect(compareMedians(six, five, 'x')).toBeNull();
    expect(compareMedians(six, six, 'x')?.ratio?.estimate).toBe(1);
    const zero = new Map([[0, 50]]);
    expect(compareMedians(six, zero, 'x')?.ratio).toBeNull();
    expect(compareMedians(six, zero, 'x')?.differenceMs.estimate).toBeCloseTo(3.5, 0);
    expect(compareMedians(zero, six, 'x')?.ratio?.estimate).toBeLessThan(0.001);
  });

  it('of one bucket on either side stays within the resolution of the buckets', () => {
    const ratio = compareMedians(new Map([[5_120, 200]]), new Map([[5_120, 300]]), 'x')?.ratio;
    expect(ratio?.estimate).toBe(1);
    expect(ratio?.low).toBeGreaterThan(0.99);
    expect(ratio?.high).toBeLessThan(1.01);
  });
});
