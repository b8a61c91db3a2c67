import { relative } from 'node:path';
import pc from 'picocolors';
import type { DemoSummary } from './demo-summary.ts';
import type { BackendShare } from './demo-tally.ts';
import { aligned, inDigits, lineWidth, percent, plural, shortPath, wrap } from './demo-text.ts';
import { INJECTIONS } from './injection.ts';

const LABEL_COLUMNS = 9;
const LISTED_SKIPPED = 3;
/** A longer command does not push the others' explanations away. */
const COMMAND_COLUMNS = 50;

/** What the summary is shown on. */
export interface Screen {
  readonly columns: number;
  readonly isColored: boolean;
}

/** The summary for a person. */
export function reportText(summary: DemoSummary, screen: Screen = terminal()): string {
  const page = new Page(screen);
  const first = [headline(page, summary), ...facts(page, summary)];
  const output = page.labelled('Output', shortPath(summary.output));
  if (summary.status === 'interrupted')
    return [...first, output, 'The same command again goes on where this one stopped.'].join('\n');
  const parts = [
    first.join('\n'),
    backendTable(page, summary),
    example(page, summary),
    [output, ...verdict(page, summary)].join('\n'),
    next(page, summary),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function terminal(): Screen {
  return { columns: lineWidth(), isColored: process.stdout.isTTY === true && pc.isColorSupported };
}

class Page {
  readonly columns: number;
  readonly colors: ReturnType<typeof pc.createColors>;
  constructor({ columns, isColored }: Screen) {
    this.columns = columns;
    this.colors = pc.createColors(isColored);
  }
  labelled(label: string, text: string, paint = (line: string) => line): string {
    const indent = ' '.repeat(LABEL_COLUMNS + 2);
    const wrapped = paint(wrap(text, this.columns - indent.length, indent));
    return `${this.colors.dim(label.padEnd(LABEL_COLUMNS))}  ${wrapped}`;
  }
}

function headline({ colors }: Page, { status, documents, chunks, ...run }: DemoSummary): string {
  const all = chunks.kept + chunks.succeeded + chunks.failed;
  const done = `${plural(documents.read, 'document')}, ${plural(all, 'chunk')}`;
  const speed = `${(run.durationMs / 1000).toFixed(1)} s, ${inDigits(Math.round(run.chunksPerSecond))} chunks/s`;
  if (status === 'completed') return colors.bold(colors.green(`Done: ${done} in ${speed}.`));
  if (run.injection === 'errors' && status === 'incomplete' && chunks.unanswered === 0)
    return colors.bold(colors.yellow(`Done, but for what was to fail: ${done} in ${speed}.`));
  const how = status === 'interrupted' ? 'Interrupted' : 'Not all of it worked';
  return colors.bold(colors.yellow(`${how}: ${done} in ${speed}.`));
}

function facts(
  page: Page,
  { chunks, failures, injection, skipped, ratio, live, source }: DemoSummary,
): string[] {
  const { yellow, red } = page.colors;
  const open = chunks.unanswered > 0 ? `, ${inDigits(chunks.unanswered)} without an answer` : '';
  const kept = chunks.kept > 0 ? `, ${inDigits(chunks.kept)} kept from the interrupted run` : '';
  const counts = `${inDigits(chunks.succeeded)} succeeded, ${inDigits(chunks.failed)} failed, ${inDigits(chunks.retried)} retried`;
  const languages = `${inDigits(chunks.english)} English, ${inDigits(chunks.chinese)} Chinese`;
  const lines = [page.labelled('Chunks', `${counts}${open}${kept}; ${languages}`)];
  if (injection !== null) {
    const what = `on purpose: on canary (BullMQ) ${INJECTIONS[injection].what}`;
    lines.push(page.labelled('Injected', what, yellow));
  }
  for (const problem of failures) lines.push(page.labelled('Failed', problem, yellow));
  if (skipped.count > 0) {
    const first = skipped.first
      .slice(0, LISTED_SKIPPED)
      .map(({ path, reason }) => `${pathBelow(source, path)}: ${reason}`);
    const more = skipped.count > LISTED_SKIPPED ? '; ...' : '';
    lines.push(page.labelled('Skipped', `${inDigits(skipped.count)} (${first.join('; ')}${more})`));
  }
  for (const { frozen, celeryRatio, epoch, by } of ratio.changes) {
    const what = frozen ? 'frozen' : `ratio ${celeryRatio}`;
    lines.push(page.labelled('Meanwhile', `${what} at epoch ${epoch}, by ${by}`, yellow));
  }
  const { ledger, plain } = live;
  const canary = `${inDigits(ledger.succeeded + ledger.movedSucceeded)} of ${inDigits(ledger.accepted)} succeeded`;
  const conserved = ledger.conserved ? 'conserved' : 'NOT conserved';
  const redis = `in all runs: canary ${canary} (${conserved}), stable ${inDigits(plain.succeeded)}`;
  lines.push(page.labelled('Redis', redis, ledger.conserved ? undefined : red));
  return lines;
}

function backendTable({ colors, columns }: Page, { backends, ratio }: DemoSummary): string {
  const [head = '', ...rows] = aligned([
    ['', 'documents', '', 'chunks', '', 'wait', 'run', 'chunks/s'],
    backendRow('stable (bee-queue)', backends.stable),
    backendRow('canary (BullMQ)', backends.canary),
    ['target', '', percent(ratio.target), '', '', '(p50)', '(p50)', ''],
  ]);
  const note =
    'The sticky key is the document, so all its chunks go one way: the share of documents follows the target, that of ' +
    'chunks also depends on their sizes.';
  return [colors.dim(head), ...rows, colors.dim(wrap(note, columns, ''))].join('\n');
}

function backendRow(name: string, share: BackendShare): string[] {
  const { documents, documentShare, chunks, chunkShare, queueWaitMs, runMs, chunksPerSecond } = share;
  const ms = (value: number | null) => (value === null ? '-' : `${value} ms`);
  return [
    name,
    inDigits(documents),
    percent(documentShare),
    inDigits(chunks),
    percent(chunkShare),
    ms(queueWaitMs.p50),
    ms(runMs.p50),
    chunks === 0 ? '-' : chunksPerSecond.toFixed(1),
  ];
}

function example(page: Page, { example: one }: DemoSummary): string {
  if (one === null) return '';
  return [
    page.labelled('Example', `${one.title} (${one.documentId})`),
    page.labelled('', one.summary),
    page.labelled('', `Keywords: ${one.keywords.join(', ')}`),
  ].join('\n');
}

/** Last but for what to type: it is what a run is for. */
function verdict(page: Page, { report }: DemoSummary): string[] {
  if (report === null) return [];
  const { green, yellow, red, bold } = page.colors;
  const paint = { successful: green, inconclusive: yellow, failed: red }[report.verdict];
  return [
    page.labelled('Report', shortPath(report.path)),
    page.labelled('Verdict', report.headline, (line) => bold(paint(line))),
  ];
}

function next({ colors, columns }: Page, { next: commands }: DemoSummary): string {
  const lengths = commands.map(({ command }) => command.length).filter((length) => length <= COMMAND_COLUMNS);
  const lines = commands.map(({ command, what }) => {
    const padded = command.padEnd(Math.max(0, ...lengths));
    return `  ${padded.length + what.length + 4 <= columns ? `${padded}  ${colors.dim(what)}` : command}`;
  });
  return ['Next:', ...lines].join('\n');
}

function pathBelow(source: string, path: string): string {
  const short = relative(source, path);
  return short === '' || short.startsWith('..') ? shortPath(path) : short;
}
