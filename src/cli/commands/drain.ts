import { Argument, type Command, Option } from 'commander';
import type { DrainProgress } from '../../index.ts';
import { drainDetails, drainLine, drainVerdict } from '../drain-view.ts';
import { EXIT } from '../failure.ts';
import { type CommonOptions, delay, placeArguments, withApp } from '../options.ts';
import { print, printJson } from '../output.ts';
import { placeOf, type Session, withManager } from '../session.ts';
import { onStopSignals } from '../signals.ts';
import { duration } from '../words.ts';

interface DrainFlags extends CommonOptions {
  readonly quiet: number;
  readonly timeout?: number;
}

const DEFAULT_QUIET_MS = 10_000;
/** While jobs run, their numbers change with every look. */
const LINE_EVERY_MS = 5_000;
/** What a shell says of a process that Ctrl-C ended. */
const STOPPED = 130;

export function addDrain(program: Command): void {
  const command = program
    .command('drain')
    .description('wait until stable is proved empty, and say what holds it up')
    .addArgument(new Argument('<backend>', 'which one').choices(['stable']))
    .addOption(
      new Option('--quiet <time>', 'how long it has to be empty, like 30s')
        .argParser(delay)
        .default(DEFAULT_QUIET_MS, '10s'),
    )
    .option('--timeout <time>', 'give up after so long, like 5m (default: never)', delay)
    .option('--json', 'print the report as JSON when it ends');
  withApp(command)
    .addHelpText(
      'after',
      `
Before you switch bee-queue off. It changes nothing. At ratio 1, for all tasks, in mode ratio and not frozen it looks
every second, until no job of any known queue (and its .moved queue) is waiting, active or delayed, no copy of one either,
and no moved task is open, for the quiet time. Copies are nobody's work: if only they are left, they may be thrown away.
Where parity.sampleRate and parity.primary go on sending copies there it is refused, and says so. A job that waits for a
retry counts as delayed. Failed jobs that bee-queue keeps do not count.

That is all it proves: a plain bee-queue producer can still add a job, and so can a submission that names stable. Known
are the queues that any process of this namespace has used, and those of the app module.

Exit codes: 0 drained; 3 not to be drained yet, or --timeout; 130 after Ctrl-C.

Examples:
  hybrid drain stable
  hybrid drain stable --quiet 1m --timeout 2h --json`,
    )
    .action(async (_backend: string, flags: DrainFlags) => {
      const signals = onStopSignals(() => process.exit(STOPPED));
      process.exitCode = await withManager(flags, (session) => drain(session, flags, signals.aborted), {
        tasks: 'wanted',
        mustExist: true,
        log: 'error', // what the library would warn of is among the lines
      });
      signals.release();
    });
}

async function drain({ manager, config }: Session, flags: DrainFlags, signal: AbortSignal): Promise<number> {
  const { quiet: quietMs, timeout: timeoutMs, json } = flags;
  const report = await manager.drainStable({
    signal,
    quietMs,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(json ? {} : { onLook: liveLines(placeOf(config), quietMs, placeArguments(flags)) }),
  });
  if (json) printJson(report);
  else {
    const details = report.verdict === 'drained' ? '' : drainDetails(report.look, placeArguments(flags));
    if (details !== '') print(`\n${details}\n`);
    print(drainVerdict(report));
  }
  if (report.verdict === 'drained') return EXIT.ok;
  return report.verdict === 'stopped' ? STOPPED : EXIT.needsPerson;
}

/** Says what has changed: at once when it becomes empty or something is wrong, else every few seconds. */
function liveLines(place: string, quietMs: number, options: string): (progress: DrainProgress) => void {
  let told = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  let wasBusy = false;
  return (progress) => {
    const line = drainLine(progress, quietMs);
    const isBusy = progress.emptyForMs === null && progress.problem === null;
    if (line === told || (isBusy && wasBusy && performance.now() - toldAt < LINE_EVERY_MS)) return;
    const isFirst = told === '';
    if (isFirst) print(`Draining stable, ${place}. It has to be empty for ${duration(quietMs)}.`);
    told = line;
    toldAt = performance.now();
    wasBusy = isBusy;
    print(`${new Date().toISOString().slice(11, 19)}  ${line}`);
    const details = isFirst ? drainDetails(progress.look, options) : '';
    if (details !== '') print(`\n${details}\n`);
  };
}
