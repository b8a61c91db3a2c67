import { describe, expect, it } from '@jest/globals';
import type { ParityOptions } from '../../src/domain/parity.ts';
import { readParityOptions } from '../../src/domain/parity-options.ts';
import { compareObservations } from '../../src/parity/comparison.ts';
import { compared, failed, mismatchOf, succeeded, summary } from '../support/compared.ts';

const SECRET = 'hunter2';

type Case = readonly [
  name: string,
  stable: unknown,
  canary: unknown,
  options: ParityOptions,
  expected: readonly string[],
];

describe('sensitive places', () => {
  it.each<Case>([
    [
      'a value',
      { s: SECRET },
      { s: `${SECRET}!` },
      { sensitive: ['/s'] },
      ['value', '/s changed: [redacted] -> [redacted]'],
    ],
    [
      'a subtree, its keys too',
      { s: { [SECRET]: { a: SECRET } } },
      { s: { a: [SECRET] } },
      { sensitive: ['/s'] },
      ['value', '/s changed: [redacted] -> [redacted]'],
    ],
    [
      'added with what is above it',
      {},
      { u: { s: SECRET, n: 1 } },
      { sensitive: ['/u/s'] },
      ['value', '/u added: null -> {"s":"[redacted]","n":1}'],
    ],
    ['removed itself', { s: SECRET }, {}, { sensitive: ['/s'] }, ['value', '/s removed: [redacted] -> null']],
    [
      'above it another type',
      { u: [] },
      { u: { s: SECRET } },
      { sensitive: ['/u/s'] },
      ['value', '/u changed: [redacted] -> {"s":"[redacted]"}'],
    ],
    [
      'of every element',
      [{ s: SECRET }],
      [{ s: 'x' }, { s: SECRET }],
      { sensitive: ['/*/s'] },
      ['value', '/0/s changed: [redacted] -> [redacted]', '/1 added: null -> {"s":"[redacted]"}'],
    ],
    [
      'in unordered elements',
      [{ s: 'x' }, { s: SECRET }],
      [{ s: SECRET }, { s: SECRET }],
      { sensitive: ['/*/s'], unordered: [''] },
      ['value', '/0/s changed: [redacted] -> [redacted]'],
    ],
    [
      'the whole result',
      { s: SECRET },
      [SECRET],
      { sensitive: [''] },
      ['type', ' changed: [redacted] -> [redacted]'],
    ],
    ['no result on one side', undefined, SECRET, { sensitive: [''] }, ['type', ' added: null -> [redacted]']],
    [
      'equal beside a difference',
      { s: SECRET, n: 1 },
      { s: SECRET, n: 2 },
      { sensitive: ['/s'] },
      ['value', '/n changed: 1 -> 2'],
    ],
    [
      'equal within the tolerance',
      { s: [1, SECRET] },
      { s: [1.01, SECRET] },
      { sensitive: ['/s'], tolerance: { absolute: 0.1 } },
      ['match'],
    ],
    [
      'equal but for what is ignored',
      { s: { a: 1, b: SECRET } },
      { s: { b: SECRET } },
      { sensitive: ['/s'], ignore: ['/s/a'] },
      ['match'],
    ],
    [
      'one within another',
      { s: { t: SECRET } },
      { s: { t: 'x' } },
      { sensitive: ['/s', '/s/t'] },
      ['value', '/s changed: [redacted] -> [redacted]'],
    ],
    [
      'named in what clean returns',
      { a: SECRET },
      { a: 'x' },
      { sensitive: ['/b'], clean: (v) => ({ b: (v as { a: string }).a }) },
      ['value', '/b changed: [redacted] -> [redacted]'],
    ],
    [
      'where the own compare finds a difference',
      { s: SECRET },
      { s: 'x' },
      { sensitive: ['/s'], compare: () => false },
      ['value', '/s changed: [redacted] -> [redacted]'],
    ],
  ])('%s', (_, stable, canary, options, expected) => {
    const pair = compared(stable, canary, options);
    expect(summary(pair)).toEqual(expected);
    expect(JSON.stringify(pair)).not.toContain(SECRET);
  });

  const CUSTOMER = { sensitive: ['/customer/name'] };
  const IBANS = { sensitive: ['/rows/*/iban'] };

  it.each<Case>([
    [
      'JSON text in place of an object',
      { customer: { name: SECRET, n: 1 } },
      { customer: JSON.stringify({ name: SECRET }) },
      CUSTOMER,
      ['value', '/customer changed: {"name":"[redacted]","n":1} -> [redacted]'],
    ],
    [
      'texts on both sides',
      { customer: `name: ${SECRET}` },
      { customer: `Name: ${SECRET}` },
      CUSTOMER,
      ['value', '/customer changed: [redacted] -> [redacted]'],
    ],
    [
      'an array in place of an object',
      { customer: [{ name: SECRET }, 1] },
      { customer: [{ name: SECRET }, 2] },
      CUSTOMER,
      ['value', '/customer changed: [redacted] -> [redacted]'],
    ],
    [
      'an object in place of an array',
      { pair: ['x', SECRET] },
      { pair: { key: 'x', value: SECRET } },
      { sensitive: ['/pair/1'] },
      ['value', '/pair changed: ["x","[redacted]"] -> [redacted]'],
    ],
    [
      'an object in place of an array, and one that has the position as a key',
      { pair: { 0: 'x', 1: SECRET } },
      { pair: { 0: 'x', value: SECRET } },
      { sensitive: ['/pair/1'] },
      ['value', '/pair changed: {"0":"x","1":"[redacted]"} -> [redacted]'],
    ],
    [
      'texts in place of objects in an array',
      { rows: [{ iban: SECRET }, SECRET, { iban: 'x' }] },
      { rows: [SECRET, `${SECRET}!`, { iban: 'x' }, [{ iban: SECRET }]] },
      IBANS,
      [
        'value',
        '/rows/0 changed: {"iban":"[redacted]"} -> [redacted]',
        '/rows/1 changed: [redacted] -> [redacted]',
        '/rows/3 added: null -> [redacted]',
      ],
    ],
    [
      'one object in place of an array of them',
      { rows: [{ iban: SECRET, n: 1 }] },
      { rows: { iban: SECRET, n: 1, more: { iban: SECRET, n: 1 } } },
      IBANS,
      [
        'value',
        '/rows changed: [{"iban":"[redacted]","n":1}] -> {"iban":"[redacted]","n":"[redacted]","more":{"iban":"[redacted]","n":1}}',
      ],
    ],
    [
      'in unordered elements',
      { rows: [SECRET, { iban: 'x' }] },
      { rows: [{ iban: 'x' }, `${SECRET}!`] },
      { ...IBANS, unordered: ['/rows'] },
      ['value', '/rows/0 changed: [redacted] -> [redacted]'],
    ],
    [
      'a step that no array has',
      { list: [SECRET] },
      { list: ['x'] },
      { sensitive: ['/list/00'] },
      ['value', '/list changed: [redacted] -> [redacted]'],
    ],
    [
      'the whole result as text',
      { customer: { name: SECRET }, n: 1 },
      JSON.stringify({ customer: { name: SECRET }, n: 1 }),
      CUSTOMER,
      ['type', ' changed: {"customer":{"name":"[redacted]"},"n":1} -> [redacted]'],
    ],
    [
      'the whole result in an array, on one side only',
      undefined,
      [{ customer: { name: SECRET } }],
      CUSTOMER,
      ['type', ' added: null -> [redacted]'],
    ],
    [
      'what clean makes text of',
      { customer: { name: SECRET } },
      { customer: { name: 'x' } },
      { ...CUSTOMER, clean: JSON.stringify },
      ['value', ' changed: [redacted] -> [redacted]'],
    ],
    [
      'and null, which hides nothing',
      { customer: null, n: 1 },
      { customer: SECRET, n: 1 },
      CUSTOMER,
      ['value', '/customer changed: null -> [redacted]'],
    ],
    [
      'equal within the tolerance',
      { customer: 1, n: 1 },
      { customer: 1.01, n: 2 },
      { ...CUSTOMER, tolerance: { absolute: 0.1 } },
      ['value', '/n changed: 1 -> 2'],
    ],
  ])('cover all of a value of another shape: %s', (_, stable, canary, options, expected) => {
    const pair = compared(stable, canary, options);
    expect(summary(pair)).toEqual(expected);
    expect(JSON.stringify(pair)).not.toContain(SECRET);
  });

  it('cover all of a value of another shape in the texts of both sides', () => {
    const options = { sensitive: ['/customer/name', '/rows/*/iban', '/pair/1'] };
    const one = { n: 1, customer: SECRET, rows: [SECRET, [SECRET], null], pair: { value: SECRET } };
    const pair = compared(one, JSON.stringify(one), options);
    expect(pair.stable).toBe(
      '{"n":1,"customer":"[redacted]","rows":["[redacted]","[redacted]",null],"pair":"[redacted]"}',
    );
    expect(pair.canary).toBe('"[redacted]"');
    const definition = readParityOptions('sample', options);
    const failure = failed({ name: 'Error', message: SECRET }, 'canary');
    expect(compareObservations(definition, succeeded([one]), failure).stable).toBe('"[redacted]"');
  });

  it('are left out of the texts of both sides, and nothing else is', () => {
    const pair = compared({ n: 1, s: { x: SECRET } }, { n: 2, s: SECRET }, { sensitive: ['/s'] });
    expect([pair.stable, pair.canary]).toEqual(['{"n":1,"s":"[redacted]"}', '{"n":2,"s":"[redacted]"}']);
  });

  it.each<readonly [name: string, options: ParityOptions]>([
    [
      'clean throws',
      {
        clean: (v) => {
          throw new Error(JSON.stringify(v));
        },
      },
    ],
    [
      'clean throws the result itself',
      {
        clean: (v) => {
          throw v;
        },
      },
    ],
    [
      'clean throws an error with a talking name',
      {
        clean: (v) => {
          throw Object.assign(new Error(), { name: `Bad ${JSON.stringify(v)}` });
        },
      },
    ],
    ['clean answers a class instance', { clean: (v) => ({ [JSON.stringify(v)]: new Map() }) }],
    [
      'compare throws',
      {
        compare: (v) => {
          throw new Error(JSON.stringify(v));
        },
      },
    ],
    [
      'compare throws a talking code',
      {
        compare: (v) => {
          throw Object.assign(new Error(), { code: JSON.stringify(v) });
        },
      },
    ],
    ['compare answers the result', { compare: (v) => JSON.stringify(v) as unknown as boolean }],
  ])('where %s', (_, options) => {
    const pair = compared({ s: SECRET }, { s: SECRET }, { sensitive: ['/s'], ...options });
    expect(pair.comparison).toMatchObject({ verdict: 'mismatch', kind: 'comparator' });
    expect(JSON.stringify(pair)).not.toContain(SECRET);
  });

  it('errors are told by name and code', () => {
    const definition = readParityOptions('sample', { sensitive: ['/s'] });
    const error = { name: 'TypeError', message: `no ${SECRET}`, code: 'E_X' };
    for (const second of [
      succeeded({ s: SECRET }, 'canary'),
      failed({ name: SECRET.repeat(99), message: SECRET }, 'canary'),
    ]) {
      const pair = compareObservations(definition, failed(error), second);
      expect(mismatchOf(pair).note).toContain('TypeError (E_X)');
      expect(JSON.stringify(pair)).not.toContain(SECRET);
    }
  });
});

