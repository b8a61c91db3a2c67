import { describe, expect, it } from '@jest/globals';
import { batched } from '../../../src/domain/batch.ts';
import { RedisUnreachableError } from '../../../src/domain/errors.ts';

/** Doubles numbers, and remembers the batches in which they came. */
function doubling(maxItems: number) {
  const batches: (readonly number[])[] = [];
  const double = batched<number, number>(
    async (items) => {
      batches.push(items);
      return items.map((n) => 2 * n);
    },
    { maxItems },
  );
  return { batches, double };
}

describe('batched', () => {
  it('passes calls of one turn on as one batch, each with its own answer', async () => {
    const { batches, double } = doubling(100);
    expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it('includes what is called in microtasks of the same turn', async () => {
    const { batches, double } = doubling(100);
    const later = Promise.resolve().then(() => double(2));
    await Promise.all([double(1), later]);
    expect(batches).toEqual([[1, 2]]);
  });

  it('begins a new batch afterwards', async () => {
    const { batches, double } = doubling(100);
    await double(1);
    await double(2);
    expect(batches).toEqual([[1], [2]]);
  });

  it('cuts at the limit, in order', async () => {
    const { batches, double } = doubling(2);
    expect(await Promise.all([1, 2, 3, 4, 5].map(double))).toEqual([2, 4, 6, 8, 10]);
    expect(batches).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('rejects the items of the batch that got no answer, and no others', async () => {
    const failing = batched<number, number>(
      async (items) => {
        if (items.includes(3)) throw new RedisUnreachableError('host:1', 'no answer', 'Wait.');
        return items;
      },
      { maxItems: 2 },
    );
    const results = await Promise.allSettled([1, 2, 3, 4].map(failing));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(await failing(5)).toBe(5);
  });

  it('takes a function that throws at once for one that rejects', async () => {
    const throwing = batched<number, number>(
      () => {
        throw new Error('at once');
      },
      { maxItems: 2 },
    );
    await expect(throwing(1)).rejects.toThrow('at once');
  });

  it('repeats a refused batch item by item, so that one bad item harms no other', async () => {
    const refusing = batched<number, number>(
      async (items) => {
        if (items.includes(3)) throw new Error('refused');
        return items;
      },
      { maxItems: 10 },
    );
    const results = await Promise.allSettled([1, 2, 3, 4].map(refusing));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('cuts at a mebibyte, and lets a single larger item through', async () => {
    const batches: number[] = [];
    const weigh = batched<number, number>(
      async (items) => {
        batches.push(items.length);
        return items;
      },
      { maxItems: 100, weightOf: (bytes) => bytes },
    );
    await Promise.all([600_000, 400_000, 600_000, 3_000_000, 1, 2].map(weigh));
    expect(batches).toEqual([2, 1, 1, 2]);
  });

  it('has at most sixteen batches under way; the others wait, and all are answered in order', async () => {
    let underWay = 0;
    let most = 0;
    const slow = batched<number, number>(
      async (items) => {
        most = Math.max(most, ++underWay);
        await new Promise(setImmediate);
        underWay -= 1;
        return items;
      },
      { maxItems: 1 },
    );
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    expect(await Promise.all(numbers.map(slow))).toEqual(numbers);
    expect(most).toBe(16);
  });
});
