import { binomialCdf, chiSquaredTail } from './distributions.ts';

/** Below it the count is not normally distributed, and chi-squared would raise false alarms. */
const SMALLEST_VARIANCE = 10;
/** What adding up ratios may be off by. */
const ROUNDING = 1e-6;

export interface RandomisedCounts {
  /** Submissions that were randomised. */
  readonly tested: number;
  /** Of them on canary. */
  readonly observed: number;
  /** Sum of the ratios that were in force. */
  readonly expected: number;
  /** Sum of ratio × (1 − ratio). */
  readonly variance: number;
}

/**
 * Sample ratio mismatch: could the randomisation have led to this many on canary? Each submission had a ratio of its own,
 * so the count is Poisson-binomial, and (observed − expected)² / variance is chi-squared with one degree of freedom. With one
 * ratio for all this is Pearson's test of two cells.
 *
 * Vector: R. Kohavi, D. Tang and Y. Xu, Trustworthy Online Controlled Experiments (2020), chapter 21: 821,588 against 815,482
 * at even odds → p = 1.8e-6.
 *
 * Where the variance is below 10, the p-value is that of the binomial test with the average ratio, twice its smaller tail. It
 * errs to the side of no alarm: W. Hoeffding, Annals of Mathematical Statistics 27 (1956), 713–721, shows that ratios which
 * differ only make far values rarer.
 *
 * @returns null: nothing was left to chance, so there is nothing to test
 */
export function sampleRatioTest(counts: RandomisedCounts): { chiSquared: number; pValue: number } | null {
  const { tested, observed, expected, variance } = counts;
  if (tested === 0) return null;
  const distance = observed - expected;
  const isCertain = variance <= ROUNDING * tested;
  if (isCertain && Math.abs(distance) <= ROUNDING * tested) return null;
  // All at 0 or at 1, and yet some went the other way: no chance at all, and a finite number that JSON can hold.
  if (isCertain) return { chiSquared: Number.MAX_SAFE_INTEGER, pValue: 0 };
  const chiSquared = (distance * distance) / variance;
  if (variance >= SMALLEST_VARIANCE) return { chiSquared, pValue: chiSquaredTail(chiSquared) };
  const ratio = expected / tested;
  const atMost = binomialCdf(observed, tested, ratio);
  const atLeast = 1 - binomialCdf(observed - 1, tested, ratio);
  return { chiSquared, pValue: Math.min(1, 2 * Math.min(atMost, atLeast)) };
}
