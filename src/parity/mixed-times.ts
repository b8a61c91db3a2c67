import type { Interval } from '../domain/report.ts';
import type { Slice } from './slices.ts';

/** Finished runs of a slice for errors: with fewer it would hold one side only, by chance. */
export const FEWEST_OF_ERRORS = 20;
/** The same for shares: three times as much must be more than chance. */
export const FEWEST_OF_SHARES = 200;

/** Two-sided 0.001, the level that the ratio is tested at. */
const Z_OF_ERRORS = 3.29;
/** The largest and the smallest of many shares lie apart by chance, so more is asked of them: this, and more of many slices. */
const LEAST_Z_OF_SHARES = 5;
/** How often two of the shares may lie apart by chance. */
const LEVEL_OF_SHARES = 0.001;
const MOST_FACTOR = 3;

/**
 * How much of the difference of the error rates comes from the times at which the two backends worked, and not from the
 * backends: the difference of the whole window, minus that within its slices (Mantel and Haenszel's, weights n₁n₀ ÷ n).
 *
 * Source: S. Greenland and J. M. Robins, Biometrics 41 (1985), 55–68.
 *
 * @returns 0: no more than chance; Infinity: no slice holds both, so all of it may
 */
export function shiftByTime(slices: readonly Slice[]): number {
  const [n1, n0] = [
    sum(slices, ({ canary }) => canary.finished),
    sum(slices, ({ stable }) => stable.finished),
  ];
  if (slices.length < 2 || n1 === 0 || n0 === 0) return 0;
  const weights = slices.map(({ canary, stable }) =>
    canary.finished === 0 ? 0 : (canary.finished * stable.finished) / (canary.finished + stable.finished),
  );
  const all = weights.reduce((a, b) => a + b, 0);
  if (all === 0) return Number.POSITIVE_INFINITY;
  const canary = sideOf(slices.map((slice, i) => ({ ...slice.canary, weight: (weights[i] ?? 0) / all })));
  const stable = sideOf(slices.map((slice, i) => ({ ...slice.stable, weight: (weights[i] ?? 0) / all })));
  const shift = canary.shift - stable.shift;
  return Math.abs(shift) > Z_OF_ERRORS * Math.sqrt(canary.variance + stable.variance) ? shift : 0;
}

/** One side's rate of the whole window minus that of its slices; and its variance if the rate was the same in all of them. */
function sideOf(
  parts: readonly { readonly finished: number; readonly failed: number; readonly weight: number }[],
): { readonly shift: number; readonly variance: number } {
  const finished = parts.reduce((n, part) => n + part.finished, 0);
  const rate = parts.reduce((n, part) => n + part.failed, 0) / finished;
  let [shift, variance] = [0, 0];
  for (const part of parts) {
    if (part.finished === 0) continue;
    const surplus = part.finished / finished - part.weight;
    shift += (surplus * part.failed) / part.finished;
    variance += (surplus * surplus * rate * (1 - rate)) / part.finished;
  }
  return { shift, variance };
}

/** An interval of the difference within slices, about as wide as that of the whole window. */
export function withoutShift({ estimate, low, high }: Interval, shift: number): Interval {
  return { estimate: estimate - shift, low: low - shift, high: high - shift };
}

/**
 * The smallest and the largest share of canary in the runs of a slice.
 * @returns null: they are not three times apart, or no more than chance
 */
export function changedShare(
  slices: readonly Slice[],
): { readonly low: number; readonly high: number } | null {
  const large = slices
    .map(({ canary, stable }) => ({ canary: canary.finished, all: canary.finished + stable.finished }))
    .filter(({ all }) => all >= FEWEST_OF_SHARES)
    .sort((a, b) => a.canary / a.all - b.canary / b.all);
  const [least, most] = [large[0], large.at(-1)];
  if (!least || !most) return null;
  const [low, high] = [least.canary / least.all, most.canary / most.all];
  const both = (least.canary + most.canary) / (least.all + most.all);
  const deviation = Math.sqrt(both * (1 - both) * (1 / least.all + 1 / most.all));
  return high > MOST_FACTOR * low && high - low > zOfShares(large.length) * deviation ? { low, high } : null;
}

/** Two shares are z deviations apart with a chance below exp(−z² ÷ 2), and every slice makes a pair with every other. */
function zOfShares(slices: number): number {
  return Math.max(LEAST_Z_OF_SHARES, Math.sqrt(2 * Math.log((slices * slices) / 2 / LEVEL_OF_SHARES)));
}

function sum(slices: readonly Slice[], of: (slice: Slice) => number): number {
  return slices.reduce((total, slice) => total + of(slice), 0);
}
