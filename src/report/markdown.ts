import type { Mismatch } from '../domain/parity.ts';
import type { ComparisonReport, TaskComparison, Verdict } from '../domain/report.ts';
import { KIND_WORDS, plural, timestamp } from '../domain/wording.ts';
import { type ComparisonCell, comparisonRows, parityFacts } from './comparison-rows.ts';
import { jsonLayout } from './json-layout.ts';
import { cut, visible, visibleLines } from './plain-text.ts';
import {
  causeOf,
  freshness,
  gateWords,
  kindsText,
  NOT_THERE,
  nextSteps,
  PAIR_WORDS,
  placeOf,
  sidesOf,
  UNJUDGED,
  VERDICT_WORDS,
  windowText,
} from './wording.ts';

const MARKS: Readonly<Record<Verdict, string>> = { successful: '✓', failed: '✗', inconclusive: '?' };
/** A comment on GitHub holds 65,536 characters; what comes first is kept. */
const MOST_CHARACTERS = 60_000;
const MOST_OF_MISMATCHES = 20_000;
const MOST_VALUE = 200;
const MOST_SIDE = 1_500;

/** For a pull request: what decides is open, the rest is folded. */
export function markdownReport(report: ComparisonReport): string {
  const before = [
    `## ${VERDICT_WORDS[report.verdict]}: ${plain(causeOf(report))}`,
    [
      `- namespace ${code(report.namespace)}, ${windowText(report)}`,
      `- ${freshness(report)}`,
      ...report.notes.map((note) => `- ${plain(note)}`),
    ].join('\n'),
    ...ruleTable(report.tasks),
  ];
  const judged = report.tasks.filter(({ verdict }) => verdict !== null);
  const folded = [
    ...mismatchDetails(report),
    ...judged.map((task) => taskDetails(task, report)),
    ...(report.tasks.length > 1 ? [details('All tasks together', figures(report.total, report))] : []),
    details('Limits', table(['limit', 'value'], gateWords(report.gates))),
  ];
  const after = [
    nextSteps(report)
      .map(({ text, command }) => `- ${text}: ${code(command)}`)
      .join('\n'),
    `<sub>Made ${timestamp(report.at)}. Numbers in brackets are 95 % intervals.</sub>`,
  ];
  const room = MOST_CHARACTERS - [...before, ...after].join('\n\n').length;
  return `${[...before, ...fitting(folded, room), ...after].join('\n\n')}\n`;
}

/** The first blocks that there is room for, and a word on the others. */
function fitting(blocks: readonly string[], room: number): readonly string[] {
  let used = 0;
  const first = blocks.findIndex((block) => {
    used += block.length + 2;
    return used > room;
  });
  if (first === -1) return blocks;
  return [
    ...blocks.slice(0, first),
    `${plural(blocks.length - first, 'part')} left out for length; the HTML form has all.`,
  ];
}

function ruleTable(tasks: readonly TaskComparison[]): readonly string[] {
  const judged = tasks.flatMap((task) => task.lines.map((line) => ({ task, line })));
  const rows = judged.map(({ task, line }) => [
    code(task.task),
    plain(line.title),
    `${MARKS[line.verdict]} ${line.verdict}`,
    plain(line.evidence),
    plain(line.threshold),
  ]);
  const unjudged = tasks.filter(({ verdict }) => verdict === null).map(({ task }) => code(task));
  return [
    ...(rows.length === 0 ? [] : [table(['task', 'rule', 'verdict', 'seen', 'allowed'], rows)]),
    ...(unjudged.length === 0 ? [] : [`Not judged, ${UNJUDGED}: ${unjudged.join(', ')}`]),
  ];
}

function taskDetails(task: TaskComparison, report: ComparisonReport): string {
  const kinds = kindsText(task.parity.kinds);
  const paths = task.parity.paths.map((path) => [
    placeText(path),
    plural(path.pairs, 'pair'),
    path.example === null ? '' : value(path.example.stable),
    path.example === null ? '' : value(path.example.canary),
  ]);
  const body = [
    figures(task, report),
    ...(kinds === '' ? [] : [`Kinds of mismatches: ${kinds}.`]),
    ...(paths.length === 0 ? [] : [table(['differs at', 'how often', 'stable', 'canary'], paths)]),
  ].join('\n\n');
  return details(`${code(task.task)}: ${task.verdict ?? `not judged, ${UNJUDGED}`}`, body);
}

function figures(compared: TaskComparison | ComparisonReport['total'], { gates }: ComparisonReport): string {
  const text = ({ text: shown, interval }: ComparisonCell) =>
    plain(interval === '' ? shown : `${shown} (${interval})`);
  const rows = comparisonRows(compared, gates).map((row) => [
    row.label,
    text(row.stable),
    text(row.canary),
    text(row.difference),
  ]);
  const facts = parityFacts(compared, gates).map(([label, fact]) => `- ${label}: ${plain(fact)}`);
  return `${table(['', 'stable', 'canary', 'difference'], rows, '|---|---:|---:|---|')}\n\n${facts.join('\n')}`;
}

function mismatchDetails(report: ComparisonReport): readonly string[] {
  const texts = report.mismatches.map((mismatch) => mismatchText(mismatch));
  if (texts.length === 0) return [];
  return [details('The newest mismatches', fitting(texts, MOST_OF_MISMATCHES).join('\n\n'))];
}

function mismatchText(mismatch: Mismatch): string {
  const [one, other] = sidesOf(mismatch.pair);
  const rows = mismatch.differences.map((difference) => [
    placeText(difference),
    difference.change,
    value(difference.stable),
    value(difference.canary),
  ]);
  const side = (name: string, text: string | null) =>
    text === null ? [] : [`${name}:`, fence(cut(jsonLayout(text), MOST_SIDE))];
  return [
    `**${KIND_WORDS[mismatch.kind]}**: ${code(mismatch.task)}, ${PAIR_WORDS[mismatch.pair]}, ` +
      `${timestamp(mismatch.at)}, ${code(mismatch.primary)} and ${code(mismatch.copy)}`,
    ...(mismatch.note === null ? [] : [plain(mismatch.note)]),
    ...(rows.length === 0 ? [] : [table(['place', 'change', one, other], rows)]),
    ...side(one, mismatch.stable),
    ...side(other, mismatch.canary),
  ].join('\n\n');
}

function details(summary: string, body: string): string {
  return `<details>\n<summary>${summary}</summary>\n\n${body}\n\n</details>`;
}

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  rule = `|${'---|'.repeat(head.length)}`,
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/**
 * Text that means nothing to Markdown or HTML. Character references and no backslashes: they also hold in a table's
 * cell, in a summary's HTML, and before whatever a site links by itself.
 */
function plain(text: string): string {
  return visible(text).replace(
    /[&<>|`*_~[\]\\#@!$^]|(?<=^\s*)[-+=]|(?<=\d)[.)](?=\s)|:(?=\/\/)|(?<=www)\./giu,
    (character) => `&#${character.codePointAt(0)};`,
  );
}

/** Sites turn no name or number in `code` into a link to somebody. */
function code(text: string): string {
  return `<code>${plain(text)}</code>`;
}

function placeText(difference: { readonly path: string }): string {
  return difference.path === '' ? placeOf(difference) : code(difference.path);
}

function value(text: string | null): string {
  return text === null ? NOT_THERE : code(cut(text, MOST_VALUE));
}

/** A block that no run of backticks inside can end. */
function fence(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}json\n${visibleLines(text)}\n${ticks}`;
}
