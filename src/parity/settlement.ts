import { elementOf } from './element-form.ts';
import { matchElements } from './matching.ts';
import { isIgnored, isSensitive, isUnordered, memberOf, type Position } from './pointer-tree.ts';
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
export interface SettledPair {
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
 */
export function settlePair(first: unknown, second: unknown, position: Position, rules: Rules): SettledPair {
  const settlement = new Settlement(rules, MOST_PLACES + 1);
  const [a, b] = settlement.settle(first, second, position);
  return { first: a, second: b, places: settlement.places };
}

type Sides = readonly [first: unknown, second: unknown];
type Json = Record<string, unknown>;

class Settlement {
  readonly #rules: Rules;
  readonly #mostPlaces: number;
  places = 0;

  constructor(rules: Rules, mostPlaces: number) {
    this.#rules = rules;
    this.#mostPlaces = mostPlaces;
  }

  settle(first: unknown, second: unknown, position: Position): Sides {
    if (!isSensitive(position)) return this.#settleOpenly(first, second, position);
    // One place, however much differs in it.
    const inside = new Settlement(this.#rules, 1);
    inside.#settleOpenly(first, second, position);
    this.places += inside.places;
    const hidden = (value: unknown, sign: symbol) => (value === undefined ? undefined : sign);
    return [hidden(first, HIDDEN), hidden(second, inside.places === 0 ? HIDDEN : HIDDEN_OTHER)];
  }

  #settleOpenly(first: unknown, second: unknown, position: Position): Sides {
    if (isObject(first) && isObject(second) && Array.isArray(first) === Array.isArray(second)) {
      return Array.isArray(first)
        ? this.#settleArrays(first, second as unknown[], position)
        : this.#settleObjects(first as Json, second as Json, position);
    }
    if (first === second) return [first, first];
    if (typeof first === 'number' && typeof second === 'number' && this.#rules.within(first, second)) {
      return [first, first];
    }
    return [this.#alone(first, position), settleAlone(second, position)];
  }

  /** A value that the other side has not, or has as something else. */
  #alone(value: unknown, position: Position): unknown {
    this.places += 1;
    return shownAlone(value, position);
  }

  #isFull(): boolean {
    return this.places >= this.#mostPlaces;
  }

  #settleObjects(first: Json, second: Json, position: Position): Sides {
    const a = newObject();
    const b = newObject();
    for (const key of Object.keys(first)) {
      if (this.#isFull()) break;
      const inner = memberOf(position, key);
      if (isIgnored(inner)) continue;
      if (Object.hasOwn(second, key)) [a[key], b[key]] = this.settle(first[key], second[key], inner);
      else a[key] = this.#alone(first[key], inner);
    }
    for (const key of Object.keys(second)) {
      if (this.#isFull()) break;
      if (Object.hasOwn(first, key)) continue;
      const inner = memberOf(position, key);
      if (!isIgnored(inner)) b[key] = this.#alone(second[key], inner);
    }
    return [a, b];
  }

  #settleArrays(first: readonly unknown[], given: readonly unknown[], position: Position): Sides {
    const second = isUnordered(position) ? facing(first, given, position, this.#rules) : given;
    const a: unknown[] = [];
    const b: unknown[] = [];
    for (let i = 0; (i < first.length || i < second.length) && !this.#isFull(); i++) {
      const inner = memberOf(position, i);
      // An ignored element leaves a hole on both sides, so that those behind it keep their places.
      if (isIgnored(inner)) continue;
      if (!(i in second)) a[i] = this.#alone(first[i], inner);
      else if (i >= first.length) b[i] = this.#alone(second[i], inner);
      else [a[i], b[i]] = this.settle(first[i], second[i], inner);
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
): readonly unknown[] {
  const formed = (value: unknown, i: number) => elementOf(value, memberOf(position, i), rules.isTolerant);
  const partners = matchElements(first.map(formed), second.map(formed), rules.within);
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

function shownAlone(value: unknown, position: Position): unknown {
  return isSensitive(position) ? HIDDEN : settleAlone(value, position);
}

/** A copy without what is ignored or sensitive. */
function settleAlone(value: unknown, position: Position): unknown {
  if (position.length === 0 || !isObject(value)) return value;
  if (Array.isArray(value)) {
    return value.map((element, i) => {
      const inner = memberOf(position, i);
      return isIgnored(inner) ? null : shownAlone(element, inner);
    });
  }
  const copy = newObject();
  for (const [key, member] of Object.entries(value)) {
    const inner = memberOf(position, key);
    if (!isIgnored(inner)) copy[key] = shownAlone(member, inner);
  }
  return copy;
}

/** Takes the ignored places out of a value that nobody else holds: members go, elements become null. */
export function removeIgnored(value: unknown, position: Position): unknown {
  if (position.length === 0 || !isObject(value)) return value;
  for (const key of Object.keys(value)) {
    const inner = memberOf(position, key);
    if (!isIgnored(inner)) removeIgnored((value as Json)[key], inner);
    else if (Array.isArray(value)) value[Number(key)] = null;
    else delete (value as Json)[key];
  }
  return value;
}
