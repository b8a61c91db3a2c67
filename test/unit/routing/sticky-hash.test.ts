import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { bucketOf, murmur3, saltOf } from '../../../src/routing/sticky-hash.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const FOX = 'The quick brown fox jumps over the lazy dog';

// Published vectors of MurmurHash3_x86_32: stackoverflow.com/a/31929528, and Wikipedia's table for MurmurHash.
const PUBLISHED: readonly (readonly [text: string, seed: number, hash: number])[] = [
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['\0\0\0\0', 0, 0x2362f9de],
  ['\0\0\0', 0, 0x85f0b427],
  ['\0\0', 0, 0x30f4c306],
  ['\0', 0, 0x514e28b7],
  ['a', 0x9747b28c, 0x7fa09ea6],
  ['aa', 0x9747b28c, 0x5d211726],
  ['aaa', 0x9747b28c, 0x283e0130],
  ['aaaa', 0x9747b28c, 0x5a97808a],
  ['abc', 0, 0xb3dd93fa],
  ['test', 0, 0xba6bd213],
  ['test', 0x9747b28c, 0x704b81dc],
  ['Hello, world!', 0, 0xc0363e43],
  ['Hello, world!', 0x9747b28c, 0x24884cba],
  [FOX, 0, 0x2e4ff723],
  [FOX, 0x9747b28c, 0x2fa826cd],
  ['abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq', 0, 0xee925b90],
  ['ππππππππ', 0x9747b28c, 0xd58063c1],
];

interface Golden {
  readonly namespaces: readonly {
    readonly namespace: string;
    readonly salt: number;
    readonly buckets: readonly {
      readonly stickyKey: string;
      readonly hash: number;
      readonly bucket: number;
    }[];
  }[];
}

describe('murmur3', () => {
  it.each(PUBLISHED)('gives the published hash of %j with seed %d', (text, seed, hash) => {
    expect(murmur3(text, seed)).toBe(hash);
  });

  it.each([
    ['a\ud83d', 'a\ufffd'],
    ['\ude00b', '\ufffdb'],
    ['文\ud83d文', '文\ufffd文'],
  ])('takes a lone surrogate for U+FFFD: %j', (broken, replaced) => {
    expect(murmur3(broken, 7)).toBe(murmur3(replaced, 7));
  });

  it('hashes a mixed text the same whichever of its characters comes first', () => {
    // All four byte lengths at all four positions within a block.
    for (const start of ['', 'a', 'ab', 'abc'])
      for (const character of ['z', 'é', '文', '🙂']) {
        const bytes = new TextEncoder().encode(`${start}${character}end`);
        expect(murmur3(`${start}${character}end`, 3)).toBe(murmur3OfBytes(bytes, 3));
      }
  });
});

describe('bucketOf', () => {
  const golden: Golden = JSON.parse(
    readFileSync(new URL('../../golden/sticky-hash.json', import.meta.url), 'utf8'),
  );

  it.each(golden.namespaces)(
    'keeps the golden buckets of namespace $namespace',
    ({ namespace, salt, buckets }) => {
      expect(saltOf(namespace)).toBe(salt);
      const now = buckets.map(({ stickyKey }) => ({
        stickyKey,
        hash: murmur3(stickyKey, salt),
        bucket: bucketOf(salt, stickyKey),
      }));
      expect(now).toEqual(buckets);
    },
  );

  const KEYS: Readonly<Record<string, (i: number, random: () => number) => string>> = {
    'counted keys': (i) => `doc-${i}`,
    uuids: (_, random) => Array.from({ length: 8 }, () => random().toString(16).slice(2, 6)).join('-'),
    'Chinese keys': (i) => `文档编号${i}的章节`,
  };

  it.each(Object.keys(KEYS))('spreads %s evenly', (kind) => {
    const seed = 20_240_817;
    const random = seededRandom(seed);
    const cells = new Array<number>(100).fill(0);
    const keys = 50_000;
    for (let i = 0; i < keys; i++) {
      const cell = Math.floor(bucketOf(saltOf('hybrid'), KEYS[kind]?.(i, random) ?? '') * cells.length);
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    const expected = keys / cells.length;
    const chiSquared = cells.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 99 degrees of freedom: mean 99, standard deviation 14. 170 is five deviations away.
    expect({ kind, seed, isEven: chiSquared < 170, chiSquared }).toMatchObject({ isEven: true });
  });

  it('draws independently in two namespaces', () => {
    const keys = 20_000;
    const [one, two] = [saltOf('shop'), saltOf('shop-staging')];
    let both = 0;
    for (let i = 0; i < keys; i++)
      if (bucketOf(one, `order-${i}`) < 0.2 && bucketOf(two, `order-${i}`) < 0.2) both++;
    const expected = keys * 0.04;
    const deviation = Math.sqrt(keys * 0.04 * 0.96);
    expect(Math.abs(both - expected)).toBeLessThan(4 * deviation);
  });
});

/** The algorithm over bytes, written down once more in the plainest way. */
function murmur3OfBytes(bytes: Uint8Array, seed: number): number {
  const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  const scrambled = (block: number): number =>
    Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  const at = (i: number): number => bytes[i] ?? 0;
  const block = (i: number): number => at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24);
  const whole = bytes.length - (bytes.length % 4);
  let hash = seed;
  for (let i = 0; i < whole; i += 4)
    hash = (Math.imul(rotate(hash ^ scrambled(block(i)), 13), 5) + 0xe6546b64) | 0;
  hash ^= scrambled(block(whole)) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
