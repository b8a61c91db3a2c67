import { relative, sep } from 'node:path';

const words = new Intl.Segmenter('en', { granularity: 'word' });

/** Room on a line: the terminal's, within reason. */
export function lineWidth(): number {
  return Math.min(100, Math.max(60, process.stdout.columns ?? 80));
}

/** Breaks a text into lines of `width` columns, each after the first indented. Chinese characters take two columns. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const piece of unbreakable(text.replace(/\s+/g, ' '))) {
    const columns = columnsOf(piece.trimEnd());
    if (used + columns > width && used > 0) {
      lines.push(line.trimEnd());
      line = '';
      used = 0;
    }
    line += piece;
    used += columnsOf(piece);
  }
  if (line !== '') lines.push(line);
  return lines.join(`\n${indent}`);
}

/** Parts that stay on one line: what stands between blanks, but a Chinese text may break before each of its words. */
function unbreakable(text: string): string[] {
  const pieces: string[] = [];
  for (const { segment } of words.segment(text)) {
    const last = pieces.at(-1);
    const startsPiece = last === undefined || last.endsWith(' ') || /^\p{sc=Han}/u.test(segment);
    if (startsPiece && segment !== ' ') pieces.push(segment);
    else pieces[Math.max(0, pieces.length - 1)] = (last ?? '') + segment;
  }
  return pieces;
}

function columnsOf(text: string): number {
  const wide = text.match(
    /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/gu,
  );
  return [...text].length + (wide?.length ?? 0);
}

/** Columns as wide as their widest cell, two blanks between them; all but the first stand on the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** 12345 as `12,345`. */
export function inDigits(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 chunk`, `2 chunks`. */
export function plural(n: number, noun: string, many = `${noun}s`): string {
  return `${inDigits(n)} ${n === 1 ? noun : many}`;
}

/** 0.257 as `25.7 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A path as one would type it: from the present folder, where that is shorter. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith(`..${sep}`) ? path : short || '.';
}
