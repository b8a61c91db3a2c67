import { isDeepStrictEqual } from 'node:util';
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

type Sides = readonly [first: unknown, second: unknown];
type Json = Record<string, unknown>;

/**
 * Copies of two results that differ exactly where the task says that they do: ignored members are gone, a number within
 * the tolerance is the other's, the elements of an unordered array face their partners, and no sensitive value is in them.
 * The results themselves stay as they are.
 */
export function settle(first: unknown, second: unknown, position: Position, rules: Rules): Sides {
  if (isSensitive(position)) {
    const [a, b] = settleOpenly(first, second, position, rules);
    return [HIDDEN, isDeepStrictEqual(a, b) ? HIDDEN : HIDDEN_OTHER];
  }
  return settleOpenly(first, second, position, rules);
}

function settleOpenly(first: unknown, second: unknown, position: Position, rules: Rules): Sides {
  if (typeof first === 'number' && typeof second === 'number') {
    return rules.within(first, second) ? [first, first] : [first, second];
  }
  if (isObject(first) && isObject(second)) {
    if (Array.isArray(first)) {
      if (Array.isArray(second)) return settleArrays(first, second, position, rules);
    } else if (!Array.isArray(second)) return settleObjects(first as Json, second as Json, position, rules);
  }
  return [settleAlone(first, position), settleAlone(second, position)];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Without a prototype: a key may be called `toString`, and `__proto__` is a key like any other. */
function newObject(): Json {
  return Object.create(null) as Json;
}

function settleObjects(first: Json, second: Json, position: Position, rules: Rules): Sides {
  const a = newObject();
  const b = newObject();
  for (const key of Object.keys(first)) {
    const inner = memberOf(position, key);
    if (isIgnored(inner)) continue;
    if (Object.hasOwn(second, key)) [a[key], b[key]] = settle(first[key], second[key], inner, rules);
    else a[key] = shownAlone(first[key], inner);
  }
  for (const key of Object.keys(second)) {
    if (Object.hasOwn(first, key)) continue;
    const inner = memberOf(position, key);
    if (!isIgnored(inner)) b[key] = shownAlone(second[key], inner);
  }
  return [a, b];
}

function settleArrays(
  first: readonly unknown[],
  given: readonly unknown[],
  position: Position,
  rules: Rules,
): Sides {
  const second = isUnordered(position) ? facing(first, given, position, rules) : given;
  const a: unknown[] = [];
  const b: unknown[] = [];
  for (let i = 0; i < first.length || i < second.length; i++) {
    const inner = memberOf(position, i);
    // An ignored element keeps its place on both sides, so that those behind it keep theirs.
    if (isIgnored(inner)) {
      a[i] = null;
      b[i] = null;
    } else if (!(i in second)) a[i] = shownAlone(first[i], inner);
    else if (i >= first.length) b[i] = shownAlone(second[i], inner);
    else [a[i], b[i]] = settle(first[i], second[i], inner, rules);
  }
  return [a, b];
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

/** A value that the other side lacks, or has in another form. */
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
