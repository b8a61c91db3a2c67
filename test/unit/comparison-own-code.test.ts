import { describe, expect, it } from '@jest/globals';
import { ClosedError } from '../../src/domain/errors.ts';
import type { ParityOptions } from '../../src/domain/parity.ts';
import { readParityOptions } from '../../src/domain/parity-options.ts';
import { compareObservations } from '../../src/parity/comparison.ts';
import { runInTimeBox } from '../../src/parity/time-box.ts';
import { compared, failed, mismatchOf, succeeded, summary } from '../support/compared.ts';

type OwnCode = Pick<ParityOptions, 'clean' | 'compare'>;

/** Long enough for what returns, on a machine that is busy. */
const PATIENT = { budgetMs: 10_000 };
const SHORT = { budgetMs: 20 };

/** A name of its own, because the linter minds an object that has it. */
const THEN = 'then';

const forEver = (): never => {
  for (;;) {
    try {
      for (;;);
    } catch {
      // What stops it must not be caught here.
    }
  }
};

describe("a task's own clean", () => {
  const clean = (value: unknown) => {
    const { at: _, ...rest } = value as { at?: number };
    return rest;
  };

  it('prepares both sides before they are compared', () => {
    expect(summary(compared({ at: 1, n: 1 }, { at: 2, n: 1 }, { clean }, PATIENT))).toEqual(['match']);
    const pair = compared({ at: 1, n: 1 }, { at: 2, n: 2 }, { clean }, PATIENT);
    expect(summary(pair)).toEqual(['value', '/n changed: 1 -> 2']);
    expect([pair.stable, pair.canary]).toEqual(['{"n":1}', '{"n":2}']);
  });

  it('may change what it is given and keep it: what is compared is its own', () => {
    const results = [
      { n: 1, at: 1 },
      { n: 2, at: 2 },
    ] as const;
    const seen: { n: number }[] = [];
    const pair = compared(
      ...results,
      {
        clean: (value) => {
          const given = value as { n: number; at?: number };
          delete given.at;
          seen.push(given);
          for (const one of seen) one.n += 10;
          return given;
        },
      },
      PATIENT,
    );
    expect(summary(pair)).toEqual(['value', '/n changed: 11 -> 12']);
    expect(results).toEqual([
      { n: 1, at: 1 },
      { n: 2, at: 2 },
    ]);
  });

  it('is not asked about a side without a result', () => {
    const asked: unknown[] = [];
    const noting = (value: unknown) => asked.push(value);
    expect(compared(undefined, undefined, { clean: noting }, PATIENT).comparison.verdict).toBe('match');
    expect(mismatchOf(compared(undefined, null, { clean: noting }, PATIENT)).kind).toBe('type');
    expect(asked).toEqual([null]);
  });

  it('that throws on the only result leaves it out', () => {
    const definition = readParityOptions('sample', { clean: forEver });
    const error = { name: 'Error', message: 'x' };
    const pair = compareObservations(definition, succeeded({ a: 1 }), failed(error, 'canary'), SHORT);
    expect(pair).toMatchObject({ comparison: { kind: 'outcome' }, stable: null, canary: null });
  });
});

describe("a task's own compare", () => {
  it('has the last word', () => {
    const byLength = (stable: unknown, canary: unknown) =>
      (stable as string).length === (canary as string).length;
    expect(summary(compared('ab', 'cd', { compare: byLength }, PATIENT))).toEqual(['match']);
    expect(summary(compared('ab', 'c', { compare: byLength }, PATIENT))).toEqual([
      'value',
      ' changed: "ab" -> "c"',
    ]);
  });

  it('may call equal things different', () => {
    const pair = compared({ a: 1 }, { a: 1 }, { compare: () => false }, PATIENT);
    expect(summary(pair)).toEqual(['value']);
    expect(mismatchOf(pair).note).toBe(
      "The task's own compare says that they differ; the built-in comparison finds no difference.",
    );
    expect(pair.paths).toEqual([]);
  });

  it('sees what clean returned, without the ignored places, in the order of the sides', () => {
    const seen: unknown[] = [];
    const options: ParityOptions = {
      ignore: ['/at', '/list/*/id', '/pair/0'],
      clean: (value) => ({ ...(value as object), cleaned: true }),
      compare: (stable, canary) => seen.push(stable, canary) === 2,
    };
    const result = (at: number) => ({ at, list: [{ id: at, n: 1 }], pair: [at, 5] });
    expect(compared(result(1), result(2), options, PATIENT).comparison.verdict).toBe('match');
    const expected = { list: [{ n: 1 }], pair: [null, 5], cleaned: true };
    expect(seen).toEqual([expected, expected]);
  });
});

