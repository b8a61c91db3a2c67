import type { Element } from './matching.ts';
import { isIgnored, isUnordered, type Position, stepInto } from './pointer-tree.ts';
import type { TimeBudget } from './time-budget.ts';

/**
 * What tells an element of an unordered array apart: keys sorted, ignored places left out, unordered arrays in it sorted.
 *
 * @param isTolerant numbers are kept beside the text, so that near ones can be found. Within the element they keep
 * their place; in an unordered array inside it, elements of one form are in the order of their numbers.
 * @throws {OutOfTime}
 */
export function elementOf(
  value: unknown,
  position: Position,
  isTolerant: boolean,
  budget: TimeBudget,
): Element {
  const numbers: number[] = [];
  return { form: formOf(value, position, isTolerant ? numbers : null, budget), numbers };
}

function formOf(value: unknown, position: Position, numbers: number[] | null, budget: TimeBudget): string {
  budget.step();
  if (typeof value === 'number' && numbers) {
    numbers.push(value);
    return '#';
  }
  // JSON text, but for -0: it equals 0 and is written as 0.
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  return Array.isArray(value)
    ? arrayForm(value, position, numbers, budget)
    : objectForm(value as Record<string, unknown>, position, numbers, budget);
}

function objectForm(
  object: Readonly<Record<string, unknown>>,
  position: Position,
  numbers: number[] | null,
  budget: TimeBudget,
): string {
  const members: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const inner = stepInto(position, key);
    if (isIgnored(inner)) continue;
    members.push(`${JSON.stringify(key)}:${formOf(object[key], inner, numbers, budget)}`);
  }
  return `{${members.join()}}`;
}

function arrayForm(
  array: readonly unknown[],
  position: Position,
  numbers: number[] | null,
  budget: TimeBudget,
): string {
  const formed = (value: unknown, i: number): Element => {
    const inner = stepInto(position, i);
    return isIgnored(inner) ? { form: '', numbers: [] } : elementOf(value, inner, numbers !== null, budget);
  };
  const elements = array.map(formed);
  if (isUnordered(position)) elements.sort(byFormAndNumbers);
  for (const element of elements) for (const number of element.numbers) numbers?.push(number);
  return `[${elements.map(({ form }) => form).join()}]`;
}

function byFormAndNumbers(a: Element, b: Element): number {
  if (a.form !== b.form) return a.form < b.form ? -1 : 1;
  for (const [i, number] of a.numbers.entries()) {
    const difference = number - (b.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
