import { describe, expect, it } from '@jest/globals';
import { InvalidTaskDefinitionError } from '../../src/domain/errors.ts';
import type { ParityOptions } from '../../src/domain/parity.ts';
import { readParityOptions } from '../../src/domain/parity-options.ts';

/** What is refused: the field and the message. */
function refusal(options: unknown): { readonly field: string; readonly message: string } {
  try {
    readParityOptions('sample', options as ParityOptions);
  } catch (error) {
    if (error instanceof InvalidTaskDefinitionError) return { field: error.field, message: error.message };
    throw error;
  }
  return { field: '', message: 'accepted' };
}

describe('the parity options of a task', () => {
  it.each([undefined, {}])('%p: everything has its default', (options) => {
    expect(readParityOptions('sample', options)).toEqual({
      shadowSafe: false,
      ignore: [],
      tolerance: { absolute: 0, relative: 0 },
      unordered: [],
      sensitive: [],
      clean: null,
      compare: null,
    });
  });

  it('keeps what is given, half a tolerance and none too', () => {
    const clean = (value: unknown) => value;
    const options = {
      shadowSafe: true,
      ignore: ['/a~1b/~0', '/', '/pages/*/id'],
      tolerance: { relative: 0.01 },
      unordered: ['', '/*/tags'],
      sensitive: [''],
      clean,
      compare: Object.is,
    };
    expect(readParityOptions('sample', options)).toEqual({
      ...options,
      tolerance: { absolute: 0, relative: 0.01 },
    });
    expect(readParityOptions('sample', { tolerance: {} }).tolerance).toEqual({ absolute: 0, relative: 0 });
  });

  it('cannot be changed afterwards', () => {
    const ignore = ['/a'];
    const definition = readParityOptions('sample', { ignore });
    ignore.push('/b');
    expect(definition.ignore).toEqual(['/a']);
    const parts = [
      definition,
      definition.ignore,
      definition.tolerance,
      definition.unordered,
      definition.sensitive,
    ];
    expect(parts.every(Object.isFrozen)).toBe(true);
  });

  it.each<readonly [options: unknown, field: string, part: string]>([
    [null, 'parity', 'an object with shadowSafe'],
    ['yes', 'parity', 'an object with shadowSafe'],
    [[], 'parity', 'an object with shadowSafe'],
    [
      { ignor: ['/a'] },
      'parity.ignor',
      'shadowSafe, ignore, tolerance, unordered, sensitive, clean and compare',
    ],
    [{ shadowSafe: 'yes' }, 'parity.shadowSafe', 'is "yes"; allowed: true or false'],
    [{ ignore: '/a' }, 'parity.ignore', 'an array of JSON pointers'],
    [{ ignore: ['/a', 'b'] }, 'parity.ignore[1]', 'is "b"; allowed: a JSON pointer'],
    [{ ignore: ['/a', 7] }, 'parity.ignore[1]', 'is 7; allowed: a JSON pointer'],
    [{ ignore: new Array(1) }, 'parity.ignore[0]', 'is undefined'],
    [{ ignore: ['/a', ''] }, 'parity.ignore[1]', 'nothing to compare'],
    [{ unordered: ['/a~'] }, 'parity.unordered[0]', '"~" is written "~0"'],
    [{ sensitive: ['/a~2b'] }, 'parity.sensitive[0]', '"~" is written "~0"'],
    [{ tolerance: 0.1 }, 'parity.tolerance', 'absolute and relative'],
    [{ tolerance: { absolut: 1 } }, 'parity.tolerance.absolut', 'absolute and relative'],
    [{ tolerance: { absolute: -1 } }, 'parity.tolerance.absolute', 'is -1; allowed: a finite number'],
    [{ tolerance: { relative: Number.NaN } }, 'parity.tolerance.relative', 'is NaN'],
    [{ tolerance: { relative: Number.POSITIVE_INFINITY } }, 'parity.tolerance.relative', 'is Infinity'],
    [{ tolerance: { relative: '1 %' } }, 'parity.tolerance.relative', 'is "1 %"'],
    [{ clean: true }, 'parity.clean', 'a function that is not async'],
    [{ clean: async (value: unknown) => value }, 'parity.clean', 'is "AsyncFunction"'],
    [{ compare: null }, 'parity.compare', 'is null; allowed: a function'],
    [{ compare: function* () {} }, 'parity.compare', 'is "GeneratorFunction"'],
    [{ unordered: ['/tags'], ignore: ['/tags/0'] }, 'parity.ignore[0]', '"*" and no position after "/tags"'],
    [
      { unordered: ['/*'], sensitive: ['/x', '/tags/0/name'] },
      'parity.sensitive[1]',
      'no position after "/*"',
    ],
    [{ unordered: ['', '/0/tags'] }, 'parity.unordered[1]', 'no position after ""'],
    [{ unordered: ['/list'], sensitive: ['/list/0'] }, 'parity.sensitive[0]', 'no position after "/list"'],
    [{ unordered: ['/list'], sensitive: ['/*/0'] }, 'parity.sensitive[0]', 'no position after "/list"'],
    [{ unordered: ['/list'], sensitive: ['/list/12/iban'] }, 'parity.sensitive[0]', 'after "/list"'],
    [{ unordered: ['/*/tags'], sensitive: ['/3/*/0'] }, 'parity.sensitive[0]', 'after "/*/tags"'],
    [{ unordered: ['/a/3/tags'], ignore: ['/a/*/tags/0'] }, 'parity.ignore[0]', 'after "/a/3/tags"'],
    [{ unordered: ['/a', '/a/*'], ignore: ['/a/*/0'] }, 'parity.ignore[0]', 'after "/a/*"'],
  ])('%p is refused', (options, field, part) => {
    const { field: refused, message } = refusal(options);
    expect(refused).toBe(field);
    expect(message).toContain(part);
  });

  it('positions beside unordered arrays, and in ordered ones within them, are accepted', () => {
    const options = { unordered: ['/list'], sensitive: ['/list/*/pair/0', '/other/0', '/list/*'] };
    expect(refusal(options).message).toBe('accepted');
  });

  it('shows no more of what is given than a line', () => {
    expect(refusal({ ignore: ['x'.repeat(10_000)] }).message.length).toBeLessThan(400);
  });
});
