import { expect, it } from '@jest/globals';
import { build } from 'hdr-histogram-js';
import { bucketOf } from '../../src/domain/aggregates.ts';

it('has the buckets of HdrHistogram at two significant digits', () => {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 1e12,
    numberOfSignificantValueDigits: 2,
    bitBucketSize: 64,
    useWebAssembly: false,
  });
  const values = [0, 1, 255, 256, 257, 511, 512, 1000, 12_345, 999_999, 123_456_789, 604_800_000_000];
  for (let value = 1; value < 1e12; value = Math.ceil(value * 1.37)) values.push(value);
  for (const value of values) {
    const library = (
      histogram as unknown as { lowestEquivalentValue(value: number): number }
    ).lowestEquivalentValue(value);
    expect([value, bucketOf(value)]).toEqual([value, library]);
  }
});
