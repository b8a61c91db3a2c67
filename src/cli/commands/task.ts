import type { Command } from 'commander';
import type { TaskReport } from '../../index.ts';
import { decisionText } from '../decision-text.ts';
import { NotFoundError } from '../failure.ts';
import { type CommonOptions, withApp } from '../options.ts';
import { colors, print, printJson } from '../output.ts';
import { placeOf, type Session, withManager } from '../session.ts';
import { labelled } from '../table.ts';
import { ago, duration, time } from '../words.ts';

export function addTask(program: Command): void {
  const command = program
    .command('task')
    .description('show what is known of a task, wherever it went')
    .argument('<id>', "the task's id, as submit printed it")
    .option('--json', 'print JSON');
  withApp(command)
    .addHelpText(
      'after',
      `
Exit code 4: nothing is known of it. On stable it is looked for in the queues that any process
of this namespace has used, and in those of the app module.

Example:
  hybrid task task-0199d2c0-5c1e-7c3a-9f0e-2f6d1b7a4e11`,
    )
    .action((id: string, options: CommonOptions) =>
      withManager(
        options,
        async (session) => {
          const report = await session.manager.find(id);
          if (report === null) throw new NotFoundError(unknownTask(id, session));
          if (options.json) printJson(report);
          else print(taskView(report));
        },
        { tasks: 'wanted', mustExist: true },
      ),
    );
}

/** The sentence for an id that nothing is known of. */
export function unknownTask(id: string, { config }: Session): string {
  const shown = id.length > 80 ? `${id.slice(0, 77)}...` : id;
  return `No task ${shown} is known in ${placeOf(config)}: never submitted there, or finished and no longer kept.`;
}

function taskView(report: TaskReport): string {
  const { outcome } = report;
  const lines: [string, string][] = [['State', colors.bold(report.state)]];
  if (report.task) lines.push(['Task', report.task]);
  if (report.queue !== null) lines.push(['Queue', report.queue]);
  lines.push(['Backend', report.wasMoved ? `${report.backend}, moved from canary` : report.backend]);
  if (report.copy !== null) lines.push(['Copy', `${report.copy}: made to be compared, nobody's work`]);
  if (report.decision !== null) lines.push(['Decision', decisionText(report.decision)]);
  if (report.attempts !== null) lines.push(['Attempts', String(report.attempts)]);
  if (report.enqueuedAt !== null) {
    lines.push(['Submitted', `${time(report.enqueuedAt)} UTC, ${ago(report.enqueuedAt)}`]);
  }
  if (outcome !== null && outcome.startedAt > 0) {
    lines.push([
      'Ran',
      `${duration(outcome.finishedAt - outcome.startedAt)}, until ${time(outcome.finishedAt)} UTC`,
    ]);
  }
  if (outcome?.error) lines.push(['Error', colors.red(`${outcome.error.name}: ${outcome.error.message}`)]);
  if (outcome?.value !== undefined) lines.push(['Result', JSON.stringify(outcome.value)]);
  return labelled(lines);
}
