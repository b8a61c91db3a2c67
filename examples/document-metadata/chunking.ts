import { type Language, languageOf } from './words.ts';

export interface Chunk {
  /** `<documentId>#0001`, counted from 1. */
  readonly chunkId: string;
  readonly documentId: string;
  /** From 0. */
  readonly index: number;
  readonly text: string;
  readonly language: Language;
}

/** Length of a chunk in UTF-16 units. No chunk is longer than `MAX_CHUNK_LENGTH`. */
export const MIN_CHUNK_LENGTH = 1000;
export const MAX_CHUNK_LENGTH = 1500;

/** Segmenters judge a place by what follows it. */
const LOOKAHEAD = 200;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const sentences = {
  en: new Intl.Segmenter('en', { granularity: 'sentence' }),
  zh: new Intl.Segmenter('zh', { granularity: 'sentence' }),
};

/**
 * Cuts a document's text into chunks of about 1,000 to 1,500 characters: between paragraphs where it can, else between
 * sentences, else between words, else between characters as a reader sees them. Chunks are slices: joined, they give the
 * text again but for the white space at the cuts. A text of white space only has no chunks.
 */
export function splitIntoChunks(documentId: string, text: string): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  while (start < text.length) {
    const end = nextCut(text, start);
    // Not trimStart: indentation says that a line is code.
    const slice = text
      .slice(start, end)
      .replace(/^(?:[^\S\n]*\n)+/, '')
      .trimEnd();
    if (slice.trim() !== '') {
      chunks.push({
        chunkId: `${documentId}#${String(chunks.length + 1).padStart(4, '0')}`,
        documentId,
        index: chunks.length,
        text: slice,
        language: languageOf(slice),
      });
    }
    start = end;
  }
  return chunks;
}

/** The document that a chunk belongs to. */
export function documentIdOf(chunkId: string): string {
  return chunkId.slice(0, Math.max(0, chunkId.lastIndexOf('#')));
}

function nextCut(text: string, start: number): number {
  const left = text.length - start;
  if (left <= MAX_CHUNK_LENGTH) return text.length;
  // Near the end both of the last two chunks get their share, so that none is a crumb.
  const isLastCut = left < MAX_CHUNK_LENGTH + MIN_CHUNK_LENGTH;
  const max = isLastCut ? Math.min(MAX_CHUNK_LENGTH, left - MIN_CHUNK_LENGTH / 2) : MAX_CHUNK_LENGTH;
  const min = isLastCut ? Math.min(MIN_CHUNK_LENGTH, max / 2) : MIN_CHUNK_LENGTH;
  const window = text.slice(start, start + max + LOOKAHEAD);

  const paragraph = lastMatch(window, /\n[^\S\n]*\n/g, min, max);
  if (paragraph !== null) return start + paragraph;
  const sentence = lastBoundary(sentences[languageOf(window)], window, min, max);
  if (sentence !== null) return start + sentence;
  const space = lastMatch(window, /\s+/g, min, max);
  if (space !== null) return start + graphemeAt(window, space);
  return start + graphemeAt(window, max);
}

/** Where the last match that starts in [min, max] starts. */
function lastMatch(window: string, pattern: RegExp, min: number, max: number): number | null {
  let last: number | null = null;
  for (const match of window.matchAll(pattern))
    if (match.index >= min && match.index <= max) last = match.index;
  return last;
}

function lastBoundary(segmenter: Intl.Segmenter, window: string, min: number, max: number): number | null {
  let last: number | null = null;
  for (const { index } of segmenter.segment(window)) if (index >= min && index <= max) last = index;
  return last;
}

/** The start of the grapheme that `at` is in; a single grapheme of a whole chunk's length is cut between code points. */
function graphemeAt(window: string, at: number): number {
  const start = graphemes.segment(window).containing(at)?.index ?? at;
  if (start > 0) return start;
  return /[\uDC00-\uDFFF]/.test(window.charAt(at)) ? at - 1 : at;
}
