import { type Command, Option } from 'commander';
import { FrozenError } from '../../domain/errors.ts';
import type { ReplayedInput, ReplayProgress, ReplayResult, TaskDefinition } from '../../index.ts';
import { requireTask } from '../app-module.ts';
import { EXIT, exitCodeOf, shownError, UsageError } from '../failure.ts';
import { parseLine, readLines } from '../json-input.ts';
import { type CommonOptions, delay, placeArguments, whole, withApp, withPlace } from '../options.ts';
import { colors, print, printJson, say } from '../output.ts';
import { type Session, withManager } from '../session.ts';
import { onStopSignals } from '../signals.ts';
import { count, plural } from '../words.ts';

interface MismatchFlags extends CommonOptions {
  readonly task?: string;
  readonly limit: number;
}

interface ReplayFlags extends CommonOptions {
  readonly from: string;
  readonly task?: string;
  /** Milliseconds. */
  readonly timeout: number;
}

export function addParity(program: Command): void {
  const parity = program
    .command('parity')
    .description('show where the backends answer differently, and try recorded inputs on both')
    .helpCommand(false);
  addMismatches(parity);
  addReplay(parity);
}

function addMismatches(parity: Command): void {
  const command = parity
    .command('mismatches')
    .description('list the newest pairs of runs that differ, field by field')
    .option('--task <name>', 'only of this task')
    .option('--limit <n>', 'at most this many, newest first', whole(1, 1000), 20)
    .option('--json', 'print JSON');
  withPlace(command)
    .addHelpText(
      'after',
      `
The newest 1,000 are kept. What a task calls sensitive is shown as [redacted].

Example:
  hybrid parity mismatches --task generate-metadata --limit 5`,
    )
    .action((flags: MismatchFlags) =>
      withManager(flags, (session) => showMismatches(session, flags), { mustExist: true }),
    );
}

async function showMismatches({ manager }: Session, { task, limit, json }: MismatchFlags): Promise<void> {
  const mismatches = await manager.mismatches({ limit, ...(task === undefined ? {} : { task }) });
  if (json) return printJson(mismatches);
  if (mismatches.length === 0) return print(`No mismatch is kept${task === undefined ? '' : ` of ${task}`}.`);
  const { mismatchesText } = await import('../../manager/comparison-report.ts');
  print(await mismatchesText(mismatches, colors.isColorSupported));
}

function addReplay(parity: Command): void {
  const command = parity
    .command('replay')
    .description('run recorded inputs on both backends and compare the results; nobody gets them as work')
    .requiredOption('--from <file>', 'a file with one JSON value per line; - is standard input')
    .option('--task <name>', 'the task of every line; else each line is {"task": NAME, "input": ...}')
    .addOption(
      new Option('--timeout <time>', 'give up after so long without progress')
        .argParser(delay)
        .default(60_000, '60s'),
    )
    .option('--json', 'print JSON');
  withApp(command)
    .addHelpText(
      'after',
      `
Workers have to run, and the task has to say parity: { shadowSafe: true }, for each input runs twice.

Exit codes: 0 all results are equal, 1 some differ, or it failed, 2 usage, 3 not all could be compared.

Example:
  hybrid parity replay --task generate-metadata --from chunks.jsonl`,
    )
    .action(async (flags: ReplayFlags) => {
      process.exitCode = await withManager(flags, (session) => replay(session, flags), {
        tasks: 'needed',
        mustExist: true,
      });
    });
}

async function replay({ manager, tasks }: Session, flags: ReplayFlags): Promise<number> {
  const signals = onStopSignals(() => process.exit(EXIT.failed));
  const isTerminal = process.stderr.isTTY === true;
  let isShown = false;
  const onProgress = (progress: ReplayProgress) => {
    if (!isTerminal || flags.json) return;
    isShown = true;
    process.stderr.write(`\r${progressText(progress)}`);
  };
  const place: Place = { line: 0 };
  try {
    const inputs = inputLines(flags, tasks, place, signals.aborted);
    const options = { timeoutMs: flags.timeout, signal: signals.aborted, onProgress };
    const result = await manager.replay(inputs, options).finally(() => {
      if (isShown) process.stderr.write('\n');
    });
    await tell(result, flags);
    if (result.problem !== null) {
      if (!flags.json) throw result.problem;
      say(endedAt(place));
      return exitCodeOf(result.problem);
    }
    if (result.mismatched > 0) return EXIT.failed;
    const isAllEqual = result.isComplete && result.matched === result.submitted && result.submitted > 0;
    return isAllEqual ? EXIT.ok : EXIT.needsPerson;
  } catch (error) {
    // Where Redis went away it is not the line that ended it.
    const isOfLine = exitCodeOf(error) === EXIT.usage || error instanceof FrozenError;
    if (place.line > 0 && isOfLine) say(endedAt(place));
    throw error;
  } finally {
    signals.release();
  }
}

/** How far the input has been read. */
interface Place {
  /** The newest line; 0: there was none. */
  line: number;
}

const endedAt = ({ line }: Place) => `It ended at line ${line}.`;

async function* inputLines(
  flags: ReplayFlags,
  tasks: readonly TaskDefinition[],
  place: Place,
  signal: AbortSignal,
): AsyncGenerator<ReplayedInput> {
  for await (const line of readLines(flags.from, signal)) {
    place.line = line.number;
    const value = parseLine(line, `Line ${line.number}`);
    if (flags.task !== undefined) yield { task: requireTask(tasks, flags.task), input: value };
    else {
      const { task, input } = (value ?? {}) as { task?: unknown; input?: unknown };
      if (typeof task !== 'string' || input === undefined) {
        const allowed =
          'an object like {"task": "generate-metadata", "input": {...}}, or --task for all lines';
        throw new UsageError(`Line ${line.number} does not say its task; allowed: ${allowed}.`);
      }
      yield { task: requireTask(tasks, task), input };
    }
  }
}

async function tell(result: ReplayResult, flags: ReplayFlags): Promise<void> {
  if (flags.json) {
    const { problem, ...rest } = result;
    // One JSON document has both, so that a script reads one.
    return printJson(problem === null ? rest : { ...rest, error: shownError(problem) });
  }
  if (result.submitted === 0 && result.isComplete) return say('Nothing to replay: the input has no line.');
  if (result.mismatches.length > 0) {
    const { mismatchesText } = await import('../../manager/comparison-report.ts');
    print(`${await mismatchesText(result.mismatches, colors.isColorSupported)}\n`);
  }
  print(progressText(result));
  if (!result.isComplete && result.problem === null)
    say('The rest of the input was not replayed: it was stopped, or there were as many copies as may be.');
  if (result.open > 0 && !(result.problem instanceof FrozenError))
    say(
      `${plural(result.open, 'pair')} had no result yet. Do workers of both backends run? See: hybrid status${placeArguments(flags)}`,
    );
}

function progressText({ submitted, matched, mismatched, dropped }: ReplayProgress): string {
  const notCompared = dropped === 0 ? '' : `, ${count(dropped)} not comparable`;
  return `${plural(submitted, 'input')} replayed: ${count(matched)} equal, ${count(mismatched)} different${notCompared}`;
}
