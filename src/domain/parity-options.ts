import { InvalidTaskDefinitionError } from './errors.ts';
import { pointerSteps } from './json-pointer.ts';
import type { ParityDefinition, ParityOptions } from './parity.ts';

const KNOWN: readonly string[] = [
  'shadowSafe',
  'ignore',
  'tolerance',
  'unordered',
  'sensitive',
  'clean',
  'compare',
] satisfies readonly (keyof ParityOptions)[];

type Fail = (field: string, given: unknown, allowed: string) => never;

/**
 * Checks what a task says about comparing its results and fills in the defaults; the answer is frozen and shares nothing
 * that the caller could change. Of a pointer, `*` stands for every element or key at its place, so a key that is
 * called `*` cannot be named alone. Where an array is unordered, its elements have no position: `*` may follow it, a number may not.
 *
 * @param task the name that an error is to mention
 * @param options undefined: the task says nothing, so nothing of it is compared
 * @throws {InvalidTaskDefinitionError} naming the field (`parity.ignore[1]`), what was given and what is allowed
 */
export function readParityOptions<O = unknown>(
  task: string,
  options: ParityOptions<O> | undefined,
): ParityDefinition {
  const fail: Fail = (field, given, allowed) => {
    throw new InvalidTaskDefinitionError(task, `parity${field}`, given, allowed);
  };
  const given: unknown = options ?? {};
  if (options === null || !isRecord(given)) return fail('', options, `an object with ${listed(KNOWN)}`);
  refuseUnknown(fail, '', given, KNOWN);
  const shadowSafe = given.shadowSafe ?? false;
  if (typeof shadowSafe !== 'boolean') return fail('.shadowSafe', shadowSafe, 'true or false');
  const ignore = pointers(fail, '.ignore', given.ignore);
  const whole = ignore.indexOf('');
  if (whole >= 0)
    fail(`.ignore[${whole}]`, '', 'a place in the result: without any, there is nothing to compare');
  const unordered = pointers(fail, '.unordered', given.unordered);
  const sensitive = pointers(fail, '.sensitive', given.sensitive);
  refusePositions(fail, unordered, { ignore, unordered, sensitive });
  return Object.freeze({
    shadowSafe,
    ignore,
    tolerance: tolerance(fail, given.tolerance),
    unordered,
    sensitive,
    clean: ownCode<NonNullable<ParityDefinition['clean']>>(fail, '.clean', given.clean),
    compare: ownCode<NonNullable<ParityDefinition['compare']>>(fail, '.compare', given.compare),
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function refuseUnknown(fail: Fail, field: string, given: object, known: readonly string[]): void {
  for (const [key, value] of Object.entries(given)) {
    if (!known.includes(key)) fail(`${field}.${key}`, value, `no other options than ${listed(known)}`);
  }
}

function pointers(fail: Fail, field: string, given: unknown): readonly string[] {
  if (given === undefined) return Object.freeze([]);
  if (!Array.isArray(given)) return fail(field, given, 'an array of JSON pointers, like ["/processedAt"]');
  return Object.freeze(
    // Not map(): it passes over holes.
    Array.from(given, (pointer: unknown, i): string =>
      typeof pointer === 'string' && pointerSteps(pointer) !== null
        ? pointer
        : fail(
            `${field}[${i}]`,
            pointer,
            'a JSON pointer (RFC 6901) like "/pages/*/title": it begins with "/", and "~" is written "~0", a "/" in a key "~1"',
          ),
    ),
  );
}

function tolerance(fail: Fail, given: unknown): ParityDefinition['tolerance'] {
  if (given === undefined) return Object.freeze({ absolute: 0, relative: 0 });
  if (!isRecord(given)) return fail('.tolerance', given, 'an object with absolute and relative');
  refuseUnknown(fail, '.tolerance', given, ['absolute', 'relative']);
  const distance = (name: 'absolute' | 'relative'): number => {
    const value = given[name] ?? 0;
    return typeof value === 'number' && Number.isFinite(value) && value >= 0
      ? value
      : fail(`.tolerance.${name}`, value, 'a finite number of 0 or more');
  };
  return Object.freeze({ absolute: distance('absolute'), relative: distance('relative') });
}

/** A promise cannot be waited for, and what runs after it would not be under the time limit. */
const WAITING = ['[object AsyncFunction]', '[object GeneratorFunction]', '[object AsyncGeneratorFunction]'];

function ownCode<F>(fail: Fail, field: string, given: unknown): F | null {
  if (given === undefined) return null;
  const kind = Object.prototype.toString.call(given);
  if (typeof given !== 'function' || WAITING.includes(kind)) {
    fail(field, typeof given === 'function' ? kind.slice(8, -1) : given, 'a function that is not async');
  }
  return given as F;
}

/** `/tags/0` means nothing where `/tags` is unordered; as a sensitive place it would let through what moved to `/tags/1`. */
function refusePositions(
  fail: Fail,
  unordered: readonly string[],
  fields: Readonly<Record<string, readonly string[]>>,
): void {
  const arrays = unordered.map((pointer) => ({ pointer, steps: pointerSteps(pointer) ?? [] }));
  for (const [field, given] of Object.entries(fields)) {
    for (const [i, text] of given.entries()) {
      const steps = pointerSteps(text) ?? [];
      const array = arrays.find(
        (one) =>
          /^\d+$/.test(steps[one.steps.length] ?? '') &&
          one.steps.every((step, at) => step === steps[at] || step === '*' || steps[at] === '*'),
      );
      if (array) {
        fail(
          `.${field}[${i}]`,
          text,
          `"*" and no position after "${array.pointer}", whose elements are unordered`,
        );
      }
    }
  }
}
