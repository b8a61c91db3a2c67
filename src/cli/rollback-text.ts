import type { LeftTask, RollbackPlan, RollbackReport } from '../index.ts';
import { colors } from './output.ts';
import { table } from './table.ts';
import { ago, count, plural, shortPath, span } from './words.ts';

/** How many running tasks a plan names. */
const MOST_NAMED = 10;

/** What a rollback would do. */
export function planText(plan: RollbackPlan, place: string): string {
  const lines = [`A rollback of ${place} would, as things are now:`];
  const { control, open, running, willMove } = plan;
  lines.push(
    control.frozen === ''
      ? `  freeze: the ratio is ${control.celeryRatio}, mode ${control.mode}; nothing new would go to BullMQ`
      : `  go on: frozen already, by ${control.updatedBy}, ${ago(control.updatedAt)}`,
  );
  lines.push(
    `  move ${plural(willMove, 'task')} to bee-queue and wait for ${plural(running.length, 'running task')}`,
  );
  if (plan.unreadable > 0)
    lines.push(`  park ${plural(plan.unreadable, 'unreadable ledger entry', 'unreadable ledger entries')}`);
  if (open.length > 0) {
    const head = ['Queue', 'waiting', 'for a retry', 'lost worker', 'running', 'stable workers'];
    const rows = open.map((q) => [
      q.queue,
      q.accepted,
      q.retrying,
      q.orphaned,
      q.running,
      plan.stableConsumers[q.queue] ?? 0,
    ]);
    lines.push('', table(head, rows));
  }
  if (running.length > 0) lines.push('', 'Running now:', ...running.slice(0, MOST_NAMED).map(runningLine));
  if (running.length > MOST_NAMED) lines.push(`  and ${running.length - MOST_NAMED} more`);
  for (const { queue, names } of plan.schedules)
    lines.push('', `BullMQ's own schedules in ${queue}, which would go on: ${names.join(', ')}`);
  const without = Object.entries(plan.stableConsumers).filter(
    ([queue, workers]) => workers === 0 && open.some((q) => q.queue === queue),
  );
  if (without.length > 0 && willMove > 0)
    lines.push(
      '',
      `No live worker of stable takes what comes back in: ${without.map(([queue]) => queue).join(', ')}.`,
    );
  if (!plan.canary.reachable) lines.push('', 'BullMQ does not answer; a rollback does not need it.');
  lines.push('', 'Nothing was changed.');
  return lines.join('\n');
}

function runningLine({ id, task, host, pid }: LeftTask): string {
  return `  ${id} (${task})${pid === null ? '' : ` in process ${pid} on ${host}`}`;
}

/** What a rollback did. The last line has the numbers. */
export function reportText(report: RollbackReport, place: string, files: readonly string[]): string {
  const { tasks, phases, problems, notes } = report;
  const lines = [
    '',
    table(['Tasks of canary', 'count'], [
      ['moved to bee-queue', tasks.moved],
      ...(tasks.handedOver > 0 ? [['  of these handed over to plain queues', tasks.handedOver]] : []),
      ['finished on canary', tasks.finishedOnCanary],
      ['aborted and moved', tasks.aborted],
      ...(tasks.cancelled > 0 ? [['cancelled', tasks.cancelled]] : []),
      ...(tasks.parked > 0 ? [['unreadable, parked', tasks.parked]] : []),
      ['left', tasks.left],
    ] as [string, number][]),
    '',
    `Times: ${phases.map(({ phase, ms }) => `${phase} ${span(ms)}`).join(' · ')}`,
  ];
  for (const { file, setting, before, after, status } of report.files) {
    if (status === 'changed')
      lines.push(`Changed ${shortPath(file)}: ${setting} ${before ?? '?'} -> ${after}`);
  }
  for (const { command, status, detail } of report.services)
    lines.push(`${status === 'done' ? 'Ran' : 'FAILED'}: ${command} (${detail})`);
  for (const note of notes) lines.push(`Note: ${note}`);
  for (const file of files) lines.push(`Report: ${shortPath(file)}`);
  for (const { code, message, command } of problems) {
    lines.push('', `${colors.red('To do')}: ${message} (${code})`);
    if (command !== null) lines.push(`  ${command}`);
  }
  lines.push('', lastLine(report, place));
  return lines.join('\n');
}

function lastLine({ status, tasks, ledger, problems, freeze }: RollbackReport, place: string): string {
  const { moved, finishedOnCanary, cancelled, parked, left } = tasks;
  if (status === 'completed' && moved + finishedOnCanary + cancelled + parked + left === 0)
    return `${colors.green('Frozen')} ${place}: canary had no unfinished task, so there was nothing to bring back.`;
  const numbers =
    `${count(tasks.moved)} moved, ${count(tasks.finishedOnCanary)} finished on canary, ${count(tasks.aborted)} aborted, ` +
    `${count(tasks.left)} left; the ledger ${ledger.conserved ? 'adds up' : 'DOES NOT ADD UP'}`;
  if (status === 'completed') return `${colors.green('Rolled back')} ${place}: ${numbers}.`;
  const state = freeze.isInForce ? 'Frozen' : 'NOT frozen any more';
  return `${colors.red(state)}, and ${plural(problems.length, 'thing')} to do (${place}): ${numbers}.`;
}
