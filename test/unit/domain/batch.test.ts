import { describe, expect, it } from '@jest/globals';
import { batched } from '../../../src/domain/batch.ts';

/** Doubles numbers, and remembers the batches in which they came. */
function doubling(maxItems: number) {
  const batches: (readonly number[])[] = [];
  const double = batched<number, number>(async (items) => {
    batches.push(items);
    return items.map((n) => 2 * n);
  }, maxItems);
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

  it('rejects the items of the batch that failed, and no others', async () => {
    const failing = batched<number, number>(async (items) => {
      if (items.includes(3)) throw new Error('no answer');
      return items;
    }, 2);
    const results = await Promise.allSettled([1, 2, 3, 4].map(failing));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(await failing(5)).toBe(5);
  });

  it('takes a function that throws at once for one that rejects', async () => {
    const throwing = batched<number, number>(() => {
      throw new Error('at once');
    }, 2);
    await expect(throwing(1)).rejects.toThrow('at once');
  });
});
