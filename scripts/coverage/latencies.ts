import { bucketOf } from '../../src/domain/aggregates.ts';
import { logUniform, normal, type Random } from './random.ts';

/** What run times look like in practice. `clocked`: as by a clock of whole milliseconds. */
export const SHAPES = ['log-normal', 'exponential', 'two peaks', 'heavy tail', 'clocked'] as const;

export type Shape = (typeof SHAPES)[number];

/** Draws one run time in microseconds. */
export function latencyOf(shape: Shape, random: Random): () => number {
  const scale = logUniform(random, 300, 10_000_000);
  const spread = 0.1 + random() * 1.2;
  const logNormal = () => scale * Math.exp(spread * normal(random));
  switch (shape) {
    case 'log-normal':
      return logNormal;
    case 'exponential':
      return () => -scale * Math.log(1 - random());
    case 'two peaks': {
      // Like a cache: a share of the runs is much quicker than the others.
      const quick = 0.1 + 0.8 * random();
      const factor = 2 + 8 * random();
      return () => (random() < quick ? logNormal() / factor : logNormal());
    }
    case 'heavy tail': {
      // Pareto with a finite mean, and often without a finite variance.
      const alpha = 1.1 + 2 * random();
      return () => scale * (1 - random()) ** (-1 / alpha);
    }
    case 'clocked': {
      const few = logUniform(random, 2_000, 50_000) / scale;
      return () => Math.max(1, Math.round((few * logNormal()) / 1000)) * 1000;
    }
  }
}

/** Counted as production counts. */
export function bucketsOf(size: number, draw: () => number): Map<number, number> {
  const buckets = new Map<number, number>();
  for (let i = 0; i < size; i++) {
    const bucket = bucketOf(draw());
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  }
  return buckets;
}
