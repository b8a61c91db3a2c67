import { elementOf } from './element-form.ts';
import { matchElements } from './matching.ts';
import { isIgnored, isSecret, isUnordered, type Position, stepInto } from './pointer-tree.ts';
import type { TimeBudget } from './time-budget.ts';
import type { Within } from './tolerance.ts';

/** What stands where a sensitive value was. Two of them, so that two values that differ still do. */
export const HIDDEN = Symbol('sensitive');
const HIDDEN_OTHER = Symbol('sensitive, and another');

export const isHidden = (value: unknown): boolean => value === HIDDEN || value === HIDDEN_OTHER;

export interface Rules {
  readonly within: Within;
  readonly isTolerant: boolean;
}

/** Copies of two results that differ exactly where the task says that the results do, and how many such places there are. */
export interface PreparedPair {
  readonly first: unknown;
  readonly second: unknown;
  /** 0: they match. More than MOST_PLACES: there are more, and the copies end there. */
  readonly places: number;
}

/** Differing places that are told apart; a result may have a hundred thousand of them. */
export const MOST_PLACES = 1000;

/**
 * Prepares two results for a field-by-field diff: ignored members are gone, a number within the tolerance is the other's, the
 * elements of an unordered array face their partners, and no sensitive value is in them. The results themselves stay as
 * they are.
 *
 * @throws {OutOfTime} unordered arrays in them took too long; whether they match is not known
 */
export function preparePair(
  first: unknown,
  second: unknown,
  position: Position,
  rules: Rules,
  budget: TimeBudget,
): PreparedPair {
  const preparation = new Preparation(rules, budget, MOST_PLACES + 1);
  const [a, b] = preparation.prepare(first, second, position);
  return { first: a, second: b, places: preparation.places };
}

type Sides = readonly [first: unknown, second: unknown];
type Json = Record<string, unknown>;

class Preparation {
  readonly #rules: Rules;
  readonly #budget: TimeBudget;
  readonly #mostPlaces: number;
  places = 0;

  constructor(rules: Rules, budget: TimeBudget, mostPlaces: number) {
    this.#rules = rules;
    this.#budget = budget;
    this.#mostPlaces = mostPlaces;
  }

  prepare(first: unknown, second: unknown, position: Position): Sides {
    if (!isSecret(first, position) && !isSecret(second, position)) {
      return this.#prepareOpenly(first, second, position);
    }
    // One place, however much differs in it.
    const inside = new Preparation(this.#rules, this.#budget, 1);
    inside.#prepareOpenly(first, second, position);
    if (inside.places === 0) return [HIDDEN, HIDDEN];
    this.places += 1;
    return [shownAlone(first, position), shownAlone(second, position, HIDDEN_OTHER)];
  }

  #prepareOpenly(first: unknown, second: unknown, position: Position): Sides {
    if (isObject(first) && isObject(second) && Array.isArray(first) === Array.isArray(second)) {
      return Array.isArray(first)
        ? this.#prepareArrays(first, second as unknown[], position)
        : this.#prepareObjects(first as Json, second as Json, position);
    }
    if (first === second) return [first, first];
    if (typeof first === 'number' && typeof second === 'number' && this.#rules.within(first, second)) {
      return [first, first];
    }
    this.places += 1;
    return [openAlone(first, position), openAlone(second, position)];
  }

  /** A value that the other side has not. */
  #alone(value: unknown, position: Position): unknown {
    this.places += 1;
    return shownAlone(value, position);
  }

  #isFull(): boolean {
    return this.places >= this.#mostPlaces;
  }

  #prepareObjects(first: Json, second: Json, position: Position): Sides {
    const a = newObject();
    const b = newObject();
    for (const key of Object.keys(first)) {
      if (this.#isFull()) break;
      const inner = stepInto(position, key);
      if (isIgnored(inner)) continue;
      if (Object.hasOwn(second, key)) [a[key], b[key]] = this.prepare(first[key], second[key], inner);
      else a[key] = this.#alone(first[key], inner);
    }
    for (const key of Object.keys(second)) {
      if (this.#isFull()) break;
      if (Object.hasOwn(first, key)) continue;
      const inner = stepInto(position, key);
      if (!isIgnored(inner)) b[key] = this.#alone(second[key], inner);
    }
    return [a, b];
  }

  #prepareArrays(first: readonly unknown[], given: readonly unknown[], position: Position): Sides {
    const second = isUnordered(position) ? facing(first, given, position, this.#rules, this.#budget) : given;
    const a: unknown[] = [];
    const b: unknown[] = [];
    for (let i = 0; (i < first.length || i < second.length) && !this.#isFull(); i++) {
      const inner = stepInto(position, i);
      // An ignored element leaves a hole on both sides, so that those behind it keep their places.
      if (isIgnored(inner)) continue;
      if (!(i in second)) a[i] = this.#alone(first[i], inner);
      else if (i >= first.length) b[i] = this.#alone(second[i], inner);
      else [a[i], b[i]] = this.prepare(first[i], second[i], inner);
    }
    return [a, b];
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Without a prototype: a key may be called `toString`, and `__proto__` is a key like any other. */
function newObject(): Json {
  return Object.create(null) as Json;
}

/**
 * The elements of `second`, each where its partner in `first` is; those without one fill the gaps in their own order.
 * Where they are too few, the array has holes.
 */
function facing(
  first: readonly unknown[],
  second: readonly unknown[],
  position: Position,
  rules: Rules,
  budget: TimeBudget,
): readonly unknown[] {
  const formed = (value: unknown, i: number) =>
    elementOf(value, stepInto(position, i), rules.isTolerant, budget);
  const partners = matchElements(first.map(formed), second.map(formed), rules.within, budget);
  const taken = new Set(partners);
  const alone = second.filter((_, i) => !taken.has(i));
  let next = 0;
  const faced: unknown[] = [];
  for (const [i, partner] of partners.entries()) {
    if (partner >= 0) faced[i] = second[partner];
    else if (next < alone.length) faced[i] = alone[next++];
  }
  for (let i = first.length; next < alone.length; i++) faced[i] = alone[next++];
  return faced;
}

function shownAlone(value: unknown, position: Position, sign: symbol = HIDDEN): unknown {
  if (value === undefined) return undefined;
  return isSecret(value, position) ? sign : openAlone(value, position);
}

/** A copy of a value that is no secret as a whole, without what in it is ignored or sensitive. */
function openAlone(value: unknown, position: Position): unknown {
  if (position.length === 0 || !isObject(value)) return value;
  if (Array.isArray(value)) {
    return value.map((element, i) => {
      const inner = stepInto(position, i);
      return isIgnored(inner) ? null : shownAlone(element, inner);
    });
  }
  const copy = newObject();
  for (const [key, member] of Object.entries(value)) {
    const inner = stepInto(position, key);
    if (!isIgnored(inner)) copy[key] = shownAlone(member, inner);
  }
  return copy;
}

/** Takes the ignored places out of a value that nobody else holds: members go, elements become null. */
export function removeIgnored(value: unknown, position: Position): unknown {
  if (position.length === 0 || !isObject(value)) return value;
  for (const key of Object.keys(value)) {
    const inner = stepInto(position, key);
    if (!isIgnored(inner)) removeIgnored((value as Json)[key], inner);
    else if (Array.isArray(value)) value[Number(key)] = null;
    else delete (value as Json)[key];
  }
  return value;
}