describe('what is kept of a side', () => {
  it('is short as it is', () => {
    const pair = compared({ a: ['x', { b: null }] }, [1, 'é"\n']);
    expect([pair.stable, pair.canary]).toEqual(['{"a":["x",{"b":null}]}', '[1,"é\\"\\n"]']);
  });

  it('has at most 4 KiB, no broken character, and a mark at its end', () => {
    for (let shift = 0; shift < 8; shift++) {
      for (const character of ['a', 'é', '語', '😀']) {
        const pair = compared('x'.repeat(shift) + character.repeat(100_000), {
          list: [character.repeat(5000)],
        });
        for (const text of [pair.stable ?? '', pair.canary ?? '']) {
          const bytes = Buffer.byteLength(text);
          expect(bytes).toBeLessThanOrEqual(4096);
          expect(bytes).toBeGreaterThan(4096 - 4);
          expect(Buffer.from(text).toString()).toBe(text);
          expect(text).toMatch(new RegExp(`${character}…$`, 'u'));
        }
      }
    }
  });

  it('is whole at exactly 4 KiB', () => {
    const [stable, canary] = ['a'.repeat(4094), 'é'.repeat(2047)];
    const pair = compared(stable, canary);
    expect([pair.stable, pair.canary]).toEqual([`"${stable}"`, `"${canary}"`]);
  });

  it('of a difference has at most 200 characters', () => {
    const [difference] = mismatchOf(compared('😀'.repeat(300), `${'a'.repeat(198)}`)).differences;
    expect(difference?.stable).toBe(`"${'😀'.repeat(99)}…`);
    expect(difference?.canary).toBe(`"${'a'.repeat(198)}"`);
    const [shifted] = mismatchOf(compared(`a${'😀'.repeat(300)}`, 1)).differences;
    expect(shifted?.stable).toBe(`"a${'😀'.repeat(98)}…`);
  });

  it('is not there for a match', () => {
    const { stable, canary, paths } = compared({ a: 1 }, { a: 1 });
    expect({ stable, canary, paths }).toEqual({ stable: null, canary: null, paths: [] });
  });
});
