import { describe, expect, it } from '@jest/globals';
import {
  documentIdOf,
  MAX_CHUNK_LENGTH,
  splitIntoChunks,
} from '../../../examples/document-metadata/chunking.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const squeeze = (text: string) => text.replace(/\s+/g, '');
const join = (text: string) =>
  squeeze(
    splitIntoChunks('d', text)
      .map((chunk) => chunk.text)
      .join(''),
  );
const textsOf = (text: string) => splitIntoChunks('d', text).map((chunk) => chunk.text);

describe('splitIntoChunks', () => {
  it('gives stable ids that lead back to the document, whatever its name', () => {
    const chunks = splitIntoChunks('notes/第一#2.md', 'One sentence of many. '.repeat(200));
    expect(chunks.slice(0, 2).map(({ chunkId, index }) => [chunkId, index])).toEqual([
      ['notes/第一#2.md#0001', 0],
      ['notes/第一#2.md#0002', 1],
    ]);
    expect(documentIdOf(chunks[1]?.chunkId ?? '')).toBe('notes/第一#2.md');
  });

  it('has no chunks for no text, and one for a short text', () => {
    expect(textsOf('')).toEqual([]);
    expect(textsOf(' \n\n ')).toEqual([]);
    expect(textsOf('Short.')).toEqual(['Short.']);
  });

  it('cuts between paragraphs where it can, and keeps the indentation of code', () => {
    const first = `${'a'.repeat(1190)} end.`;
    expect(textsOf(`${first}\n\n    code();\n${'b'.repeat(1200)}`)).toEqual([
      first,
      `    code();\n${'b'.repeat(1200)}`,
    ]);
  });

  it('cuts between sentences, English and Chinese, where there is no paragraph', () => {
    for (const sentence of [
      'This is a sentence of a long text without any paragraph. ',
      '这是一个没有段落的长文本里的句子。',
    ]) {
      const chunks = textsOf(sentence.repeat(150));
      expect(chunks.length).toBeGreaterThan(1);
      for (const chunk of chunks) expect(chunk.slice(-sentence.trim().length)).toBe(sentence.trim());
    }
  });

  it('knows the language of a chunk', () => {
    const chunks = splitIntoChunks(
      'd',
      `${'Plain English words. '.repeat(60)}\n\n${'中文的句子，说明任务队列。'.repeat(90)}`,
    );
    expect(chunks[0]?.language).toBe('en');
    expect(chunks.at(-1)?.language).toBe('zh');
  });

  it('handles 100 kB without a space, and characters made of many code points, in one piece', () => {
    const family = '👨‍👩‍👧‍👦';
    const flag = '🇨🇳';
    for (const unbroken of [
      'x'.repeat(100_000),
      family.repeat(9_000),
      flag.repeat(25_000),
      '𠮷'.repeat(50_000),
    ]) {
      const chunks = textsOf(unbroken);
      expect(chunks.join('')).toBe(unbroken);
      const unit = [family, flag, '𠮷'].find((one) => unbroken.startsWith(one)) ?? 'x';
      for (const chunk of chunks) {
        expect(chunk.length).toBeLessThanOrEqual(MAX_CHUNK_LENGTH);
        expect(chunk.length % unit.length).toBe(0);
      }
    }
  });

  it('keeps to the greatest length even where a single character is longer', () => {
    const piled = `a${'\u0301'.repeat(10_000)}`;
    expect(textsOf(piled).join('')).toBe(piled);
    expect(Math.max(...textsOf(piled).map((chunk) => chunk.length))).toBeLessThanOrEqual(MAX_CHUNK_LENGTH);
  });

  it('loses nothing and cuts no surrogate pair, whatever the text (property, 150 seeded texts)', () => {
    const pieces = [
      'word ',
      'Ends here. ',
      '\n\n',
      '\n',
      '    code();\n',
      '任务队列',
      '。',
      '，',
      '𠮷',
      '👩‍🚀',
      'é',
      '\t',
      '  ',
      'x'.repeat(400),
      '!?',
      '\u00A0',
    ];
    for (let seed = 1; seed <= 150; seed++) {
      const random = seededRandom(seed);
      const length = Math.floor(random() * 1500);
      const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join('');
      const chunks = textsOf(text);
      const wrong = {
        seed,
        lost: join(text) !== squeeze(text),
        tooLong: chunks.some((chunk) => chunk.length > MAX_CHUNK_LENGTH),
        blank: chunks.some((chunk) => chunk.trim() === ''),
        torn: chunks.some((chunk) => /\p{Cs}/u.test(chunk)),
      };
      expect(wrong).toEqual({ seed, lost: false, tooLong: false, blank: false, torn: false });
    }
  });
});
