import type { Command } from 'commander';
import { InvalidRatioError } from '../../domain/errors.ts';
import type { ControlState } from '../../index.ts';
import { requireTask } from '../app-module.ts';
import { UsageError } from '../failure.ts';
import { type CommonOptions, placeArguments, reason, withApp } from '../options.ts';
import { print, printJson } from '../output.ts';
import { type Session, withManager } from '../session.ts';
import { labelled } from '../table.ts';

interface RatioOptions extends CommonOptions {
  readonly task?: string;
  readonly unset?: true;
  readonly reason?: string;
}

export function addRatio(program: Command): void {
  const command = program
    .command('ratio')
    .description('show the live ratio, or set the share of submissions that go to canary')
    .argument('[ratio]', 'new ratio: 0 (all to stable) to 1 (all to canary), like 0.05')
    .option('--task <name>', 'the ratio of this task only, over the global one')
    .option('--unset', 'with --task: remove its own ratio, so that the global one counts')
    .option('--reason <text>', 'why, for the audit log; needed for a change', reason)
    .option('--json', 'print the live state as JSON');
  withApp(command)
    .addHelpText(
      'after',
      `
Every process acts on a change within a fraction of a second. Nothing that was submitted before is moved.

Examples:
  hybrid ratio
  hybrid ratio 0.25 --reason "first hour went well"
  hybrid ratio 0.05 --task generate-metadata --reason "start small"
  hybrid ratio --task generate-metadata --unset --reason "like all others"`,
    )
    .action(async (given: string | undefined, options: RatioOptions) => {
      const isChange = given !== undefined || options.unset === true;
      const ratio = given === undefined ? null : parseRatio(given);
      checkUsage(given, options);
      await withManager(
        options,
        async (session) => {
          const { manager } = session;
          const before = manager.state;
          if (options.task !== undefined) requireTask(session.tasks, options.task);
          const state = isChange ? await change(session, ratio, options) : before;
          if (options.json) return printJson(state);
          if (isChange) tellChange(before, state, options.task);
          else await showRatios(session, options.task);
        },
        { tasks: options.task === undefined ? 'no' : 'needed' },
      );
    });
}

/** Digits only: Number() alone would also take blanks and 0x1. @throws {InvalidRatioError} */
function parseRatio(given: string): number {
  const ratio = /^(\d+(\.\d*)?|\.\d+)$/.test(given) ? Number(given) : Number.NaN;
  if (!(ratio >= 0 && ratio <= 1)) throw new InvalidRatioError(given);
  return ratio;
}

function checkUsage(given: string | undefined, options: RatioOptions): void {
  const { unset, task, reason: why } = options;
  if (unset && given !== undefined) throw new UsageError('Give a ratio or --unset, not both.');
  if (unset && task === undefined) {
    throw new UsageError(
      '--unset needs --task NAME: the global ratio is set to another value instead, like 0.',
    );
  }
  if ((unset || given !== undefined) && why === undefined) {
    throw new UsageError('A change needs a reason for the audit log: --reason "..."');
  }
  if (!unset && given === undefined && why !== undefined) {
    throw new UsageError(
      `--reason without a change; give the new ratio, like: hybrid ratio 0.05 --reason "..."${placeArguments(options)}`,
    );
  }
}

async function change(
  { manager }: Session,
  ratio: number | null,
  options: RatioOptions,
): Promise<ControlState> {
  const { task, reason: why = '' } = options;
  const { state } = manager;
  // A repeated deploy step makes no epoch and no audit entry.
  if (state.frozen === '' && ownRatio(state, task) === ratio) return state;
  return manager.setRatio(ratio, { reason: why, ...(task === undefined ? {} : { task }) });
}

function ownRatio(state: ControlState, task: string | undefined): number | null {
  if (task === undefined) return state.celeryRatio;
  return Object.hasOwn(state.taskRatios, task) ? (state.taskRatios[task] ?? null) : null;
}

function tellChange(before: ControlState, state: ControlState, task: string | undefined): void {
  const show = (ratio: number | null) =>
    ratio === null ? `none (global: ${state.celeryRatio})` : String(ratio);
  const what = task === undefined ? 'Ratio' : `Ratio of ${task}`;
  const now = show(ownRatio(state, task));
  if (before.epoch === state.epoch)
    print(`${what}: ${now} already, nothing to change (epoch ${state.epoch}).`);
  else print(`${what}: ${show(ownRatio(before, task))} -> ${now}, live at epoch ${state.epoch}.`);
  const others = Object.keys(state.taskRatios);
  if (task === undefined && others.length > 0) print(`With a ratio of their own: ${others.join(', ')}.`);
  if (state.mode === 'flag') print('Mode is flag: the ratio counts only where no flag answers.');
}

async function showRatios({ manager }: Session, task: string | undefined): Promise<void> {
  const { control, file } = await manager.status();
  const own = Object.entries(control.taskRatios).filter(([name]) => task === undefined || name === task);
  const lines: [string, string][] = [['global', String(control.celeryRatio)]];
  for (const [name, ratio] of own) lines.push([name, String(ratio)]);
  if (task !== undefined && own.length === 0) lines.push([task, 'no ratio of its own']);
  print(labelled(lines));
  if (control.frozen !== '') print('Frozen: nothing new goes to canary.');
  if (control.mode === 'flag') print('Mode is flag: the ratio counts only where no flag answers.');
  for (const { setting, file: inFile } of file.drift) {
    print(`The config file says ${setting} ${inFile ?? 'none'}.`);
  }
}
