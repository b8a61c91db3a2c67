import { describe, expect, it } from '@jest/globals';
import { pointerSteps, pointerTo } from '../../src/domain/json-pointer.ts';
import { compared, mismatchOf } from '../support/compared.ts';
import { seededRandom } from '../support/seeded-random.ts';

type Random = () => number;
type Steps = readonly (string | number)[];

const KEYS = ['a', 'b/c', '~', '', '0', '*', 'ключ', '__proto__', 'toString', '😀'];
const LEAVES = [null, true, false, '', 'text', '1', '😀', 0, 1, -1.5, 1e21];
const ROUNDS = 400;

function pick<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)] as T;
}

function anyValue(random: Random, depth: number): unknown {
  const kind = depth === 0 ? 0 : random();
  if (kind < 0.4) return pick(LEAVES, random);
  const length = Math.floor(random() * 5);
  if (kind < 0.7) return Array.from({ length }, () => anyValue(random, depth - 1));
  const members = Array.from(
    { length },
    () => `${JSON.stringify(pick(KEYS, random))}:${JSON.stringify(anyValue(random, depth - 1))}`,
  );
  return JSON.parse(`{${members.join()}}`);
}

/** Every place of a value that holds no other. */
function leavesOf(value: unknown, steps: Steps = []): Steps[] {
  if (typeof value !== 'object' || value === null) return [steps];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, member]) => leavesOf(member, [...steps, key]));
}

/** A copy with another text at one place. */
function changedAt(value: unknown, [step, ...rest]: Steps): unknown {
  if (step === undefined) return 'another text';
  const copy = (Array.isArray(value) ? [...value] : JSON.parse(JSON.stringify(value))) as Record<
    string | number,
    unknown
  >;
  Object.defineProperty(copy, step, {
    value: changedAt(copy[step], rest),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return copy;
}

const copyOf = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('properties of the comparison (seeded)', () => {
  const seeds = Array.from({ length: ROUNDS }, (_, i) => i + 1);

  it('a result matches its copy, whatever the options', () => {
    for (const seed of seeds) {
      const value = anyValue(seededRandom(seed), 5);
      for (const options of [
        {},
        { tolerance: { relative: 0.1 }, unordered: ['', '/*', '/*/*'] },
        { sensitive: ['/*'], ignore: ['/a', '/*/0'] },
      ]) {
        expect({ seed, ...compared(value, copyOf(value), options).comparison }).toEqual({
          seed,
          verdict: 'match',
        });
      }
    }
  });

  it('swapping the sides swaps the differences', () => {
    const opposite = { added: 'removed', removed: 'added', changed: 'changed' } as const;
    for (const seed of seeds) {
      const random = seededRandom(seed);
      const [one, other] = [anyValue(random, 4), anyValue(random, 4)];
      const [there, back] = [compared(one, other), compared(other, one)];
      expect({ seed, paths: back.paths }).toEqual({ seed, paths: there.paths });
      expect({ seed, verdict: back.comparison.verdict }).toEqual({ seed, verdict: there.comparison.verdict });
      if (there.comparison.verdict === 'match') continue;
      const mirrored = mismatchOf(there).differences.map(({ path, change, stable, canary }) => ({
        path,
        change: opposite[change],
        stable: canary,
        canary: stable,
      }));
      expect({ seed, differences: mismatchOf(back).differences }).toEqual({ seed, differences: mirrored });
    }
  });

  it('a changed leaf is found at its path, and is gone when that is ignored', () => {
    let found = 0;
    for (const seed of seeds) {
      const random = seededRandom(seed);
      const value = anyValue(random, 5);
      const leaves = leavesOf(value);
      if (leaves.length === 0) continue;
      const leaf = pick(leaves, random);
      const changed = changedAt(value, leaf);
      const path = pointerTo(leaf);
      const differences = [{ path, change: 'changed', canary: '"another text"' }];
      expect({ seed, ...mismatchOf(compared(value, changed)) }).toMatchObject({ seed, differences });
      const hidden = [{ path, change: 'changed', stable: '[redacted]', canary: '[redacted]' }];
      // A key that is called `*` is a wildcard in a pointer: it hides no less.
      expect({ seed, ...mismatchOf(compared(value, changed, { sensitive: [path] })) }).toMatchObject({
        seed,
        differences: hidden,
      });
      if (path === '') continue;
      expect({ seed, ...compared(value, changed, { ignore: [path] }).comparison }).toEqual({
        seed,
        verdict: 'match',
      });
      found += 1;
    }
    expect(found).toBeGreaterThan(ROUNDS / 4);
  });

  it('a pointer has the steps that it was made of', () => {
    for (const seed of seeds) {
      const random = seededRandom(seed);
      const steps = Array.from({ length: Math.floor(random() * 6) }, () =>
        pick([...KEYS, '~1', '~01', '/'], random),
      );
      expect({ seed, steps: pointerSteps(pointerTo(steps)) }).toEqual({ seed, steps });
    }
  });
});
