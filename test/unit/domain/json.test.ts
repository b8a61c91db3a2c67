import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { NotJsonSafeError, PayloadTooLargeError } from '../../../src/domain/errors.ts';
import { encodeJson } from '../../../src/domain/json.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const encode = (value: unknown, limitBytes = 10_000) => encodeJson('The payload', value, limitBytes);

function refusalOf(value: unknown): NotJsonSafeError {
  try {
    encode(value);
  } catch (error) {
    expect(error).toBeInstanceOf(NotJsonSafeError);
    return error as NotJsonSafeError;
  }
  throw new Error('was not refused');
}

describe('encodeJson: what JSON holds', () => {
  const VALUES: readonly unknown[] = [
    null,
    true,
    '',
    'text "quoted"\n文\u0000\ud800',
    0,
    -1.5e-7,
    Number.MAX_SAFE_INTEGER,
    [],
    {},
    [[], [null], {}],
    { a: { b: [1, 'two', false, null] }, '': 0, 'a/b~c': 1 },
    JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}'),
  ];

  it.each(VALUES.map((value) => [JSON.stringify(value), value]))('reads back the same: %s', (_, value) => {
    const { text, value: kept } = encode(value);
    expect(JSON.parse(text)).toEqual(value);
    expect(kept).toEqual(value);
  });

  it('leaves out properties that are undefined, as plain JSON does', () => {
    expect(encode({ a: undefined, b: 1 }).text).toBe('{"b":1}');
  });

  it('takes objects without a prototype, and those of another realm', () => {
    expect(encode(Object.assign(Object.create(null), { a: 1 })).text).toBe('{"a":1}');
    expect(encode(runInNewContext('({ a: [1, { b: 2 }] })')).text).toBe('{"a":[1,{"b":2}]}');
  });

  it('takes one value in two places: that is no cycle', () => {
    const shared = { x: 1 };
    expect(encode({ a: shared, b: [shared, shared] }).text).toBe('{"a":{"x":1},"b":[{"x":1},{"x":1}]}');
  });

  it('reads back the same for any tree', () => {
    const seed = 20_260_211;
    const random = seededRandom(seed);
    const tree = (depth: number): unknown => {
      const kind = Math.floor(random() * (depth > 4 ? 4 : 6));
      if (kind === 0) return random() < 0.5;
      if (kind === 1) return (random() - 0.5) * 10 ** Math.floor(random() * 30);
      if (kind === 2) return String.fromCharCode(...Array.from({ length: 5 }, () => random() * 0xffff));
      if (kind === 3) return null;
      const members = Array.from({ length: Math.floor(random() * 4) }, () => tree(depth + 1));
      return kind === 4 ? members : Object.fromEntries(members.map((m, i) => [`k${i}/~`, m]));
    };
    for (let i = 0; i < 300; i++) {
      const value = tree(0);
      const same = JSON.stringify(JSON.parse(encode(value, 1e6).text)) === JSON.stringify(value);
      expect({ seed, i, same }).toEqual({ seed, i, same: true });
    }
  });
});

describe('encodeJson: what JSON would change without a word', () => {
  class Point {
    x = 1;
  }
  const cycle: Record<string, unknown> = { inner: {} };
  cycle.inner = { back: cycle };
  const ring: unknown[] = [];
  ring.push(ring);

  const CASES: readonly (readonly [name: string, value: unknown, path: string, problem: string])[] = [
    ['undefined', undefined, '', 'undefined'],
    ['NaN', { a: Number.NaN }, '/a', 'the number NaN'],
    ['Infinity', [1, Number.POSITIVE_INFINITY], '/1', 'the number Infinity'],
    ['a BigInt', { a: [{ b: 10n }] }, '/a/0/b', 'a bigint'],
    ['a function', { a: () => 1 }, '/a', 'a function'],
    ['a symbol', [Symbol('s')], '/0', 'a symbol'],
    ['undefined in an array', [1, undefined], '/1', 'undefined'],
    ['a hole in an array', Array(2), '/0', 'undefined'],
    ['a Map', { a: new Map([['k', 1]]) }, '/a', 'a Map'],
    ['a Set', new Set([1]), '', 'a Set'],
    ['a Date', { at: new Date(0) }, '/at', 'a Date'],
    ['bytes', { b: Buffer.from('x') }, '/b', 'a Buffer'],
    ['an error', [new Error('e')], '/0', 'a Error'],
    ['a class instance', { p: new Point() }, '/p', 'a Point'],
    ['an object with toJSON', { t: { toJSON: () => 'other' } }, '/t', 'an object with toJSON()'],
    ['a key with / and ~', { 'a/b~c': Number.NaN }, '/a~1b~0c', 'the number NaN'],
  ];

  it.each(CASES)('%s', (_, value, path, problem) => {
    const refusal = refusalOf(value);
    expect(refusal).toMatchObject({ code: 'E_NOT_JSON_SAFE', what: 'The payload', path, problem });
    expect(refusal.message).toContain(`${path || '(top)'} is ${problem}`);
  });

  it.each([
    ['an object that contains itself', cycle],
    ['an array that contains itself', ring],
  ])('%s', (_, value) => {
    expect(refusalOf(value).problem).toContain('contains itself');
  });

  it('a depth at which recursion would end the process', () => {
    const nested = (levels: number) => {
      let value: unknown = 'leaf';
      for (let i = 0; i < levels; i++) value = [value];
      return value;
    };
    expect(encode(nested(200)).text).toHaveLength(406);
    expect(refusalOf(nested(202)).problem).toContain('nested deeper');
    expect(refusalOf(nested(100_000)).problem).toContain('nested deeper');
  });

  it('shows no value in its message', () => {
    const refusal = refusalOf({ secret: 'SECRET', list: ['SECRET', Number.NaN] });
    expect(refusal.message).not.toContain('SECRET');
  });
});

describe('encodeJson: the size limit', () => {
  it('counts the bytes of the text, not its characters', () => {
    expect(encode('a'.repeat(98), 100).text).toHaveLength(100);
    expect(() => encode('a'.repeat(99), 100)).toThrow(PayloadTooLargeError);
    expect(encode('文'.repeat(32), 98).text).toHaveLength(34);
    expect(() => encode('文'.repeat(33), 98)).toThrow(PayloadTooLargeError);
    expect(encode('😀'.repeat(24), 98).text).toHaveLength(50);
    expect(() => encode('😀'.repeat(25), 98)).toThrow(PayloadTooLargeError);
  });

  it('says how much was given and how much is allowed, and none of it', () => {
    expect(() => encode({ text: 'SECRET'.repeat(10) }, 50)).toThrow(
      expect.objectContaining({
        code: 'E_PAYLOAD_TOO_LARGE',
        bytes: 71,
        limitBytes: 50,
        message: 'The payload has 71 bytes; allowed: 50. Store it elsewhere and submit a reference.',
      }),
    );
  });
});

it('refuses an object that is reached on more ways than fit, without walking them all', () => {
  let value: unknown = 'leaf';
  for (let level = 0; level < 40; level++) value = { a: value, b: value };
  expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'E_PAYLOAD_TOO_LARGE', bytes: null }));
});
