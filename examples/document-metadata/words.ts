import { stemmer } from 'stemmer';
import { eng, zho } from 'stopword';

export type Language = 'en' | 'zh';

export interface Term {
  /** What inflected forms have in common: the stem of an English word. */
  readonly key: string;
  /** As it stands in the text. */
  readonly surface: string;
  /** Place in its sentence: neighbours differ by 1, words with a mark between them by more. */
  readonly position: number;
}

export interface Sentence {
  readonly text: string;
  /** `prose`: a real sentence. `line`: a heading, list entry or table row. `code`: an indented line. */
  readonly kind: 'prose' | 'line' | 'code';
  readonly words: number;
  /** Words that carry meaning, in order. */
  readonly terms: readonly Term[];
}

const segmenters = {
  en: {
    word: new Intl.Segmenter('en', { granularity: 'word' }),
    sentence: new Intl.Segmenter('en', { granularity: 'sentence' }),
  },
  zh: {
    word: new Intl.Segmenter('zh', { granularity: 'word' }),
    sentence: new Intl.Segmenter('zh', { granularity: 'sentence' }),
  },
};

/** Words that say nothing about a technical text, beside the lists of `stopword`. */
const MORE_STOP_WORDS =
  'able anything something its including although e.g i.e also already always another any based few most much not nor below both cannot certain current currently default different does done each either ' +
  'etc even every example examples following given gets however instead just like many may maybe might must need needed ' +
  'needs never new note now one only otherwise possible provide provided provides rather same see set several should simply ' +
  'since some still such sure take than then there these thing things this those thus two use used useful user uses using ' +
  'usually via want way well when whether which while will within without would yes you your ' +
  '以及 进行 可以 需要 使用 通过 如果 因此 其中 目前 已经 一个 一些 这个 这些 那个 那些 或者 并且 不会 不是 没有 还是 之后 之前 同时 每个 ' +
  '以下 如下 例如 包括 支持 提供 相关 主要 用于 其他 任何 所有 它们 我们 你们 他们 就是 只有 只要 这样 那样 所以 但是 而且 时候 什么 怎么';
const CODE_WORDS = new Set(
  (
    'import from export const let var def func function class self this return await async new true false null none nil undefined ' +
    'require module exports console log print len str int bool string number void type interface public private static foo bar baz'
  ).split(' '),
);
const stopWords = new Set([...eng, ...zho, ...MORE_STOP_WORDS.split(' ')]);

/** Stands between two cells of a table row. */
export const TABLE_CELL = ' | ';
const ADDRESS = /\b[a-z][a-z0-9+.-]*:\/\/\S+|\b(?:www\.)\S+|[\w.+-]{1,64}@\S+/gi;
const ABBREVIATION = /(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|no|mr|mrs|dr|st)\.|\b[A-Z]\.)\s*$/i;
const SENTENCE_END = /[.!?。！？…][)\]"'”’」』》*]*$/;

/**
 * Chinese when at least a fifth of the letters are Chinese characters: technical Chinese is full of Latin names. Code is
 * left out of the count where there is anything else.
 */
export function languageOf(text: string): Language {
  const prose = text.replace(/^ {4}.*$/gm, '');
  const counted = /\p{L}/u.test(prose) ? prose : text;
  const han = counted.match(/\p{sc=Han}/gu)?.length ?? 0;
  const letters = counted.match(/\p{L}/gu)?.length ?? 0;
  return han > 0 && han * 5 >= letters ? 'zh' : 'en';
}

/** The sentences of a text in order; a line break ends a sentence. Parts without a letter or digit are left out. */
export function sentencesOf(text: string, language: Language): Sentence[] {
  const found: Sentence[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const isCode = /^ {4}/.test(line);
    for (const part of isCode ? [line] : splitLine(line.replace(/^\s*(?:[-*•]|\d+[.)])\s+/, ''), language)) {
      const trimmed = part.trim();
      const { words, terms } = termsOf(trimmed, language, isCode);
      if (words > 0)
        found.push({ text: trimmed, kind: isCode ? 'code' : kindOf(trimmed, words), words, terms });
    }
  }
  return found;
}

function splitLine(line: string, language: Language): string[] {
  const parts: string[] = [];
  for (const { segment } of segmenters[language].sentence.segment(line)) {
    const previous = parts.at(-1);
    if (previous !== undefined && ABBREVIATION.test(previous)) parts[parts.length - 1] = previous + segment;
    else parts.push(segment);
  }
  return parts;
}

function kindOf(text: string, words: number): 'prose' | 'line' {
  const letters = text.match(/[\p{L}\p{N}\s]/gu)?.length ?? 0;
  if (words < 4 || letters < text.length * 0.7 || text.includes(TABLE_CELL)) return 'line';
  // Chinese lists often leave the full stop out; a comma shows that it is a sentence all the same.
  return SENTENCE_END.test(text) || (words >= 8 && text.includes('，')) ? 'prose' : 'line';
}

function termsOf(sentence: string, language: Language, isCode: boolean): { words: number; terms: Term[] } {
  const terms: Term[] = [];
  let words = 0;
  let position = 0;
  for (const { segment, isWordLike } of segmenters[language].word.segment(sentence.replace(ADDRESS, ' '))) {
    if (!isWordLike) {
      // A mark between two words parts them; a hyphen does not.
      if (segment.trim() !== '' && segment !== '-') position++;
      continue;
    }
    words++;
    position++;
    const lower = segment.toLowerCase();
    if (!carriesMeaning(segment, lower) || (isCode && CODE_WORDS.has(lower))) continue;
    terms.push({ key: /^[a-z]+$/.test(lower) ? stemmer(lower) : lower, surface: segment, position });
  }
  return { words, terms };
}

function carriesMeaning(surface: string, lower: string): boolean {
  if (!/^\p{L}/u.test(surface) || surface.length > 40 || stopWords.has(lower)) return false;
  if (/\p{sc=Han}/u.test(surface)) return true;
  return surface.length >= 3 || /^\p{Lu}{2}$/u.test(surface);
}
