import { describe, expect, it } from '@jest/globals';
import type { ParityOptions } from '../../src/domain/parity.ts';
import { readParityOptions } from '../../src/domain/parity-options.ts';
import { compareObservations } from '../../src/parity/comparison.ts';
import { compared, failed, mismatchOf, succeeded, summary } from '../support/compared.ts';

type Case = readonly [stable: unknown, canary: unknown, options: ParityOptions, expected: readonly string[]];

const nested = (depth: number, leaf: unknown) => {
  let value = leaf;
  for (let i = 0; i < depth; i++) value = { a: value };
  return value;
};

const parsed = (text: string): unknown => JSON.parse(text);

describe('comparing two results', () => {
  it.each<Case>([
    [{ a: 1, b: [true, null, 'x'] }, { b: [true, null, 'x'], a: 1 }, {}, ['match']],
    [parsed('1'), parsed('1.0'), {}, ['match']],
    [parsed('0'), parsed('-0'), {}, ['match']],
    [undefined, undefined, {}, ['match']],
    [{ a: 1 }, { a: 2 }, {}, ['value', '/a changed: 1 -> 2']],
    ['a', 'b', {}, ['value', ' changed: "a" -> "b"']],
    [{ a: null }, {}, {}, ['value', '/a removed: null -> null']],
    [{}, { a: null }, {}, ['value', '/a added: null -> null']],
    [[1, 2], [1, 2, 3], {}, ['value', '/2 added: null -> 3']],
    [{ k: ['x', 'a'] }, { k: ['x', 'b'] }, {}, ['value', '/k/1 changed: "a" -> "b"']],
    [{ a: [1] }, { a: { 0: 1 } }, {}, ['value', '/a changed: [1] -> {"0":1}']],
    [{ a: null }, { a: {} }, {}, ['value', '/a changed: null -> {}']],
    [{ a: { b: 1 } }, { a: 'b' }, {}, ['value', '/a changed: {"b":1} -> "b"']],
  ])('%j and %j', (stable, canary, options, expected) => {
    expect(summary(compared(stable, canary, options))).toEqual(expected);
  });

  it.each([
    [[1], { 0: 1 }, 'Stable has an array, canary an object.'],
    [null, {}, 'Stable has null, canary an object.'],
    ['1', 1, 'Stable has a string, canary a number.'],
    [undefined, 1, 'Stable has no result, canary a number.'],
    [true, undefined, 'Stable has a boolean, canary no result.'],
  ])('%j and %j are of different types', (stable, canary, note) => {
    const pair = compared(stable, canary);
    expect(pair.comparison).toMatchObject({ verdict: 'mismatch', kind: 'type', note });
    expect(pair.paths).toEqual(['']);
    expect(pair.stable).toBe(stable === undefined ? null : JSON.stringify(stable));
    expect(pair.canary).toBe(canary === undefined ? null : JSON.stringify(canary));
  });

  it.each<Case>([
    [{ at: 1, b: 2 }, { at: 3, b: 2 }, { ignore: ['/at'] }, ['match']],
    [{ at: 1 }, {}, { ignore: ['/at'] }, ['match']],
    [{ m: { at: 1 } }, {}, { ignore: ['/m/at'] }, ['value', '/m removed: {} -> null']],
    [{ p: [{ id: 1 }, { id: 2 }] }, { p: [{ id: 3 }, { id: 4 }] }, { ignore: ['/p/*/id'] }, ['match']],
    [{ x: { t: 1 }, y: { t: 2 } }, { x: { t: 5 }, y: { t: 6 } }, { ignore: ['/*/t'] }, ['match']],
    [[1, 2, 3], [9, 2, 4], { ignore: ['/0'] }, ['value', '/2 changed: 3 -> 4']],
    [[1, 2, 3], [1, 2], { ignore: ['/2'] }, ['match']],
    [[1], [1, 2, 3], { ignore: ['/1'] }, ['value', '/2 added: null -> 3']],
    [{ '0': 1 }, { '0': 2 }, { ignore: ['/0'] }, ['match']],
    [[1, 2], [1, 3], { ignore: ['/01'] }, ['value', '/1 changed: 2 -> 3']],
    [{ 'a/b': { '~': 1 } }, { 'a/b': { '~': 2 } }, { ignore: ['/a~1b/~0'] }, ['match']],
    [{ 'a/b': { '~': 1 } }, { 'a/b': { '~': 2 } }, {}, ['value', '/a~1b/~0 changed: 1 -> 2']],
    [{ '': 1 }, { '': 2 }, { ignore: ['/'] }, ['match']],
    [{ ключ: { '🔑': 1 } }, { ключ: { '🔑': 2 } }, {}, ['value', '/ключ/🔑 changed: 1 -> 2']],
    [{ ключ: { '🔑': 1 } }, { ключ: { '🔑': 2 } }, { ignore: ['/ключ/🔑'] }, ['match']],
    [{ '*': 1 }, { '*': 2 }, { ignore: ['/*'] }, ['match']],
  ])('ignoring: %j and %j with %j', (stable, canary, options, expected) => {
    expect(summary(compared(stable, canary, options))).toEqual(expected);
  });

  it.each<Case>([
    [1, 1.01, { tolerance: { absolute: 0.02 } }, ['match']],
    [1, 1.03, { tolerance: { absolute: 0.02 } }, ['value', ' changed: 1 -> 1.03']],
    [{ a: [100] }, { a: [101] }, { tolerance: { relative: 0.01 } }, ['match']],
    [{ a: [100] }, { a: [102] }, { tolerance: { relative: 0.01 } }, ['value', '/a/0 changed: 100 -> 102']],
    [0, 1e-9, { tolerance: { relative: 0.5 } }, ['value', ' changed: 0 -> 1e-9']],
    [0, 1e-9, { tolerance: { relative: 0.01, absolute: 1e-9 } }, ['match']],
    [-100, -101, { tolerance: { relative: 0.01 } }, ['match']],
    ['1', '1.001', { tolerance: { absolute: 1 } }, ['value', ' changed: "1" -> "1.001"']],
  ])('tolerance: %j and %j with %j', (stable, canary, options, expected) => {
    expect(summary(compared(stable, canary, options))).toEqual(expected);
    expect(summary(compared(canary, stable, options))).toHaveLength(expected.length);
  });

  it.each(['toString', 'constructor', 'hasOwnProperty', '__proto__'])(
    'a key called %s is one like any other',
    (key) => {
      const one = parsed(`{"${key}":{"a":1}}`);
      const other = parsed(`{"${key}":{"a":2}}`);
      expect(summary(compared(one, parsed('{}')))).toEqual(['value', `/${key} removed: {"a":1} -> null`]);
      expect(summary(compared(one, other))).toEqual(['value', `/${key}/a changed: 1 -> 2`]);
      expect(summary(compared(one, other, { ignore: [`/${key}/a`] }))).toEqual(['match']);
      expect(summary(compared(one, parsed('{}'), { sensitive: [`/${key}`] }))).toEqual([
        'value',
        `/${key} removed: [redacted] -> null`,
      ]);
      expect(({} as { a?: number }).a).toBeUndefined();
    },
  );

  it('keeps 20 differences in the order of their paths, and says how many there are', () => {
    const stable = { z: 1, list: Array.from({ length: 30 }, (_, i) => i), b: 1 };
    const canary = { z: 2, list: stable.list.map((n) => n + 1), b: 2, a: 0 };
    const pair = compared(stable, canary);
    const { differences, note } = mismatchOf(pair);
    expect(differences.map(({ path }) => path)).toEqual([
      '/a',
      '/b',
      ...Array.from({ length: 18 }, (_, i) => `/list/${i}`),
    ]);
    expect(note).toBe('33 places differ; the first 20 are kept.');
    expect(pair.paths).toEqual(['/a', '/b', '/list/*', '/z']);
  });

  it('bounds paths and their number', () => {
    const keys = Array.from({ length: 100 }, (_, i) => `${i}-${'k'.repeat(1000)}`);
    const pair = compared({}, Object.fromEntries(keys.map((key) => [key, 1])));
    expect(pair.paths).toHaveLength(20);
    expect(pair.paths.every((path) => path.length === 200 && path.endsWith('…'))).toBe(true);
  });

  it.each([
    ['120,000 elements', Array(120_000).fill(1), Array(120_000).fill(2)],
    [
      '120,000 elements at depth 200',
      nested(200, Array(120_000).fill(1)),
      nested(200, Array(120_000).fill(2)),
    ],
  ])('%s that differ are counted up to a limit', (_, stable, canary) => {
    const pair = compared(stable, canary);
    expect(pair.comparison).toMatchObject({ note: 'More than 1000 places differ; the first 20 are kept.' });
    expect(pair.paths).toHaveLength(1);
  });

  it('follows a result to depth 1,000, and says so where it cannot', () => {
    const path = '/a'.repeat(1000);
    const pair = compared(nested(1000, 1), nested(1000, 2), { ignore: ['/b'], tolerance: { absolute: 0.1 } });
    expect(summary(pair)).toEqual(['value', `${path.slice(0, 199)}… changed: 1 -> 2`]);
    expect(compared(nested(1000, 1), nested(1000, 2), { ignore: [path] }).comparison.verdict).toBe('match');
    expect(compared(nested(100_000, 1), nested(100_000, 2)).comparison).toMatchObject({
      kind: 'comparator',
      note: 'The results are nested too deeply to be compared.',
    });
  });

  it('finds one character in 256 KiB of text', () => {
    const text = 'é'.repeat(128 * 1024);
    const pair = compared({ text: `${text}a` }, { text: `${text}b` });
    expect(pair.paths).toEqual(['/text']);
    expect(compared({ text }, { text }, { ignore: ['/at'] }).comparison.verdict).toBe('match');
  });

  it('names the ignored places that lead nowhere on either side', () => {
    const ignore = [
      '/at',
      '/list/*/id',
      '/list/1',
      '/list/9',
      '/no/*',
      '/text/0',
      '/list/length',
      '/toString',
    ];
    const one = { list: [{ id: 1 }, 2], text: 'x' };
    expect(compared(one, { at: 1, list: [] }, { ignore }).unmatchedIgnores).toEqual([
      '/list/9',
      '/no/*',
      '/text/0',
      '/list/length',
      '/toString',
    ]);
    expect(compared({ a: 1 }, { a: 1 }, { ignore: ['/b'] }).unmatchedIgnores).toEqual(['/b']);
    expect(compared({ a: 1 }, { a: 2 }, { ignore: ['/b'] }).unmatchedIgnores).toEqual(['/b']);
    expect(
      compared({ a: 1 }, { a: 2 }, { ignore: ['/b'], clean: () => ({ b: 1 }) }).unmatchedIgnores,
    ).toEqual([]);
    expect(compared(undefined, undefined, { ignore: ['/b'] }).unmatchedIgnores).toEqual([]);
  });

  it('calls the sides of a control pair by what they are', () => {
    const definition = readParityOptions('sample', {});
    const type = compareObservations(definition, succeeded([]), succeeded({}));
    expect(type.comparison).toMatchObject({ note: 'The primary has an array, the copy an object.' });
    const outcome = compareObservations(definition, succeeded([]), failed({ name: 'Error', message: 'x' }));
    expect(outcome.comparison).toMatchObject({ note: 'The primary succeeded, the copy failed with Error.' });
  });

  it('leaves both observations as they are', () => {
    const frozen = (value: object) => {
      for (const member of Object.values(value)) if (typeof member === 'object') frozen(member);
      return Object.freeze(value);
    };
    const results = [
      frozen({ a: [3, 1, 2], b: { c: 1, d: 's' } }),
      frozen({ a: [1, 2, 4], b: { c: 2 } }),
    ] as const;
    const before = JSON.stringify(results);
    compared(...results, {
      ignore: ['/b/c'],
      unordered: ['/a'],
      sensitive: ['/b/d'],
      clean: (value) => Object.assign(value as object, { b: 0 }),
      compare: (stable) => {
        Object.assign(stable as object, { a: 0 });
        return false;
      },
    });
    expect(JSON.stringify(results)).toBe(before);
  });
});
