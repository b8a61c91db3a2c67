import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseLine, readLines, readText } from '../../../src/cli/json-input.ts';

let file = '';
beforeAll(() => {
  file = join(mkdtempSync(join(tmpdir(), 'hybrid-input-')), 'input');
});
afterAll(() => rmSync(join(file, '..'), { recursive: true }));

async function linesOf(content: string | Buffer): Promise<[number, string | null][]> {
  writeFileSync(file, content);
  const lines: [number, string | null][] = [];
  for await (const { number, text } of readLines(file)) lines.push([number, text]);
  return lines;
}

describe('readLines', () => {
  it('gives the lines with their numbers, without the empty ones, whatever ends them', async () => {
    expect(await linesOf('\uFEFF1\r\n\n  \n{"a":"é"}\n3')).toEqual([
      [1, '1\r'],
      [4, '{"a":"é"}'],
      [5, '3'],
    ]);
    expect(await linesOf('1\n')).toEqual([[1, '1']]);
    expect(await linesOf('')).toEqual([]);
  });

  it('leaves whole what JSON may hold and others take for the end of a line', async () => {
    const text = JSON.stringify('a\u2028b\u2029c\u0085d');
    expect(await linesOf(`${text}\n1`)).toEqual([
      [1, text],
      [2, '1'],
    ]);
  });

  it('puts lines and characters together that are read in pieces', async () => {
    // Files are read 64 KiB at a time.
    const long = JSON.stringify('é你'.repeat(50_000));
    const texts = [long, '1', long, long];
    expect(await linesOf(texts.join('\n'))).toEqual(texts.map((text, i) => [i + 1, text]));
  });

  it.each([
    ['a byte of another encoding', [0xe9]],
    ['a character that is cut off', [0xe4, 0xbd]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['more bytes than the character needs', [0xc0, 0xaf]],
  ])('gives no text where it would have to make some up: %s', async (_what, bytes) => {
    const bad = Buffer.from([0x22, ...bytes, 0x22]);
    const lines = await linesOf(Buffer.concat([Buffer.from('1\n'), bad, Buffer.from('\n3')]));
    expect(lines).toEqual([
      [1, '1'],
      [2, null],
      [3, '3'],
    ]);
    expect(() => parseLine({ number: 2, text: null }, 'Line 2')).toThrow('Line 2 is not UTF-8. Allowed:');
  });

  it('ends when it is told to', async () => {
    writeFileSync(file, '1\n2\n3\n');
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const { text } of readLines(file, stop.signal)) {
      seen.push(String(text));
      stop.abort();
    }
    expect(seen.length).toBeLessThan(4);
    for await (const _ of readLines(file, stop.signal)) throw new Error('It was told to end before.');
  });
});

describe('readText', () => {
  it('gives the whole file, or says that it is no UTF-8', async () => {
    writeFileSync(file, '\uFEFF{"a":"é"}\n');
    expect(await readText(file)).toBe('{"a":"é"}\n');
    writeFileSync(file, Buffer.from('"é"', 'latin1'));
    await expect(readText(file)).rejects.toThrow(`${file} is not UTF-8. Allowed: JSON in UTF-8.`);
  });
});
