import { describe, expect, it } from '@jest/globals';
import { binomialCdf, chiSquaredTail, Z } from '../../src/parity/statistics/distributions.ts';
import {
  clopperPearson,
  newcombe,
  trialsToExclude,
  wilson,
} from '../../src/parity/statistics/proportions.ts';
import { sampleRatioTest } from '../../src/parity/statistics/sample-ratio.ts';
import { seededRandom } from '../support/seeded-random.ts';

// Newcombe, Statistics in Medicine 17 (1998), 857–872, table I: the methods 3 (score) and 5 (Clopper and Pearson).
const SINGLE = [
  { events: 81, trials: 263, score: [0.2553, 0.3662], exact: [0.2527, 0.3676] },
  { events: 15, trials: 148, score: [0.0624, 0.1605], exact: [0.0578, 0.1617] },
  { events: 0, trials: 20, score: [0, 0.1611], exact: [0, 0.1684] },
  { events: 1, trials: 29, score: [0.0061, 0.1718], exact: [0.0009, 0.1776] },
] as const;

// Newcombe, Statistics in Medicine 17 (1998), 873–890, table II, method 10.
const DIFFERENCES = [
  [56, 70, 48, 80, 0.0524, 0.3339],
  [9, 10, 3, 10, 0.1705, 0.809],
  [6, 7, 2, 7, 0.0582, 0.8062],
  [5, 56, 0, 29, -0.0381, 0.1926],
  [0, 10, 0, 20, -0.1611, 0.2775],
  [0, 10, 0, 10, -0.2775, 0.2775],
  [10, 10, 0, 20, 0.6791, 1],
  [10, 10, 0, 10, 0.6075, 1],
] as const;

/** A published figure has four digits behind the point. */
const DIGITS = 4;

