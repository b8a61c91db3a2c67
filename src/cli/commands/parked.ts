import type { Command } from 'commander';
import { type CommonOptions, whole, withApp } from '../options.ts';
import { print, printJson } from '../output.ts';
import { withManager } from '../session.ts';
import { table } from '../table.ts';
import { time } from '../words.ts';

interface ParkedOptions extends CommonOptions {
  readonly limit: number;
}

export function addParked(program: Command): void {
  const command = program
    .command('parked')
    .description('list tasks that lost their worker too often and wait for a person')
    .option('--limit <n>', 'at most this many, newest first', whole(1, 10_000), 100)
    .option('--json', 'print JSON');
  withApp(command)
    .addHelpText(
      'after',
      `
A parked task killed or stalled every worker that ran it (worker.maxLosses). It is not tried again by itself.

Example:
  hybrid parked`,
    )
    .action((options: ParkedOptions) =>
      withManager(
        options,
        async ({ manager }) => {
          const ids = await manager.parked(options.limit);
          const tasks = await Promise.all(
            ids.map(async (id) => {
              const report = await manager.find(id);
              const { task = null, backend = null, attempts = null, enqueuedAt = null } = report ?? {};
              return { id, task, backend, attempts, enqueuedAt };
            }),
          );
          if (options.json) return printJson(tasks);
          if (tasks.length === 0) return print('No task is parked.');
          print(
            table(
              ['Id', 'Task', 'Backend', 'Submitted (UTC)', 'attempts'],
              tasks.map((t) => [
                t.id,
                t.task ?? 'unknown',
                t.backend ?? 'unknown',
                t.enqueuedAt === null ? 'unknown' : time(t.enqueuedAt),
                t.attempts ?? 0,
              ]),
            ),
          );
        },
        { tasks: 'wanted', mustExist: true },
      ),
    );
}