describe('own code that is of no use', () => {
  it.each<readonly [options: OwnCode, note: string]>([
    [
      {
        clean: () => {
          throw new TypeError('x');
        },
      },
      'On both results: clean threw TypeError.',
    ],
    [
      {
        clean: (v) => {
          if (v === 1) throw Object.assign(new Error(), { code: 'E_ODD' });
          return v;
        },
      },
      "On stable's result: clean threw Error (E_ODD).",
    ],
    [
      {
        clean: (v) => {
          if (v === 2) throw 'x';
          return v;
        },
      },
      "On canary's result: clean threw something that is no error.",
    ],
    [
      { clean: () => undefined },
      'On both results: clean answered nothing; it must return the value to compare.',
    ],
    [
      { clean: () => Promise.reject(new Error('unheard')) },
      'On both results: clean answered a promise; it must not be asynchronous.',
    ],
    [
      { clean: () => ({ [THEN]: () => 1 }) },
      'On both results: clean answered a promise; it must not be asynchronous.',
    ],
    [
      { clean: () => new Set([1]) },
      'On both results: what clean answered cannot be kept as JSON (E_NOT_JSON_SAFE).',
    ],
    [
      { clean: () => ({ a: Number.NaN }) },
      'On both results: what clean answered cannot be kept as JSON (E_NOT_JSON_SAFE).',
    ],
    [
      { clean: () => 'x'.repeat(2 ** 21) },
      'On both results: what clean answered cannot be kept as JSON (E_PAYLOAD_TOO_LARGE).',
    ],
    [
      {
        clean: function again(v): unknown {
          return again(v);
        },
      },
      'On both results: clean threw RangeError.',
    ],
    [
      {
        compare: () => {
          throw new TypeError('x');
        },
      },
      'Compare threw TypeError.',
    ],
    [
      {
        compare: () => {
          throw null;
        },
      },
      'Compare threw something that is no error.',
    ],
    [
      {
        compare: () => {
          throw {
            get name() {
              throw 1;
            },
          };
        },
      },
      'Compare threw.',
    ],
    [
      {
        clean: () => {
          throw new ClosedError('x');
        },
      },
      'On both results: clean threw ClosedError (E_CLOSED).',
    ],
    [
      { compare: () => 1 as unknown as boolean },
      'Compare answered a value of type number; it must answer true or false.',
    ],
    [
      { compare: () => undefined as unknown as boolean },
      'Compare answered a value of type undefined; it must answer true or false.',
    ],
    [{ compare: () => null as unknown as boolean }, 'Compare answered null; it must answer true or false.'],
    [
      { compare: () => Promise.resolve(true) as unknown as boolean },
      'Compare answered a promise; it must not be asynchronous.',
    ],
  ])('%p: %s', (options, note) => {
    const pair = compared(1, 2, options, PATIENT);
    expect(pair.comparison).toEqual({ verdict: 'mismatch', kind: 'comparator', differences: [], note });
    expect(pair.paths).toEqual([]);
  });

  it.each<readonly [name: string, options: OwnCode, note: string]>([
    [
      'clean loops',
      { clean: forEver },
      'On both results: clean ran out of the 20 ms that a comparison may take.',
    ],
    ['compare loops', { compare: forEver }, 'Compare ran out of the 20 ms that a comparison may take.'],
    [
      'a pattern backtracks',
      { compare: () => /^(a+)+$/.test(`${'a'.repeat(60)}b`) },
      'Compare ran out of the 20 ms that a comparison may take.',
    ],
    [
      'the answer has a getter that loops',
      {
        clean: () => ({
          get a() {
            return forEver();
          },
        }),
      },
      'On both results: clean ran out of the 20 ms that a comparison may take.',
    ],
    [
      'what is thrown has a name that loops',
      {
        compare: () => {
          throw {
            get name() {
              return forEver();
            },
          };
        },
      },
      'Compare ran out of the 20 ms that a comparison may take.',
    ],
    [
      'a then loops',
      {
        compare: () => Object.defineProperty({}, THEN, { get: forEver }) as unknown as boolean,
      },
      'Compare ran out of the 20 ms that a comparison may take.',
    ],
  ])('%s: it is stopped', (_, options, note) => {
    expect(compared(1, 2, options, SHORT).comparison).toMatchObject({ kind: 'comparator', note });
  });

  it('shares one time limit: what clean has used up, compare has not', () => {
    let calls = 0;
    const compare = (): boolean => {
      calls += 1;
      return true;
    };
    const clean = () => {
      calls += 1;
      return forEver();
    };
    // Long enough that clean begins within it.
    const pair = compared(1, 1, { clean, compare }, { budgetMs: 500 });
    expect(pair.comparison).toMatchObject({ kind: 'comparator' });
    expect(calls).toBe(1);
    const spent = compared(1, 1, { compare }, { budgetMs: 0 });
    expect(spent.comparison).toMatchObject({
      note: 'Compare ran out of the 0 ms that a comparison may take.',
    });
    expect(calls).toBe(1);
  });

  it('still shows both sides where compare failed, not where clean did', () => {
    const throwing = () => {
      throw new Error();
    };
    expect(compared(1, 2, { compare: throwing }, PATIENT)).toMatchObject({ stable: '1', canary: '2' });
    expect(compared(1, 2, { clean: throwing }, PATIENT)).toMatchObject({ stable: null, canary: null });
  });
});

describe('the time box', () => {
  it('tells what was returned, what was thrown, and what was stopped', () => {
    const error = new Error('x');
    expect(runInTimeBox(() => 7, 10_000)).toEqual({ end: 'returned', value: 7 });
    expect(
      runInTimeBox(() => {
        throw error;
      }, 10_000),
    ).toEqual({ end: 'threw', thrown: error });
    expect(runInTimeBox(forEver, 20)).toEqual({ end: 'stopped' });
    expect(runInTimeBox(() => 'again', 10_000)).toEqual({ end: 'returned', value: 'again' });
  });

  it('is not fooled by an error that looks like its own', () => {
    const thrown = Object.assign(new Error(), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
    expect(
      runInTimeBox(() => {
        throw thrown;
      }, 10_000),
    ).toEqual({ end: 'threw', thrown });
  });

  it('holds one within another', () => {
    const inner = () => runInTimeBox(forEver, 20);
    expect(runInTimeBox(inner, 10_000)).toEqual({ end: 'returned', value: { end: 'stopped' } });
    expect(runInTimeBox(() => runInTimeBox(forEver, 10_000), 20)).toEqual({ end: 'stopped' });
  });
});