describe('intervals of a share', () => {
  it.each(SINGLE)('Wilson and Clopper-Pearson agree with the published table: $events of $trials', (row) => {
    const score = wilson(row);
    const exact = clopperPearson(row);
    expect(score?.low).toBeCloseTo(row.score[0], DIGITS);
    expect(score?.high).toBeCloseTo(row.score[1], DIGITS);
    expect(exact?.low).toBeCloseTo(row.exact[0], DIGITS);
    expect(exact?.high).toBeCloseTo(row.exact[1], DIGITS);
  });

  it.each([
    ['wilson', wilson],
    ['clopperPearson', clopperPearson],
  ] as const)('%s says nothing of no trials, and is exactly 0 and 1 at the ends', (_, interval) => {
    expect(interval({ events: 0, trials: 0 })).toBeNull();
    expect(interval({ events: 0, trials: 7 })?.low).toBe(0);
    expect(interval({ events: 0, trials: 7 })?.high).toBeLessThan(1);
    expect(interval({ events: 7, trials: 7 })?.high).toBe(1);
    expect(interval({ events: 7, trials: 7 })?.low).toBeGreaterThan(0);
  });

  it('Clopper-Pearson of 0 of n has a closed form, also for many', () => {
    for (const trials of [1, 10, 1_000, 1_000_000, 100_000_000]) {
      const closed = -Math.expm1(Math.log(0.025) / trials);
      expect((clopperPearson({ events: 0, trials })?.high ?? 0) / closed).toBeCloseTo(1, 6);
    }
  });

  it('an interval holds its estimate, turns around with its events, and narrows with more of them', () => {
    const seed = 20_260_401;
    const random = seededRandom(seed);
    for (let i = 0; i < 500; i++) {
      const trials = 1 + Math.floor(random() * 5_000);
      const events = Math.floor(random() * (trials + 1));
      const where = `seed ${seed}, ${events} of ${trials}`;
      for (const interval of [wilson, clopperPearson]) {
        const one = interval({ events, trials });
        const mirrored = interval({ events: trials - events, trials });
        const more = interval({ events: events * 10, trials: trials * 10 });
        if (!one || !mirrored || !more) throw new Error(where);
        expect([where, one.low <= one.estimate, one.estimate <= one.high]).toEqual([where, true, true]);
        expect([where, one.low >= 0, one.high <= 1]).toEqual([where, true, true]);
        expect(1 - mirrored.high).toBeCloseTo(one.low, 7);
        expect([where, more.high - more.low < one.high - one.low]).toEqual([where, true]);
      }
    }
  });

  it('says how many trials without an event it takes at best', () => {
    for (const limit of [0.5, 0.05, 0.01, 0.001]) {
      const trials = trialsToExclude(limit);
      expect(wilson({ events: 0, trials })?.high).toBeLessThanOrEqual(limit);
      expect(wilson({ events: 0, trials: trials - 1 })?.high).toBeGreaterThan(limit);
    }
    expect(trialsToExclude(0)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('interval of a difference of two shares', () => {
  it.each(DIFFERENCES)('Newcombe agrees with the published table: %i/%i - %i/%i', (a, m, b, n, low, high) => {
    const interval = newcombe({ events: a, trials: m }, { events: b, trials: n });
    expect(interval?.estimate).toBeCloseTo(a / m - b / n, 12);
    expect(interval?.low).toBeCloseTo(low, DIGITS);
    expect(interval?.high).toBeCloseTo(high, DIGITS);
  });

  it('says nothing while one side has no trials', () => {
    expect(newcombe({ events: 0, trials: 0 }, { events: 0, trials: 5 })).toBeNull();
    expect(newcombe({ events: 0, trials: 5 }, { events: 0, trials: 0 })).toBeNull();
  });

  it('turns around with its two sides', () => {
    const seed = 7;
    const random = seededRandom(seed);
    for (let i = 0; i < 200; i++) {
      const side = () => {
        const trials = 1 + Math.floor(random() * 900);
        return { events: Math.floor(random() * (trials + 1)), trials };
      };
      const [a, b] = [side(), side()];
      const one = newcombe(a, b);
      const other = newcombe(b, a);
      expect([seed, one?.low.toFixed(12)]).toEqual([seed, (-(other?.high ?? 9)).toFixed(12)]);
    }
  });
});

describe('distributions', () => {
  it('have the values of the published tables', () => {
    // NIST/SEMATECH e-Handbook, 1.3.6.7.1 and 1.3.6.7.4.
    expect(Z).toBeCloseTo(1.959964, 6);
    expect(chiSquaredTail(3.841)).toBeCloseTo(0.05, DIGITS);
    expect(chiSquaredTail(6.635)).toBeCloseTo(0.01, DIGITS);
    expect(chiSquaredTail(10.828)).toBeCloseTo(0.001, 5);
    expect(chiSquaredTail(0)).toBe(1);
    expect(chiSquaredTail(1e6)).toBe(0);
  });

  it('count a binomial chance as its sum does', () => {
    // 10 flips of a coin: at most 2 heads in (1 + 10 + 45) of 1,024 cases.
    expect(binomialCdf(2, 10, 0.5)).toBeCloseTo(56 / 1024, 9);
    expect([binomialCdf(-1, 10, 0.5), binomialCdf(10, 10, 0.5)]).toEqual([0, 1]);
    expect([binomialCdf(3, 10, 0), binomialCdf(3, 10, 1)]).toEqual([1, 0]);
  });
});

describe('sample ratio mismatch', () => {
  it("finds the published example's p-value", () => {
    // Kohavi, Tang and Xu, Trustworthy Online Controlled Experiments (2020), chapter 21: p = 1.8e-6.
    const observed = 821_588;
    const tested = observed + 815_482;
    const test = sampleRatioTest({ tested, observed, expected: tested / 2, variance: tested / 4 });
    expect(test?.pValue).toBeGreaterThan(1.75e-6);
    expect(test?.pValue).toBeLessThan(1.85e-6);
  });

  it('takes each submission with the ratio that was in force', () => {
    // 10,000 at 1 %, then 10,000 at 50 %: the average of 25.5 % would have a variance of 3,800 instead of 2,599.
    const counts = { tested: 20_000, expected: 5_100, variance: 99 + 2_500 };
    expect(sampleRatioTest({ ...counts, observed: 5_100 })).toEqual({ chiSquared: 0, pValue: 1 });
    expect(sampleRatioTest({ ...counts, observed: 5_100 + 170 })?.chiSquared).toBeCloseTo(
      170 ** 2 / 2_599,
      9,
    );
    expect(sampleRatioTest({ ...counts, observed: 5_100 + 170 })?.pValue).toBeLessThan(0.001);
  });

  it('has nothing to test where nothing was left to chance', () => {
    expect(sampleRatioTest({ tested: 0, observed: 0, expected: 0, variance: 0 })).toBeNull();
    expect(sampleRatioTest({ tested: 500, observed: 0, expected: 0, variance: 0 })).toBeNull();
    expect(sampleRatioTest({ tested: 500, observed: 500, expected: 500 - 1e-9, variance: 1e-9 })).toBeNull();
  });

  it('calls it impossible when the ratio was 0 and yet some went to canary', () => {
    const test = sampleRatioTest({ tested: 500, observed: 3, expected: 0, variance: 0 });
    expect(test?.pValue).toBe(0);
    expect(JSON.parse(JSON.stringify(test))).toEqual(test);
  });

  it('raises no false alarm over a handful, as chi-squared would', () => {
    // One is expected: five are rare (0.4 %), though chi-squared gives them 0.006 %.
    const few = { tested: 100, expected: 1, variance: 0.99 };
    expect(sampleRatioTest({ ...few, observed: 5 })?.pValue).toBeGreaterThan(0.001);
    expect(sampleRatioTest({ ...few, observed: 12 })?.pValue).toBeLessThan(0.001);
    expect(sampleRatioTest({ ...few, observed: 1 })?.pValue).toBe(1);
  });
});
