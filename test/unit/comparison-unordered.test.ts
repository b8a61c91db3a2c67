import { describe, expect, it } from '@jest/globals';
import type { ParityOptions } from '../../src/domain/parity.ts';
import { compared, mismatchOf, summary } from '../support/compared.ts';
import { seededRandom } from '../support/seeded-random.ts';

type Case = readonly [stable: unknown, canary: unknown, options: ParityOptions, expected: readonly string[]];

const TAGS = { unordered: ['/tags'] };
const NEAR = { unordered: [''], tolerance: { absolute: 0.1 } };

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

describe('unordered arrays', () => {
  it.each<Case>([
    [{ tags: ['a', 'b', 'c'] }, { tags: ['c', 'a', 'b'] }, TAGS, ['match']],
    [
      { tags: ['a', 'b'] },
      { tags: ['b', 'a'] },
      {},
      ['value', '/tags/0 changed: "a" -> "b"', '/tags/1 changed: "b" -> "a"'],
    ],
    [{ tags: ['a', 'a', 'b'] }, { tags: ['a', 'b', 'b'] }, TAGS, ['value', '/tags/1 changed: "a" -> "b"']],
    [{ tags: ['a', 'b', 'c'] }, { tags: ['c', 'a'] }, TAGS, ['value', '/tags/1 removed: "b" -> null']],
    [
      { tags: ['a'] },
      { tags: ['c', 'a', 'b'] },
      TAGS,
      ['value', '/tags/1 added: null -> "c"', '/tags/2 added: null -> "b"'],
    ],
    [{ tags: [1, '1', null, [1]] }, { tags: [[1], null, '1', 1] }, TAGS, ['match']],
    [{ tags: [{ a: 1, b: 2 }, {}] }, { tags: [{}, { b: 2, a: 1 }] }, TAGS, ['match']],
    [{ tags: { x: 1 } }, { tags: { x: 1 } }, TAGS, ['match']],
    // Two of each, so that none finds its partner only because nobody else is left.
    [
      [
        [1, 2],
        [4, 5],
      ],
      [
        [5, 4],
        [2, 1],
      ],
      { unordered: ['', '/*'] },
      ['match'],
    ],
    [
      [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ],
      [
        { b: 4, a: 3 },
        { b: 2, a: 1 },
      ],
      { unordered: [''] },
      ['match'],
    ],
    [{ tags: [0, 1] }, { tags: [1, JSON.parse('-0')] }, TAGS, ['match']],
    [[[1, 2], [3]], [[3], [2, 1]], { unordered: ['', '/*'] }, ['match']],
    [
      [[1, 2], [3]],
      [[3], [2, 1]],
      { unordered: [''] },
      ['value', '/0/0 changed: 1 -> 2', '/0/1 changed: 2 -> 1'],
    ],
    [
      [
        { id: 1, t: 'a' },
        { id: 2, t: 'b' },
      ],
      [
        { id: 3, t: 'b' },
        { id: 4, t: 'a' },
      ],
      { unordered: [''], ignore: ['/*/id'] },
      ['match'],
    ],
    [
      [
        { id: 1, t: 'a' },
        { id: 2, t: 'b' },
      ],
      [
        { id: 3, t: 'b' },
        { id: 4, t: 'x' },
      ],
      { unordered: [''], ignore: ['/*/id'] },
      ['value', '/0/t changed: "a" -> "x"'],
    ],
  ])('%j and %j', (stable, canary, options, expected) => {
    expect(summary(compared(stable, canary, options))).toEqual(expected);
    expect(summary(compared(canary, stable, options))).toHaveLength(expected.length);
  });

  it.each<Case>([
    [[1, 2, 3], [3.05, 0.95, 2.01], NEAR, ['match']],
    [[1, 2, 3], [3.05, 0.95, 2.5], NEAR, ['value', '/1 changed: 2 -> 2.5']],
    [[0, 5], [5.05, 9], NEAR, ['value', '/0 changed: 0 -> 9']],
    // 1.5 may go to 1 or to 2, and only one of the two leaves a partner for 0.5.
    [[1, 2], [1.5, 0.5], { unordered: [''], tolerance: { absolute: 0.5 } }, ['match']],
    // An exact partner is not always the one to take.
    [[1, 2], [2, 3], { unordered: [''], tolerance: { absolute: 1 } }, ['match']],
    [
      [
        { n: 'a', s: 0.3 },
        { n: 'b', s: 0.3 },
      ],
      [
        { n: 'b', s: 0.31 },
        { s: 0.29, n: 'a' },
      ],
      NEAR,
      ['match'],
    ],
    [[{ n: 'a', s: 0.3 }], [{ n: 'b', s: 0.3 }], NEAR, ['value', '/0/n changed: "a" -> "b"']],
    // The first number alone would pair them wrongly.
    [
      [
        { a: 1, id: 7 },
        { a: 1.01, id: 8 },
      ],
      [
        { a: 1.01, id: 7 },
        { a: 1, id: 8 },
      ],
      NEAR,
      ['match'],
    ],
    [
      [
        { a: 1, b: 1 },
        { a: 1.05, b: 1.05 },
      ],
      [
        { a: 1.1, b: 1.1 },
        { a: 1, b: 0.95 },
      ],
      NEAR,
      ['match'],
    ],
    [
      [{ v: [3, 1] }, { v: [5] }],
      [{ v: [5.01] }, { v: [1.01, 2.99] }],
      { ...NEAR, unordered: ['', '/*/v'] },
      ['match'],
    ],
    [[100, 200], [202, 101], { unordered: [''], tolerance: { relative: 0.01 } }, ['match']],
    [[1, '1'], ['1', 1.05], NEAR, ['match']],
  ])('with a tolerance: %j and %j with %j', (stable, canary, options, expected) => {
    expect(summary(compared(stable, canary, options))).toEqual(expected);
    expect(summary(compared(canary, stable, options))).toHaveLength(expected.length);
  });

  it('finds a partner for all wherever there is a way (seeded)', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const near = () => (random() - 0.5) * 0.2;
      const points = Array.from({ length: 2 + Math.floor(random() * 12) }, () => ({
        x: random(),
        y: random(),
      }));
      const moved = points.map(({ x, y }) => ({ x: x + near(), y: y + near() }));
      const options = { unordered: [''], tolerance: { absolute: 0.1 } };
      const { comparison } = compared(points, shuffled(moved, random), options);
      expect({ seed, comparison }).toEqual({ seed, comparison: { verdict: 'match' } });
    }
  });

  const seed = 20_261;
  const random = seededRandom(seed);
  const amounts = Array.from({ length: 10_000 }, () => Math.floor(random() * 1000) / 10);
  const crowd = amounts.map((amount, share) => ({ amount: amount / 1e6, share }));
  const grid = amounts.map((amount) => ({ amount, share: Math.floor(random() * 100) }));

  // With no more than a plain search each of these takes minutes.
  it.each<
    readonly [
      name: string,
      stable: readonly unknown[],
      canary: readonly unknown[],
      tolerance: number,
      matches: boolean,
    ]
  >([
    ['the same numbers', amounts, amounts, 0, true],
    ['near numbers', amounts, amounts.map((n) => n + 0.001), 0.01, true],
    ['near points', grid, grid.map((p) => ({ ...p, amount: p.amount + 0.001 })), 0.01, true],
    // Only the second number tells them apart.
    ['points near each other', crowd, crowd.map((p) => ({ ...p, amount: -p.amount })), 0.01, true],
    ['other points', grid, grid.map((p) => ({ ...p, amount: p.amount + 0.05 })), 0.01, false],
    ['other texts', amounts.map((n) => `a${n}`), amounts.map((n) => `b${n}`), 0, false],
  ])(`10,000 elements: %s (seed ${seed})`, (_, stable, canary, absolute, matches) => {
    const pair = compared(stable, shuffled(canary, random), { unordered: [''], tolerance: { absolute } });
    expect(pair.comparison.verdict).toBe(matches ? 'match' : 'mismatch');
    if (!matches) expect(mismatchOf(pair).differences).toHaveLength(20);
  });

  const GIVEN_UP = {
    comparison: {
      verdict: 'mismatch',
      kind: 'comparator',
      differences: [],
      note: 'The comparison took longer than 20 ms and was given up.',
    },
    paths: [],
  };
  const others = amounts.map((n) => n + 70);

  // To the end each of these takes minutes.
  it.each<readonly [name: string, stable: unknown, canary: unknown, unordered: readonly string[]]>([
    ['each near half of the others', amounts, others, ['']],
    ['in two arrays', { a: amounts, b: amounts }, { a: amounts, b: others }, ['/a', '/b']],
    ['in an array within one', [[0], amounts], [[0], others], ['', '/*']],
    ['in a sensitive place', { a: amounts }, { a: others }, ['/a']],
  ])(`10,000 numbers, %s: neither equal nor different (seed ${seed})`, (_, stable, canary, unordered) => {
    const options = { unordered, tolerance: { absolute: 50 }, sensitive: ['/a'] };
    const pair = compared(stable, canary, options, { budgetMs: 20 });
    expect(pair).toMatchObject(GIVEN_UP);
    expect(pair.stable).not.toBeNull();
  });

  it('many small arrays draw on the time of one pair', () => {
    const clusters = (shift: number) =>
      Array.from({ length: 2000 }, (_, n) => ({ n: `n${n}`, list: [1, 2, 3].map((i) => i + shift) }));
    const options = { unordered: ['/*/list'], tolerance: { absolute: 0.1 } };
    expect(compared(clusters(0), clusters(0.01), options).comparison.verdict).toBe('match');
    expect(compared(clusters(0), clusters(0.01), options, { budgetMs: 0 }).comparison).toMatchObject({
      kind: 'comparator',
    });
  });

  it('where the own compare has found a difference, it stays one', () => {
    const options = { unordered: [''], tolerance: { absolute: 50 }, compare: () => false };
    const pair = compared(amounts, others, options, { budgetMs: 1000 });
    expect(summary(pair)).toEqual(['value']);
    expect(mismatchOf(pair).note).toBe(
      "The task's own compare says that they differ; there was no time to find where.",
    );
  });
});
