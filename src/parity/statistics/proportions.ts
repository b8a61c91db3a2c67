import { betaQuantile, TAIL, Z } from './distributions.ts';
import type { Interval } from './figures.ts';

/** How many of how many. */
export interface Share {
  readonly events: number;
  readonly trials: number;
}

/**
 * 95 % score interval of a binomial share; never beyond 0 and 1, and of some width even at 0 of n and n of n.
 *
 * Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209–212.
 * Vectors: R. G. Newcombe, Statistics in Medicine 17 (1998), 857–872, table I, method 3: 81/263 → 0.2553 to 0.3662.
 *
 * @returns null: no trials
 */
export function wilson({ events, trials }: Share): Interval | null {
  if (trials === 0) return null;
  const estimate = events / trials;
  const square = Z * Z;
  const center = events + square / 2;
  const reach = Z * Math.sqrt(events * (1 - estimate) + square / 4);
  return {
    estimate,
    low: events === 0 ? 0 : (center - reach) / (trials + square),
    high: events === trials ? 1 : (center + reach) / (trials + square),
  };
}

/**
 * 95 % interval of a binomial share that holds the truth at least that often, whatever the truth is; wider for it.
 *
 * Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), 404–413, in its form of Beta quantiles.
 * Vectors: Newcombe, as for Wilson's, method 5: 81/263 → 0.2527 to 0.3676; 0/20 → 0 to 0.1684.
 *
 * @returns null: no trials
 */
export function clopperPearson({ events, trials }: Share): Interval | null {
  if (trials === 0) return null;
  return {
    estimate: events / trials,
    low: events === 0 ? 0 : betaQuantile(TAIL, events, trials - events + 1),
    high: events === trials ? 1 : betaQuantile(1 - TAIL, events + 1, trials - events),
  };
}

/**
 * 95 % interval of the first share minus the second, of two independent samples.
 *
 * Source: R. G. Newcombe, Statistics in Medicine 17 (1998), 873–890, method 10: the two Wilson intervals put together.
 * Vectors: its table II: 56/70 − 48/80 → 0.0524 to 0.3339; 0/10 − 0/20 → −0.1611 to 0.2775.
 *
 * @returns null: one of them has no trials
 */
export function newcombe(first: Share, second: Share): Interval | null {
  const a = wilson(first);
  const b = wilson(second);
  if (!a || !b) return null;
  const estimate = a.estimate - b.estimate;
  return {
    estimate,
    low: estimate - Math.hypot(a.estimate - a.low, b.high - b.estimate),
    high: estimate + Math.hypot(a.high - a.estimate, b.estimate - b.low),
  };
}

/**
 * The fewest trials after which Wilson's interval of no event at all ends at the limit: what it takes at best to show that
 * a share is not larger.
 *
 * @returns Infinity: the limit is 0
 */
export function trialsToExclude(limit: number): number {
  return limit <= 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil((Z * Z * (1 - limit)) / limit));
}
