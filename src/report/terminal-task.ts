import stringWidth from 'string-width';
import type { Mismatch } from '../domain/parity.ts';
import type { ComparisonReport, TaskComparison, Verdict, VerdictLine } from '../domain/report.ts';
import { KIND_WORDS, plural } from '../domain/wording.ts';
import { type ComparisonCell, comparisonRows } from './comparison-rows.ts';
import { ago } from './numbers.ts';
import { cut, visible } from './plain-text.ts';
import type { Pen } from './terminal.ts';
import { NOT_THERE, placeOf, sidesOf } from './wording.ts';

const MARKS: Readonly<Record<Verdict, string>> = { successful: '✓', failed: '✗', inconclusive: '?' };
/** More places than these are for the other forms. */
const MOST_PATHS = 5;
const MOST_VALUE = 60;
/** On a narrower terminal the backends' own intervals are left out. */
const COLUMNS_FOR_INTERVALS = 104;

/** One judged task: its rules, its figures side by side, what differs. */
export function taskBlock(task: TaskComparison, report: ComparisonReport, pen: Pen): string {
  const verdict = task.verdict ?? 'inconclusive';
  const details = parityLines(task, report, pen);
  return [
    pen.hang('', `${pen.colors.bold(visible(task.task))}  ${pen.verdict(verdict, verdict)}`),
    ...task.lines.map((line) => ruleText(line, pen)),
    '',
    ...tableLines(task, report, pen),
    ...(details.length === 0 ? [] : ['', ...details]),
  ].join('\n');
}

function ruleText({ verdict, title, evidence, threshold }: VerdictLine, pen: Pen): string {
  const { bold, dim } = pen.colors;
  const text = `${bold(visible(title))}: ${visible(evidence)} ${dim(`(allowed: ${visible(threshold)})`)}`;
  return pen.hang(`  ${pen.verdict(verdict, MARKS[verdict])} `, text);
}

function tableLines(task: TaskComparison, { gates }: ComparisonReport, pen: Pen): readonly string[] {
  const text = ({ text: value, interval }: ComparisonCell) =>
    interval === '' ? value : `${value} (${interval})`;
  const own = (value: ComparisonCell) => (pen.columns < COLUMNS_FOR_INTERVALS ? value.text : text(value));
  const rows = comparisonRows(task, gates).map((row) => ({
    group: row.group,
    cells: [row.label, own(row.stable), own(row.canary), text(row.difference)] as const,
  }));
  const head = ['', 'stable', 'canary', 'difference'] as const;
  const all = [head, ...rows.map(({ cells }) => cells)];
  const width = (i: 0 | 1 | 2) => Math.max(...all.map((cells) => stringWidth(cells[i])));
  const widths = [width(0), width(1), width(2)] as const;
  const start = ([label, stable, canary]: readonly [string, string, string, string]) =>
    `  ${padded(label, widths[0])}  ${padded(stable, widths[1], 'right')}  ${padded(canary, widths[2], 'right')}  `;
  return [
    pen.colors.dim(start(head) + head[3]),
    ...rows.map(({ cells }) => pen.hang(start(cells), cells[3])),
  ];
}

/** Where answers differ; how many do is in the rule's own line. */
function parityLines(task: TaskComparison, report: ComparisonReport, pen: Pen): readonly string[] {
  const facts: (readonly [string, string])[] = [];
  for (const path of task.parity.paths.slice(0, MOST_PATHS)) {
    const values = path.example === null ? '' : `: ${change(path.example.stable, path.example.canary)}`;
    facts.push(['differs', `${visible(placeOf(path))} in ${plural(path.pairs, 'pair')}${values}`]);
  }
  const newest = report.mismatches.find((mismatch) => mismatch.task === task.task);
  if (newest !== undefined) facts.push(['newest', newestText(newest, report.at)]);
  const width = Math.max(...facts.map(([label]) => label.length)) + 2;
  return facts.map(([label, fact]) => pen.hang(`  ${pen.colors.dim(padded(label, width))}`, fact));
}

function newestText({ at, kind, primary, pair, note, differences: [first] }: Mismatch, now: number): string {
  const detail =
    note !== null
      ? `: ${visible(note)}`
      : first === undefined
        ? ''
        : `: ${visible(placeOf(first))}: ${change(first.stable, first.canary, pair)}`;
  return `${ago(at, now)}, ${primary === '' ? '' : `${visible(primary)}, `}${KIND_WORDS[kind]}${detail}`;
}

function change(stable: string | null, canary: string | null, pair: Mismatch['pair'] = 'shadow'): string {
  const [one, other] = sidesOf(pair);
  const value = (text: string | null) => (text === null ? NOT_THERE : visible(cut(text, MOST_VALUE)));
  return `${one} ${value(stable)}, ${other} ${value(canary)}`;
}

/** Filled with blanks to a width on the screen, where a Chinese character takes two places. */
function padded(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return side === 'left' ? text + blanks : blanks + text;
}
