import type { Command } from 'commander';
import { EXIT, NotFoundError } from '../failure.ts';
import { type CommonOptions, withApp } from '../options.ts';
import { print, printJson } from '../output.ts';
import { withManager } from '../session.ts';
import { unknownTask } from './task.ts';

const SENTENCES = {
  cancelled: 'Cancelled; it will not run.',
  requested: 'It is running and was asked to stop.',
  finished: 'It has finished already; there is nothing to cancel.',
} as const;

export function addCancel(program: Command): void {
  const command = program
    .command('cancel')
    .description('cancel a task; one that is running is asked to stop')
    .argument('<id>', "the task's id, as submit printed it")
    .option('--json', 'print JSON');
  withApp(command)
    .addHelpText(
      'after',
      `
Exit code 1: it had finished already. A running handler stops when it heeds ctx.signal.

Example:
  hybrid cancel task-0199d2c0-5c1e-7c3a-9f0e-2f6d1b7a4e11`,
    )
    .action((id: string, options: CommonOptions) =>
      withManager(
        options,
        async (session) => {
          const answer = await session.manager.cancel(id);
          if (answer === 'absent') throw new NotFoundError(unknownTask(id, session));
          if (answer === 'finished') process.exitCode = EXIT.failed;
          if (options.json) printJson({ id, cancel: answer });
          else print(SENTENCES[answer]);
        },
        { tasks: 'wanted', mustExist: true },
      ),
    );
}
