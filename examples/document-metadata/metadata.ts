import { byCodePoint } from './order.ts';
import { rank, rankKeywords, sentenceGraph } from './text-rank.ts';
import { type Language, languageOf, type Sentence, sentencesOf, TABLE_CELL } from './words.ts';

export interface ChunkMetadata {
  /** One or two of the chunk's own sentences, in the order of the text. */
  readonly summary: string;
  /** Up to eight, best first. */
  readonly keywords: string[];
  readonly language: Language;
  readonly sentences: number;
  readonly words: number;
}

export interface PreparedChunk {
  readonly text: string;
  readonly language: Language;
  readonly sentences: readonly Sentence[];
}

export interface AnalysedChunk extends PreparedChunk {
  /** Best first. */
  readonly keywords: readonly string[];
  /** Sentences that a summary may be made of, in order, each with its rank. */
  readonly candidates: readonly { readonly text: string; readonly rank: number }[];
}

const MAX_KEYWORDS = 8;
const MAX_DOCUMENT_KEYWORDS = 12;
const SUMMARY_SENTENCES = 2;
/** Length of a summary, and of a sentence that may be part of it. Chinese says more in a character. */
const MAX_SUMMARY_LENGTH = { en: 320, zh: 160 };
/** With fewer terms than this in sentences, headings and lists count too; with hardly any there either, code. */
const ENOUGH_TERMS = { prose: 12, lines: 4 };
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Summary and keywords of a chunk, taken from its own words by TextRank. The same text gives the same answer on every
 * machine with the same Node version (whose ICU decides where Chinese words end).
 */
export function describeChunk(text: string): ChunkMetadata {
  return generate(analyse(prepare(text)));
}

/** Finds language, sentences and words. */
export function prepare(text: string): PreparedChunk {
  const language = languageOf(text);
  return { text, language, sentences: sentencesOf(text, language) };
}

/** Ranks words and sentences. */
export function analyse(chunk: PreparedChunk): AnalysedChunk {
  const limit = MAX_SUMMARY_LENGTH[chunk.language];
  const ofKind = (...kinds: Sentence['kind'][]) => chunk.sentences.filter(({ kind }) => kinds.includes(kind));
  const [prose, lines] = [ofKind('prose'), ofKind('prose', 'line')];
  const spoken =
    termCount(prose) >= ENOUGH_TERMS.prose
      ? prose
      : termCount(lines) >= ENOUGH_TERMS.lines
        ? lines
        : chunk.sentences;
  // A sentence that is a list of everything says less than its neighbours, however many words they share.
  const fitting = prose.filter(({ text }) => text.length <= limit);
  const entries = lines.filter(({ text, words }) => words >= 4 && !text.includes(TABLE_CELL));
  const pool = [fitting, prose, entries, lines].find((some) => some.length > 0) ?? chunk.sentences;
  const ranks = rank(sentenceGraph(pool));
  return {
    ...chunk,
    keywords: unlike(rankKeywords(spoken).map(({ text }) => text)).slice(0, MAX_KEYWORDS),
    candidates: pool.map(({ text }, i) => ({
      text: shorten(text, limit),
      // Writers say first what a passage is about.
      rank: (ranks.get(String(i)) ?? 0) * (i === 0 ? 1.2 : 1),
    })),
  };
}

/** Picks the summary's sentences. */
export function generate(chunk: AnalysedChunk): ChunkMetadata {
  const limit = MAX_SUMMARY_LENGTH[chunk.language];
  const best = chunk.candidates
    .map((candidate, index) => ({ ...candidate, index }))
    .sort((a, b) => round(b.rank) - round(a.rank) || a.index - b.index);
  const picked: typeof best = [];
  for (const candidate of best) {
    const length = picked.reduce((sum, { text }) => sum + text.length + 1, candidate.text.length);
    if (picked.length > 0 && (length > limit || picked.some(({ text }) => text === candidate.text))) continue;
    picked.push(candidate);
    if (picked.length === SUMMARY_SENTENCES) break;
  }
  picked.sort((a, b) => a.index - b.index);
  const summary = picked.reduce(
    (joined, { text }) => joined + (/(?:^|[。！？…])$/.test(joined) ? '' : ' ') + text,
    '',
  );
  return {
    summary: summary || shorten(chunk.text.replace(/\s+/g, ' ').trim(), limit),
    keywords: [...chunk.keywords],
    language: chunk.language,
    sentences: chunk.sentences.length,
    words: chunk.sentences.reduce((sum, sentence) => sum + sentence.words, 0),
  };
}

/** Keywords of a whole document: those that stand high in many of its chunks. Ties by code point. */
export function mergeKeywords(ofChunks: Iterable<readonly string[]>): string[] {
  const scores = new Map<string, { text: string; score: number }>();
  for (const keywords of ofChunks) {
    for (const [place, text] of keywords.entries()) {
      const entry = scores.get(text.toLowerCase()) ?? { text, score: 0 };
      entry.score += 1 / (place + 1);
      scores.set(text.toLowerCase(), entry);
    }
  }
  return [...scores.values()]
    .sort((a, b) => round(b.score) - round(a.score) || byCodePoint(a.text, b.text))
    .slice(0, MAX_DOCUMENT_KEYWORDS)
    .map(({ text }) => text);
}

function termCount(sentences: readonly Sentence[]): number {
  return sentences.reduce((sum, { terms }) => sum + terms.length, 0);
}

/** Leaves out a keyword that differs from a better one only in capitals. */
function unlike(keywords: readonly string[]): string[] {
  const seen = new Set<string>();
  return keywords.filter((text) => !seen.has(text.toLowerCase()) && seen.add(text.toLowerCase()));
}

function round(score: number): number {
  return Math.round(score * 1e6) / 1e6;
}

function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = graphemes.segment(text.slice(0, limit + 20)).containing(limit - 1)?.index ?? 0;
  const cut = text.slice(0, end > 0 ? end : limit - 1);
  const space = cut.lastIndexOf(' ');
  return `${(space > limit / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}
