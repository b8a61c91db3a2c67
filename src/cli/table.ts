import Table from 'cli-table3';
import { colors } from './output.ts';

const NO_BORDERS = Object.fromEntries(
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid'
    .split(' ')
    .map((name) => [name, '']),
);

type Cell = string | number;

/** Columns without lines between them: narrow, and good to grep. Numbers stand on the right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const aligned = head.map(
    (_, i) => (typeof rows[0]?.[i] === 'number' ? 'right' : 'left') as 'left' | 'right',
  );
  const view = new Table({
    head: head.map((title) => colors.dim(title)),
    colAligns: aligned,
    chars: { ...NO_BORDERS, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  view.push(
    ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell))),
  );
  return withoutTrailingBlanks(view.toString());
}

/** `Label   text` lines with the labels in one column. */
export function labelled(lines: readonly (readonly [label: string, text: string])[]): string {
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  return lines.map(([label, text]) => `${colors.dim(label.padEnd(width))}${text}`).join('\n');
}

function withoutTrailingBlanks(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
