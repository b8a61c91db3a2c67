import jstat from 'jstat';

/** Every interval of the report is to hold the truth this often. */
export const LEVEL = 0.95;

/** What may lie outside an interval at either end. */
export const TAIL = (1 - LEVEL) / 2;

/** The normal distribution's quantile for a two-sided interval of `LEVEL`: 1.959964. */
export const Z: number = jstat.normal.inv(1 - TAIL, 0, 1);

/** The value that a Beta(alpha, beta) variable stays below with this probability. */
export function betaQuantile(probability: number, alpha: number, beta: number): number {
  return jstat.beta.inv(probability, alpha, beta);
}

/** Chance of at most `events` in `trials` independent trials of one probability. */
export function binomialCdf(events: number, trials: number, probability: number): number {
  if (events < 0) return 0;
  if (events >= trials || probability <= 0) return 1;
  if (probability >= 1) return 0;
  return jstat.beta.cdf(1 - probability, trials - events, events + 1);
}

/**
 * Chance that a chi-squared variable of one degree of freedom is at least this large.
 * Vectors: NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.4: 3.841 → 0.05, 6.635 → 0.01, 10.828 → 0.001.
 */
export function chiSquaredTail(chiSquared: number): number {
  return Math.max(0, 1 - jstat.chisquare.cdf(chiSquared, 1));
}
