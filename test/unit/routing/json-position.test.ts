import { describe, expect, it } from '@jest/globals';
import { findJsonSyntaxError } from '../../../src/routing/json-position.ts';
import { seededRandom } from '../../support/seeded-random.ts';

describe('findJsonSyntaxError', () => {
  it.each<[string, number, number, string, string]>([
    ['', 1, 1, 'end of file', 'a value'],
    ['{\n  "a": 1,\n}', 3, 1, '}', 'a key in double quotes'],
    ['{\n  "a" 1\n}', 2, 7, '1', '":"'],
    ['{ "a": 1 "b": 2 }', 1, 10, '"b"', '"," or "}"'],
    ['[1, 2', 1, 6, 'end of file', '"," or "]"'],
    ['[1, ]', 1, 5, ']', 'a value'],
    ['{ on: true }', 1, 3, 'on', 'a key in double quotes or "}"'],
    ["{ 'on': true }", 1, 3, "'on'", 'a key in double quotes or "}"'],
    ['{ "on": True }', 1, 9, 'True', 'a value'],
    ['{ "on": "a\nb" }', 1, 9, '"a', 'a value'],
    ['{ "on": "\\x" }', 1, 9, '"\\x"', 'a value'],
    ['{ "on": 1. }', 1, 10, '.', '"," or "}"'],
    ['{} // done', 1, 4, '//', 'the end of the file'],
    ['{"文": 是}', 1, 7, '是', 'a value'],
    ['[}', 1, 2, '}', 'a value or "]"'],
    ['%', 1, 1, '%', 'a value'],
  ])('%j: line %d, column %d', (text, line, column, found, expected) => {
    expect(findJsonSyntaxError(text)).toEqual({ line, column, found, expected });
  });

  it('agrees with JSON.parse on damaged texts', () => {
    const seed = 99;
    const random = seededRandom(seed);
    const good = JSON.stringify(
      { a: [1, -2.5e3, true, null, 'x"\\\u0001\u0085é🙂'], b: { c: [], d: {} } },
      null,
      1,
    );
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '0',
      '-',
      'e',
      '.',
      ' ',
      '\n',
      't',
      '\t',
      'null',
    ];
    for (let i = 0; i < 3_000; i++) {
      const at = Math.floor(random() * good.length);
      const piece = pieces[Math.floor(random() * pieces.length)] ?? '';
      const text = good.slice(0, at) + piece + good.slice(at + Math.floor(random() * 3));
      expect({ seed, i, text, isJson: findJsonSyntaxError(text) === null }).toEqual({
        seed,
        i,
        text,
        isJson: isJson(text),
      });
    }
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
