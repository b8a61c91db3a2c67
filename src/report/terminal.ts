import pc from 'picocolors';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import type { ComparisonReport, TaskComparison, Verdict } from '../domain/report.ts';
import { count, percent, plural } from '../domain/wording.ts';
import { visible } from './plain-text.ts';
import { taskBlock } from './terminal-task.ts';
import { causeOf, freshness, nextSteps, UNJUDGED, windowText } from './wording.ts';

export interface TerminalOptions {
  /** @default false */
  readonly colors?: boolean;
  /** Width of the terminal in characters; less than 60 is taken for 60, more than 110 for 110. @default 80 */
  readonly columns?: number;
}

/** What the blocks of the terminal form draw with. */
export interface Pen {
  readonly colors: ReturnType<typeof pc.createColors>;
  readonly columns: number;
  /** A text wrapped to the width, after a start that later lines are indented by; both may hold colours. */
  hang(start: string, text: string): string;
  verdict(verdict: Verdict, text: string): string;
}

/** The compact form: the verdict in the first line, what to type next in the last. */
export function terminalReport(report: ComparisonReport, options: TerminalOptions = {}): string {
  const pen = penOf(options);
  const judged = report.tasks.filter(({ verdict }) => verdict !== null);
  const parts = [
    head(report, pen),
    ...judged.map((task) => taskBlock(task, report, pen)),
    unjudged(report.tasks, pen),
    next(report, pen),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function head(report: ComparisonReport, pen: Pen): string {
  const { colors } = pen;
  const verdict = `${colors.bold('verdict:')} ${pen.verdict(report.verdict, report.verdict)}`;
  const dim = (text: string) => colors.dim(pen.hang('', text));
  return [
    pen.hang('', `${verdict} · ${colors.bold(visible(causeOf(report)))}`),
    dim(`${visible(report.namespace)} · ${windowText(report)}`),
    dim(freshness(report)),
    ...totals(report).map((text) => pen.hang('', text)),
    ...report.notes.map((note) => pen.hang(`${colors.yellow('note')}  `, visible(note))),
  ].join('\n');
}

/** All tasks in one line; where there is only one, its table says it. */
function totals({ total, tasks }: ComparisonReport): readonly string[] {
  if (tasks.length < 2) return [];
  const { routed, parity } = total;
  const { stable, canary } = total.backends;
  const target = routed.targetShare === null ? '' : `, aimed at ${percent(routed.targetShare)}`;
  const share =
    routed.canaryShare === null ? '' : ` (${percent(routed.canaryShare.estimate)} on canary${target})`;
  const submitted = stable.assigned.submitted + canary.assigned.submitted;
  return [
    `${plural(tasks.length, 'task')}: ${count(submitted)} submitted${share}, ` +
      `${count(stable.failed)} failed on stable, ${count(canary.failed)} on canary; ` +
      `${plural(parity.pairs, 'pair')}, ${plural(parity.mismatched, 'mismatch', 'mismatches')}`,
  ];
}

function unjudged(tasks: readonly TaskComparison[], pen: Pen): string {
  const names = tasks.filter(({ verdict }) => verdict === null).map(({ task }) => visible(task));
  if (names.length === 0) return '';
  return pen.hang('', `${pen.colors.dim(`not judged, ${UNJUDGED}:`)} ${names.join(', ')}`);
}

function next(report: ComparisonReport, { colors }: Pen): string {
  const steps = nextSteps(report);
  const width = Math.max(...steps.map(({ text }) => text.length)) + 2;
  // A command is never wrapped, so that it can be copied.
  return [
    colors.bold('Next'),
    ...steps.map(({ text, command }) => `  ${colors.dim(text.padEnd(width))}${visible(command)}`),
  ].join('\n');
}

function penOf({ colors: isColored = false, columns: wanted = 80 }: TerminalOptions): Pen {
  const colors = pc.createColors(isColored);
  const columns = Math.min(110, Math.max(60, Number.isFinite(wanted) ? Math.floor(wanted) : 80));
  const paints = { successful: colors.green, failed: colors.red, inconclusive: colors.yellow };
  return {
    colors,
    columns,
    hang: (start, text) => {
      const indent = stringWidth(start);
      // A number stays with its unit.
      const joined = text.replace(/(?<=\d) (?=%|ms|s|min|h|points?\b)/g, '\u00a0');
      const wrapped = wrapAnsi(joined, Math.max(20, columns - indent), { hard: true });
      return `${start}${wrapped.replaceAll('\n', `\n${' '.repeat(indent)}`)}`
        .replaceAll('\u00a0', ' ')
        .trimEnd();
    },
    verdict: (verdict, text) => colors.bold(paints[verdict](text)),
  };
}
