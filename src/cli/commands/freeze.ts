import type { Command } from 'commander';
import type { ControlState } from '../../index.ts';
import { type CommonOptions, placeArguments, reason, withPlace } from '../options.ts';
import { print, printJson } from '../output.ts';
import { placeOf, type Session, withManager } from '../session.ts';

interface FreezeOptions extends CommonOptions {
  readonly reason: string;
}

export function addFreeze(program: Command): void {
  const command = program
    .command('freeze')
    .description('let no new task go to canary, at once and for all processes');
  withReason(command)
    .addHelpText(
      'after',
      `
From the moment it returns no task is accepted for canary, whatever any process believes; the ratio becomes 0.
Running workers then bring back what canary has not begun; to do it now and see it verified: hybrid rollback.
Only \`hybrid resume\` lifts it. Repeating it is harmless. A mistake elsewhere in the config file is told and keeps
nobody from freezing.

Example:
  hybrid freeze --reason "canary's memory is full"`,
    )
    .action((options: FreezeOptions) =>
      withManager(options, (session) => freeze(session, options), {
        toleratesMistakes: true,
        mustExist: true,
      }),
    );
}

async function freeze({ manager, config }: Session, options: FreezeOptions): Promise<void> {
  const wasFrozen = manager.state.frozen !== '';
  const state = await manager.freeze({ reason: options.reason });
  if (options.json) return printJson(state);
  const since = wasFrozen ? `already, by ${state.updatedBy}: ${state.reason}` : `at epoch ${state.epoch}`;
  print(`Frozen ${since} (${placeOf(config)}).`);
  const lift = `hybrid resume --reason "..."${placeArguments(options)}`;
  print(`Nothing new goes to canary. To lift it: ${lift}`);
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
      withManager(options, (session) => resume(session, options), {
        toleratesMistakes: true,
        mustExist: true,
      }),
    );
}

async function resume({ manager, config }: Session, options: FreezeOptions): Promise<void> {
  const wasFrozen = manager.state.frozen !== '';
  const state = await manager.resume({ reason: options.reason });
  if (options.json) return printJson(state);
  if (!wasFrozen) return print(`Nothing to do: not frozen (${placeOf(config)}).`);
  print(`Not frozen any more, at epoch ${state.epoch} (${placeOf(config)}).`);
  print(whatNow(state, placeArguments(options)));
}

function whatNow({ mode, celeryRatio }: ControlState, place: string): string {
  if (mode === 'flag') return 'Mode is flag: the flags decide again.';
  return `The ratio is ${celeryRatio}. To raise it: hybrid ratio 0.05 --reason "..."${place}`;
}

function withReason(command: Command): Command {
  return withPlace(
    command
      .requiredOption('--reason <text>', 'why, for the audit log', reason)
      .option('--json', 'print the live state as JSON'),
  );
}
