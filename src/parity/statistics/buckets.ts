import { build } from 'hdr-histogram-js';
import { bucketWidthOf } from '../../domain/aggregates.ts';
import type { Buckets } from './figures.ts';

const MICROSECONDS_PER_MS = 1000;

/** Adds up how often each value was seen. */
export function mergeBuckets(all: readonly Buckets[]): Buckets {
  if (all.length === 1 && all[0]) return all[0];
  const sum = new Map<number, number>();
  for (const buckets of all) {
    for (const [value, count] of buckets) sum.set(value, (sum.get(value) ?? 0) + count);
  }
  return sum;
}

/** How many values there are. */
export function sizeOf(buckets: Buckets): number {
  let size = 0;
  for (const count of buckets.values()) size += count;
  return size;
}

/**
 * In milliseconds, by HdrHistogram (Gil Tene): the middle of the bucket that the quantile falls into, so off by 2 % at most.
 *
 * @returns null: no values
 */
export function quantilesOf(buckets: Buckets): { p50: number; p95: number; p99: number } | null {
  if (sizeOf(buckets) === 0) return null;
  const histogram = build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
  for (const [value, count] of buckets) {
    histogram.recordValueWithCount(value + Math.floor(bucketWidthOf(value) / 2), count);
  }
  const at = (percent: number) => histogram.getValueAtPercentile(percent) / MICROSECONDS_PER_MS;
  return { p50: at(50), p95: at(95), p99: at(99) };
}

/** Values by their rank, read from buckets without unfolding them. */
export class RankedValues {
  readonly size: number;
  readonly #lowest: Float64Array;
  readonly #width: Float64Array;
  /** Values up to and with each bucket. */
  readonly #upTo: Float64Array;

  constructor(buckets: Buckets) {
    this.#lowest = Float64Array.from(buckets.keys()).sort();
    this.#width = this.#lowest.map(bucketWidthOf);
    let size = 0;
    this.#upTo = this.#lowest.map((value) => {
      size += buckets.get(value) ?? 0;
      return size;
    });
    this.size = size;
  }

  /**
   * The value, in microseconds, that a share of the values lies below. The values of a bucket are taken as spread evenly
   * over it. Costs the logarithm of the number of buckets.
   *
   * @param share between 0 and 1; there must be values
   */
  at(share: number): number {
    const rank = share * this.size;
    let low = 0;
    let high = this.#upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#upTo[middle] as number) < rank) low = middle + 1;
      else high = middle;
    }
    const before = low === 0 ? 0 : (this.#upTo[low - 1] as number);
    const within = (rank - before) / ((this.#upTo[low] as number) - before);
    // Values were rounded before they were counted, so a bucket begins half a microsecond below its lowest value.
    return Math.max(0, (this.#lowest[low] as number) - 0.5 + within * (this.#width[low] as number));
  }
}
