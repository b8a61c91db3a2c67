import { NotJsonSafeError, PayloadTooLargeError } from './errors.ts';
import type { EncodedJson } from './task-backend.ts';

/** Deeper values are refused: they are almost always a mistake, and recursion would end the process. */
const MAX_DEPTH = 200;

/**
 * Turns a value into JSON text that reads back as the same value, or says why it cannot.
 * JSON.stringify alone changes values silently: NaN becomes null, a Map `{}`, undefined in an array null.
 * Properties that are undefined are left out, as in plain JSON.
 *
 * @param what how the value is called in an error: "The payload", "The result"
 * @param limitBytes largest size of the text in UTF-8 bytes
 * @throws {NotJsonSafeError} naming the path of the first value that JSON cannot hold
 * @throws {PayloadTooLargeError}
 */
export function encodeJson(what: string, value: unknown, limitBytes: number): EncodedJson {
  // A member takes a byte at least; one object reached on many ways counts as often, as it does in JSON.
  const budget = { members: limitBytes };
  const problem = findProblem(value, 0, budget);
  if (budget.members < 0) throw new PayloadTooLargeError(what, null, limitBytes);
  if (problem) throw new NotJsonSafeError(what, problem.path.reverse().join(''), problem.problem);
  const text = JSON.stringify(value);
  if (text.length > limitBytes || (text.length * 3 > limitBytes && Buffer.byteLength(text) > limitBytes)) {
    throw new PayloadTooLargeError(what, Buffer.byteLength(text), limitBytes);
  }
  return jsonText(text);
}

/** JSON text with its value. The value is read from the text: an object that its owner changes meanwhile is not. */
export function jsonText(text: string): EncodedJson {
  return new JsonText(text);
}

/** A class, because a getter in a literal is made anew, slowly, for every object. */
class JsonText implements EncodedJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  get value(): unknown {
    return JSON.parse(this.text);
  }
}

interface Problem {
  readonly problem: string;
  /** From the inside out. */
  readonly path: string[];
}

const found = (problem: string): Problem => ({ problem, path: [] });

interface Budget {
  members: number;
}

function findProblem(value: unknown, depth: number, budget: Budget): Problem | null {
  budget.members -= 1;
  if (budget.members < 0) return null;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : found(`the number ${value}`);
    case 'object':
      break;
    case 'undefined':
      return found('undefined');
    default:
      return found(`a ${typeof value}`);
  }
  if (value === null) return null;
  if (depth > MAX_DEPTH) return found(`nested deeper than ${MAX_DEPTH} levels, or contains itself`);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const inner = findProblem(value[i], depth + 1, budget);
      if (inner) {
        inner.path.push(`/${i}`);
        return inner;
      }
    }
    return null;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return found(`a ${prototype.constructor?.name ?? 'class instance'}`);
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return found('an object with toJSON()');
  return problemInside(value as Record<string, unknown>, depth, budget);
}

function problemInside(object: Record<string, unknown>, depth: number, budget: Budget): Problem | null {
  for (const key of Object.keys(object)) {
    const member = object[key];
    if (member === undefined) continue;
    const inner = findProblem(member, depth + 1, budget);
    if (inner) {
      inner.path.push(`/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
      return inner;
    }
  }
  return null;
}
