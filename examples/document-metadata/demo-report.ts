import { relative } from 'node:path';
import pc from 'picocolors';
import type { DemoSummary } from './demo-summary.ts';
import type { BackendShare } from './demo-tally.ts';
import { aligned, inDigits, lineWidth, percent, plural, shortPath, wrap } from './demo-text.ts';

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
  return new Report(summary, screen).text();
}

function terminal(): Screen {
  return { columns: lineWidth(), isColored: process.stdout.isTTY === true && pc.isColorSupported };
}
  if (summary.status === 'interrupted') {
    const hint = 'The same command again goes on where this one stopped.';
    return [headline(summary), ...facts(summary), labelled('Output', shortPath(summary.output)), hint].join(
      '\n',
    );
  }
  const parts = [
    [headline(summary), ...facts(summary)].join('\n'),
    backendTable(summary),
    example(summary),
    labelled('Output', shortPath(summary.output)),
    next(summary),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

const colors = () => pc.createColors(process.stdout.isTTY === true && pc.isColorSupported);

function headline({ status, documents, chunks, durationMs, chunksPerSecond }: DemoSummary): string {
  const { bold, green, yellow } = colors();
  const done = `${plural(documents.read, 'document')}, ${plural(chunks.kept + chunks.succeeded + chunks.failed, 'chunk')}`;
  const speed = `${(durationMs / 1000).toFixed(1)} s, ${inDigits(Math.round(chunksPerSecond))} chunks/s`;
  if (status === 'completed') return bold(green(`Done: ${done} in ${speed}.`));
  const how = status === 'interrupted' ? 'Interrupted' : 'Not all of it worked';
  return bold(yellow(`${how}: ${done} in ${speed}.`));
}

function facts({ chunks, documents, skipped, ratio, live, source }: DemoSummary): string[] {
  const { yellow } = colors();
  const lines: string[] = [];
  const kept = chunks.kept > 0 ? `, ${inDigits(chunks.kept)} kept from the interrupted run` : '';
  const open = chunks.unanswered > 0 ? `, ${inDigits(chunks.unanswered)} without an answer` : '';
  const counts = `${inDigits(chunks.succeeded)} succeeded, ${inDigits(chunks.failed)} failed, ${inDigits(chunks.retried)} retried`;
  lines.push(
    labelled(
      'Chunks',
      `${counts}${kept}${open}; ${inDigits(chunks.english)} English, ${inDigits(chunks.chinese)} Chinese`,
    ),
  );
  if (documents.partial > 0)
    lines.push(
      labelled('Partial', yellow(`${plural(documents.partial, 'document')} with a chunk that has no answer`)),
    );
  if (skipped.count > 0) {
    const first = skipped.first
      .slice(0, LISTED_SKIPPED)
      .map((one) => `${relativeTo(source, one.path)}: ${one.reason}`);
    const more = skipped.count > LISTED_SKIPPED ? '; ...' : '';
    lines.push(labelled('Skipped', `${inDigits(skipped.count)} (${first.join('; ')}${more})`));
  }
  for (const change of ratio.changes) {
    const what = change.frozen ? 'frozen' : `ratio ${change.celeryRatio}`;
    lines.push(labelled('Meanwhile', yellow(`${what} at epoch ${change.epoch}, by ${change.by}`)));
  }
  const { ledger, plain } = live;
  const canary = `${inDigits(ledger.succeeded + ledger.movedSucceeded)} of ${inDigits(ledger.accepted)} succeeded`;
  const conserved = ledger.conserved ? 'conserved' : yellow('NOT conserved');
  const stable = inDigits(plain.succeeded);
  lines.push(labelled('Redis', `in all runs: canary ${canary} (${conserved}), stable ${stable}`));
  return lines;
}

function backendTable({ backends, ratio }: DemoSummary): string {
  const { dim } = colors();
  const { stable, canary } = backends;
  const [head = '', ...rows] = aligned([
    ['', 'documents', '', 'chunks', '', 'wait', 'run', 'chunks/s'],
    backendRow('stable (bee-queue)', stable),
    backendRow('canary (BullMQ)', canary),
    ['target', '', percent(ratio.target), '', '', '(p50)', '(p50)', ''],
  ]);
  const note =
    'The sticky key is the document, so all its chunks go one way: the share of documents follows the target, that of ' +
    'chunks also depends on their sizes.';
  return [dim(head), ...rows, dim(wrap(note, lineWidth(), ''))].join('\n');
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

function example({ example: one }: DemoSummary): string {
  if (one === null) return '';
  return [
    labelled('Example', `${one.title} (${one.documentId})`),
    labelled('', one.summary),
    labelled('', `Keywords: ${one.keywords.join(', ')}`),
  ].join('\n');
}

function next(summary: DemoSummary): string {
  const { dim } = colors();
  const short = summary.next
    .map(({ command }) => command.length)
    .filter((length) => length <= COMMAND_COLUMNS);
  const lines = summary.next.map(({ command, what }) => {
    const padded = command.padEnd(Math.max(...short));
    return `  ${padded.length + what.length + 4 <= lineWidth() ? `${padded}  ${dim(what)}` : command}`;
  });
  return ['Next:', ...lines].join('\n');
}

function labelled(label: string, text: string): string {
  const indent = ' '.repeat(LABEL_COLUMNS + 2);
  return `${colors().dim(label.padEnd(LABEL_COLUMNS))}  ${wrap(text, lineWidth() - indent.length, indent)}`;
}

function relativeTo(folder: string, path: string): string {
  const short = relative(folder, path);
  return short === '' || short.startsWith('..') ? path : short;
}
