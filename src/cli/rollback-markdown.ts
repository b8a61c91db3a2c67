import type { RollbackReport } from '../index.ts';
import { count, span } from './words.ts';

/** A report for an incident's page. */
export function rollbackMarkdown(report: RollbackReport, place: string): string {
  const { tasks, freeze, problems, files, services, notes, ledger } = report;
  const rows: (readonly [string, number])[] = [
    ['moved to bee-queue', tasks.moved],
    ['of these handed over to plain queues', tasks.handedOver],
    ['finished on canary', tasks.finishedOnCanary],
    ['aborted and moved', tasks.aborted],
    ['cancelled', tasks.cancelled],
    ['unreadable, parked', tasks.parked],
    ['left on canary', tasks.left],
  ];
  const list = (title: string, items: readonly string[]) =>
    items.length === 0 ? [] : ['', `## ${title}`, '', ...items.map((item) => `- ${item}`)];
  return [
    `# Rollback of ${place}: ${report.status === 'completed' ? 'done and verified' : freeze.isInForce ? 'frozen, needs a person' : 'not frozen any more, needs a person'}`,
    '',
    `- when: ${iso(report.startedAt)} to ${iso(report.finishedAt)} (${span(report.finishedAt - report.startedAt)})`,
    `- by: ${report.actor}`,
    `- why: ${report.reason}`,
    `- frozen: epoch ${freeze.epoch}${freeze.at === null ? '' : `, since ${iso(freeze.at)}`}`,
    `- ledger: ${ledger.conserved ? 'adds up' : 'does not add up'}; ${count(ledger.openMoved)} moved tasks not finished yet`,
    ...list(
      'To do',
      problems.map(
        ({ code, message, command }) => `${message} (${code})${command === null ? '' : `: \`${command}\``}`,
      ),
    ),
    '',
    '## Tasks since the freeze',
    '',
    '| | count |',
    '|---|---:|',
    ...rows.map(([what, n]) => `| ${what} | ${count(n)} |`),
    '',
    '## Phases',
    '',
    '| phase | time |',
    '|---|---:|',
    ...report.phases.map(({ phase, ms }) => `| ${phase} | ${span(ms)} |`),
    ...list(
      'Still on canary',
      report.left.map(
        ({ id, task, host, pid }) => `\`${id}\` (${task}), process ${pid ?? '?'} on ${host ?? '?'}`,
      ),
    ),
    ...list(
      'Files',
      files.map(
        (f) =>
          `${f.file}: ${f.setting} ${f.before ?? '?'} -> ${f.after}, ${f.status}${f.problem === null ? '' : ` (${f.problem})`}`,
      ),
    ),
    ...list(
      'Services',
      services.map((s) => `\`${s.command}\`: ${s.status}, ${s.detail}, ${span(s.ms)}`),
    ),
    ...list('Notes', notes),
    '',
  ].join('\n');
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
