import { Parser } from 'htmlparser2';
import { Marked } from 'marked';

export interface PlainText {
  /** First heading, or null if there is none. */
  readonly title: string | null;
  /** Blocks parted by a blank line; code is indented by four spaces, as in Markdown. */
  readonly text: string;
}

const marked = new Marked({ gfm: true, async: false });
/** The parser's time grows with the square of the depth: a megabyte of `<div>` would take it 18 s. Browsers stop here, too. */
const MAX_TAG_DEPTH = 512;
const SKIPPED = new Set([
  'script',
  'style',
  'noscript',
  'template',
  'svg',
  'math',
  'iframe',
  'nav',
  'object',
  'select',
]);
const BLOCKS = new Set(
  (
    'address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer ' +
    'form h1 h2 h3 h4 h5 h6 head header hr html li main nav ol p pre section summary table tr ul'
  ).split(' '),
);
const FRONT_MATTER = /^---\r?\n[\s\S]*?\r?\n---(?:\r?\n|$)/;
/** GitHub's marks for a coloured box. */
const ALERT = /\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]/g;
const LISTS = new Set(['ul', 'ol']);
/** Blocks that follow one another on the next line, without a blank one between. */
const TIGHT = new Set(['li', 'tr', 'br', 'dd', 'dt']);

/**
 * Text of an HTML page: no tags, scripts, styles, images or link addresses.
 *
 * @throws RangeError when tags are nested deeper than `MAX_TAG_DEPTH`
 */
export function htmlToText(html: string): PlainText {
  const blocks: { text: string; tight: boolean }[] = [];
  let buffer = '';
  let tight = false;
  let depth = 0;
  let skipDepth = 0;
  let preDepth = 0;
  let listDepth = 0;
  let inTitle = false;
  let pageTitle = '';
  let heading: string | null = null;

  const flush = () => {
    // The marker waits for the item's first paragraph.
    if (buffer.trim() === '-') return;
    const text = preDepth > 0 ? indentCode(buffer) : joinWrappedLines(buffer);
    if (text !== '') blocks.push({ text, tight });
    buffer = '';
    tight = false;
  };
  const parser = new Parser({
    onopentag(name) {
      if (++depth > MAX_TAG_DEPTH) throw new RangeError(`Tags nested more than ${MAX_TAG_DEPTH} deep.`);
      if (skipDepth > 0 || SKIPPED.has(name)) {
        skipDepth++;
        return;
      }
      if (name === 'title') inTitle = true;
      if (BLOCKS.has(name)) {
        const followsTightly = tight && buffer.trim() === '';
        flush();
        if (LISTS.has(name)) listDepth++;
        tight = preDepth > 0 || name === 'br' || (LISTS.has(name) && listDepth > 1);
        if (TIGHT.has(name)) tight ||= followsTightly;
        if (name === 'li') buffer = '- ';
        if (name === 'pre') preDepth++;
      } else if ((name === 'td' || name === 'th') && buffer.trim() !== '') buffer += ' | ';
    },
    ontext(text) {
      if (skipDepth > 0) return;
      if (inTitle) pageTitle += text;
      else buffer += text;
    },
    onclosetag(name) {
      depth--;
      if (skipDepth > 0) {
        skipDepth--;
        return;
      }
      if (name === 'title') inTitle = false;
      if (!BLOCKS.has(name)) return;
      if (heading === null && /^h[1-3]$/.test(name)) heading = joinWrappedLines(buffer) || null;
      flush();
      if (name === 'li' && buffer.trim() === '-') buffer = '';
      if (LISTS.has(name) && listDepth > 0) listDepth--;
      if (name === 'pre' && preDepth > 0) preDepth--;
      if (TIGHT.has(name)) tight = true;
    },
  });
  parser.end(html);
  flush();
  const text = blocks.map((block, i) => (i === 0 ? '' : block.tight ? '\n' : '\n\n') + block.text).join('');
  return { title: joinWrappedLines(pageTitle) || heading, text: tidy(text) };
}

/**
 * Text of a Markdown document, its embedded HTML included.
 *
 * @throws what `htmlToText` throws; RangeError when quotes or lists are nested thousands deep
 */
export function markdownToText(markdown: string): PlainText {
  const body = markdown.replace(FRONT_MATTER, '').replace(ALERT, '');
  return htmlToText(marked.parse(body) as string);
}

/** A text file: lines that were wrapped at a fixed width are joined to paragraphs again. */
export function plainText(source: string): PlainText {
  const text = tidy(
    tidy(source)
      .split(/\n{2,}/)
      .map(unwrapParagraph)
      .join('\n\n'),
  );
  const firstLine = text.slice(0, 200).split('\n', 1)[0] ?? '';
  return { title: firstLine !== '' && firstLine.length <= 80 ? firstLine.trim() : null, text };
}

/** A line of at least this width that is followed by another one was probably wrapped, not ended. */
const WRAP_WIDTH = 50;

function unwrapParagraph(paragraph: string): string {
  const parts: string[] = [];
  let previous = '';
  for (const line of paragraph.split('\n')) {
    const wrapped =
      previous.length >= WRAP_WIDTH && !previous.startsWith(' ') && /^[\p{L}\p{N}("“'‘]/u.test(line);
    if (parts.length > 0) parts.push(!wrapped ? '\n' : isChineseSeam(previous, line) ? '' : ' ');
    parts.push(line);
    previous = line;
  }
  return parts.join('');
}

/** Chinese is wrapped without a space, so joining its lines must not add one. */
function isChineseSeam(before: string, after: string): boolean {
  return /[\p{sc=Han}，。、；：！？]$/u.test(before.slice(-2)) && /^\p{sc=Han}/u.test(after.slice(0, 2));
}

function joinWrappedLines(text: string): string {
  return text
    .replace(/(?<=[\p{sc=Han}，。、；：！？])[ \t]*\r?\n\s*(?=\p{sc=Han})/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
}

function indentCode(code: string): string {
  return code
    .split('\n')
    .map((line) => (line.trim() === '' ? '' : `    ${line.trimEnd()}`))
    .join('\n')
    .replace(/^\n+|\n+$/g, '');
}

/** One kind of line end, no invisible control characters, at most one blank line in a row. */
function tidy(text: string): string {
  return text
    .replace(/\r\n?|\u2028|\u2029/g, '\n')
    .replace(/[^\P{Cc}\n\t]|\u200B|\uFEFF/gu, '')
    .replace(/\t/g, '    ')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+/, '')
    .trimEnd();
}
