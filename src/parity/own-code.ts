import { isPromise } from 'node:util/types';
import { HybridTaskError } from '../domain/errors.ts';
import { encodeJson } from '../domain/json.ts';
import { errorLabel } from './error-comparison.ts';
import { runInTimeBox } from './time-box.ts';
import type { TimeBudget } from './time-budget.ts';

/** What a task's own function answered, or in a few words why that is of no use. */
export type OwnAnswer<T> =
  | { readonly isUsable: true; readonly value: T }
  | { readonly isUsable: false; readonly problem: string };

/** Results have at most 256 KiB; what `clean` makes of one may be somewhat larger. */
const MOST_CLEANED_BYTES = 1024 * 1024;

/**
 * JSON text of what `clean` makes of a result. It gets a copy, so that it may change what it is given. An answer that JSON cannot
 * hold is refused, as it is for results: two Sets would both become `{}` and so be equal. Nothing at all is refused
 * too: it is a forgotten `return`, with which all results would be equal.
 *
 * @param budget how long it may take; then it is stopped, even in an endless loop
 */
export function cleanedText(
  clean: (value: unknown) => unknown,
  value: unknown,
  budget: TimeBudget,
): OwnAnswer<string> {
  const copy = copyOf(value);
  return run('clean', budget, () => {
    const cleaned = refuseThenable('clean', clean(copy));
    if (cleaned === undefined) {
      throw new Unusable('clean answered nothing; it must return the value to compare');
    }
    return jsonOf(cleaned);
  });
}

/** What `compare` answers for two values, which must not be needed any more: it may change them. */
export function ownVerdict(
  compare: (stable: unknown, canary: unknown) => boolean,
  stable: unknown,
  canary: unknown,
  budget: TimeBudget,
): OwnAnswer<boolean> {
  return run('compare', budget, () => {
    const verdict: unknown = refuseThenable('compare', compare(stable, canary));
    if (typeof verdict === 'boolean') return verdict;
    const kind =
      verdict === null ? 'null' : Array.isArray(verdict) ? 'an array' : `a value of type ${typeof verdict}`;
    throw new Unusable(`compare answered ${kind}; it must answer true or false`);
  });
}

/** A copy that nothing else refers to. */
export function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

class Unusable extends Error {}

function jsonOf(cleaned: unknown): string {
  try {
    return encodeJson('What clean answered', cleaned, MOST_CLEANED_BYTES).text;
  } catch (error) {
    if (!(error instanceof HybridTaskError)) throw error;
    throw new Unusable(`what clean answered cannot be kept as JSON (${error.code})`);
  }
}

function run<T>(what: 'clean' | 'compare', budget: TimeBudget, work: () => T): OwnAnswer<T> {
  const limitMs = budget.leftMs;
  const late = `${what} ran out of the ${budget.totalMs} ms that a comparison may take`;
  if (limitMs === 0) return { isUsable: false, problem: late };
  const boxed = runInTimeBox((): OwnAnswer<T> => {
    try {
      return { isUsable: true, value: work() };
    } catch (thrown) {
      // Still in the box: a thrown object's `name` may be code too.
      return { isUsable: false, problem: problemOf(what, thrown) };
    }
  }, limitMs);
  if (boxed.end === 'returned') return boxed.value;
  if (boxed.end === 'threw') return { isUsable: false, problem: `${what} threw` };
  budget.exhaust();
  return { isUsable: false, problem: late };
}

/** Never the message of what was thrown: it may quote the result. */
function problemOf(what: string, thrown: unknown): string {
  if (thrown instanceof Unusable) return thrown.message;
  if (typeof thrown !== 'object' || thrown === null) return `${what} threw something that is no error`;
  const { name, code } = thrown as { readonly name?: unknown; readonly code?: unknown };
  return `${what} threw ${errorLabel({ name, code })}`;
}

function refuseThenable(what: string, answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) return answer;
  const { then } = answer as { readonly then?: unknown };
  if (typeof then !== 'function') return answer;
  // Its failure is nobody's: unheard, it would end the process.
  if (isPromise(answer)) answer.catch(() => undefined);
  throw new Unusable(`${what} answered a promise; it must not be asynchronous`);
}
