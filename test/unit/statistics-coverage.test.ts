import { describe, expect, it } from '@jest/globals';
import { observe } from '../../scripts/coverage/observation.ts';
import { binomial, randomOf } from '../../scripts/coverage/random.ts';
import { Tallies } from '../../scripts/coverage/tally.ts';

describe('the simulation of reports', () => {
  it.each([
    [5, 0.3],
    [400, 0.01],
    [10_001, 0.5],
    [50_000, 0.97],
  ])('draws binomial numbers: %i trials at %f', (trials, probability) => {
    const random = randomOf(trials);
    const draws = Array.from({ length: 3_000 }, () => binomial(random, trials, probability));
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
    const exact = trials * probability * (1 - probability);
    expect(Math.abs(mean - trials * probability)).toBeLessThan(4 * Math.sqrt(exact / draws.length));
    expect(Math.abs(variance / exact - 1)).toBeLessThan(0.12);
  });

  it('finds the intervals near their level, and hardly ever a failure, in few reports already', () => {
    const [first, reports] = [1_000_000, 100];
    const tallies = new Tallies();
    for (let seed = first; seed < first + reports; seed++) observe(seed, tallies);
    const shares = new Map(tallies.entries().map(([name, { hits, trials }]) => [name, hits / trials]));
    for (const interval of [
      'Wilson: error rate',
      "Wilson: canary's share",
      'Newcombe: difference of error rates',
      'Newcombe: mismatches beyond noise',
      'Clopper-Pearson: mismatch rate',
      'Bootstrap: ratio of medians',
    ]) {
      // Four standard errors of 100 reports are 8.7 %.
      const share = shares.get(`${interval}/all`) ?? 0;
      expect([`from seed ${first}`, interval, share > 0.86]).toEqual([`from seed ${first}`, interval, true]);
    }
    expect([`from seed ${first}`, (shares.get('verdict/failed') ?? 1) < 0.05]).toEqual([
      `from seed ${first}`,
      true,
    ]);
  });
});
