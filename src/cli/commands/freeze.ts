import type { Command } from 'commander';
import type { ControlState } from '../../index.ts';
import { type CommonOptions, reason, withRedis } from '../options.ts';
import { print, printJson } from '../output.ts';
import { placeOf, withManager } from '../session.ts';

interface FreezeOptions extends CommonOptions {
  readonly reason: string;
}

export function addFreeze(program: Command): void {
  const command = program
    .command('freeze')
    .description('let nothing more go to canary, at once and for all processes');
  withReason(command)
    .addHelpText(
      'after',
      `
From the moment it returns no task is accepted for canary, whatever any process believes; the ratio becomes 0.
Tasks that canary has accepted already go on there. Only \`hybrid resume\` lifts it. Repeating it is harmless.

Example:
  hybrid freeze --reason "canary's memory is full"`,
    )
    .action((options: FreezeOptions) =>
      withManager(options, async ({ manager, config }) => {
        const wasFrozen = manager.state.frozen !== '';
        const state = await manager.freeze({ reason: options.reason });
        if (options.json) return printJson(state);
        const since = wasFrozen
          ? `already, by ${state.updatedBy}: ${state.reason}`
          : `at epoch ${state.epoch}`;
        print(`Frozen ${since} (${placeOf(config)}).`);
        print('Nothing more goes to canary. To lift it: hybrid resume --reason "..."');
      }),
    );
}

export function addResume(program: Command): void {
  const command = program.command('resume').description('lift a freeze');
  withReason(command)
    .addHelpText(
      'after',
      `
The ratio stays 0 until you raise it. In flag mode the flags decide again at once.

Example:
  hybrid resume --reason "canary has more memory"`,
    )
    .action((options: FreezeOptions) =>
      withManager(options, async ({ manager, config }) => {
        const wasFrozen = manager.state.frozen !== '';
        const state = await manager.resume({ reason: options.reason });
        if (options.json) return printJson(state);
        if (!wasFrozen) return print(`Nothing to do: not frozen (${placeOf(config)}).`);
        print(`Not frozen any more, at epoch ${state.epoch} (${placeOf(config)}).`);
        print(whatNow(state));
      }),
    );
}

function whatNow({ mode, celeryRatio }: ControlState): string {
  if (mode === 'flag') return 'Mode is flag: the flags decide again.';
  return `The ratio is ${celeryRatio}. To raise it: hybrid ratio 0.05 --reason "..."`;
}

function withReason(command: Command): Command {
  return withRedis(
    command
      .requiredOption('--reason <text>', 'why, for the audit log', reason)
      .option('--json', 'print the live state as JSON'),
  );
}
