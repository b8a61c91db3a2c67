// The same shapes as in domain, which this folder does without: it knows numbers only.

/** An estimate with its 95 % interval. */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** How often each value was seen, by the lowest value of its HDR bucket of two significant digits, in microseconds. */
export type Buckets = ReadonlyMap<number, number>;
