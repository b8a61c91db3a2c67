import type { TimeBudget } from './time-budget.ts';
import type { Within } from './tolerance.ts';

/** An element of an unordered array, told apart by its form; the numbers that a tolerance concerns are beside it. */
export interface Element {
  /** Its canonical JSON text; with a tolerance, every number in it is replaced by a sign. */
  readonly form: string;
  /** Those numbers, in the order of the text. */
  readonly numbers: readonly number[];
}

/**
 * For each element of `first` the place of its partner in `second`, or -1. As many find one as can: two equal elements need
 * two partners. Without a tolerance partners are equal. With one they have the same form, and numbers that are
 * pairwise within it; where most numbers are near most others, that search may be too much for its time.
 *
 * @throws {OutOfTime} nothing is known of those without a partner by then
 */
export function matchElements(
  first: readonly Element[],
  second: readonly Element[],
  within: Within,
  budget: TimeBudget,
): readonly number[] {
  const partners = first.map(() => -1);
  const groups = new Map<string, { readonly ours: number[]; readonly theirs: number[] }>();
  for (const [i, { form }] of first.entries()) {
    const group = groups.get(form);
    if (group) group.ours.push(i);
    else groups.set(form, { ours: [i], theirs: [] });
  }
  for (const [i, { form }] of second.entries()) groups.get(form)?.theirs.push(i);
  for (const { ours, theirs } of groups.values()) {
    if (theirs.length === 0) continue;
    if (first[ours[0] ?? 0]?.numbers.length === 0) {
      for (const [i, own] of ours.entries()) partners[own] = theirs[i] ?? -1;
      continue;
    }
    const numbersOf = (elements: readonly Element[]) => (i: number) => elements[i]?.numbers ?? [];
    for (const [own, their] of pairUp(ours, theirs, numbersOf(first), numbersOf(second), within, budget)) {
      partners[own] = their;
    }
  }
  return partners;
}

type Numbers = (element: number) => readonly number[];

/**
 * Maximum matching by augmenting paths. Both sides are sorted by the number that sets most elements apart, so that an
 * element tries only the stretch of those that are near it in that number.
 */
function pairUp(
  ours: readonly number[],
  theirs: readonly number[],
  ourNumbers: Numbers,
  theirNumbers: Numbers,
  within: Within,
  budget: TimeBudget,
): Iterable<readonly [own: number, their: number]> {
  const key = mostTelling(theirs.map(theirNumbers), within);
  const sorted = (elements: readonly number[], numbers: Numbers) =>
    elements.toSorted((a, b) => lexically(numbers(a), numbers(b), key));
  const left = sorted(ours, ourNumbers);
  const right = sorted(theirs, theirNumbers);
  const partners = matchSorted(left.map(ourNumbers), right.map(theirNumbers), key, within, budget);
  return left.flatMap((own, i) => {
    const partner = right[partners[i] ?? -1];
    return partner === undefined ? [] : [[own, partner] as const];
  });
}

type Vectors = readonly (readonly number[])[];

/** For each of `left` its partner in `right`, or -1. Both are sorted by the number at `key`. */
function matchSorted(
  left: Vectors,
  right: Vectors,
  key: number,
  within: Within,
  budget: TimeBudget,
): readonly number[] {
  const keys = right.map((numbers) => numbers[key] ?? 0);
  const rightOf = left.map(() => -1);
  const leftOf = right.map(() => -1);

  /** A free one on the right to which a chain of exchanges leads from `start`; `cameFrom` tells the chain. */
  const findFree = (start: number, cameFrom: Map<number, number>): number => {
    const queue = [start];
    for (const own of queue) {
      const numbers = left[own] ?? [];
      const value = numbers[key] ?? 0;
      for (let j = lowestNear(keys, value, within); j < right.length && within(value, keys[j] ?? 0); j++) {
        budget.step();
        if (cameFrom.has(j) || !areNear(numbers, right[j] ?? [], within)) continue;
        cameFrom.set(j, own);
        const holder = leftOf[j] ?? -1;
        if (holder < 0) return j;
        queue.push(holder);
      }
    }
    return -1;
  };

  // In sorted order most partners face each other already.
  for (const [i, numbers] of left.entries()) {
    const other = right[i];
    if (other && areNear(numbers, other, within)) [rightOf[i], leftOf[i]] = [i, i];
  }
  for (let i = 0; i < left.length; i++) {
    if (rightOf[i] !== -1) continue;
    const cameFrom = new Map<number, number>();
    for (let j = findFree(i, cameFrom); j >= 0; ) {
      const own = cameFrom.get(j) ?? 0;
      const before = rightOf[own] ?? -1;
      rightOf[own] = j;
      leftOf[j] = own;
      j = before;
    }
  }
  return rightOf;
}

function areNear(a: readonly number[], b: readonly number[], within: Within): boolean {
  return a.every((number, i) => within(number, b[i] ?? Number.NaN));
}

/** By the number at `key`, then by all in turn. */
function lexically(a: readonly number[], b: readonly number[], key: number): number {
  const first = (a[key] ?? 0) - (b[key] ?? 0);
  if (first !== 0) return first;
  for (const [i, number] of a.entries()) {
    const difference = number - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The place of the number that has the fewest near neighbours. */
function mostTelling(vectors: Vectors, within: Within): number {
  let best = 0;
  let fewest = Number.POSITIVE_INFINITY;
  for (let key = 0; key < (vectors[0]?.length ?? 0); key++) {
    const values = vectors.map((vector) => vector[key] ?? 0).sort((a, b) => a - b);
    const near = values.filter((value, i) => i > 0 && within(value, values[i - 1] ?? 0)).length;
    if (near < fewest) [best, fewest] = [key, near];
  }
  return best;
}

/** The first of sorted numbers that is within the tolerance of a value, or their end. */
function lowestNear(sorted: readonly number[], value: number, within: Within): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const number = sorted[middle] ?? 0;
    if (number < value && !within(number, value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
