import { describe, expect, it } from '@jest/globals';
import { bucketOf, bucketWidthOf } from '../../src/domain/aggregates.ts';

describe('bucketOf', () => {
  it.each([
    [0, 0],
    [1, 1],
    [63, 63],
    [64, 64],
    [65, 64],
    [66, 66],
    [127, 126],
    [128, 128],
    [131, 128],
    [132, 132],
    [1_000, 992],
    [1_000_000, 999_424],
    [0.4, 0],
    [-3, 0],
  ])('%d is in the bucket of %d', (value, lowest) => {
    expect(bucketOf(value)).toBe(lowest);
  });

  it('is a bucket of its own for every value, 3 % wide at most, up to a week in microseconds', () => {
    for (let value = 1; value < 7 * 86_400e6; value = Math.ceil(value * 1.013)) {
      const lowest = bucketOf(value);
      const width = bucketWidthOf(value);
      expect(bucketOf(lowest)).toBe(lowest);
      expect(bucketOf(lowest + width - 1)).toBe(lowest);
      expect(bucketOf(lowest + width)).toBe(lowest + width);
      expect(bucketWidthOf(lowest)).toBe(width);
      expect(Math.max(0, width - 1) / value).toBeLessThan(1 / 32);
    }
  });
});
