import { type Command, InvalidArgumentError, Option } from 'commander';
import { REPORT_FORMATS, type ReportFormat } from '../../domain/report.ts';
import { EXIT, UsageError } from '../failure.ts';
import { type CommonOptions, delay, placeArguments, withPlace } from '../options.ts';
import { colors, print, say } from '../output.ts';
import { formatOf, openInBrowser, writeOut } from '../report-output.ts';
import { type Session, withManager } from '../session.ts';
import { shortPath } from '../words.ts';

const DEFAULT_FILE = '.hybrid/report.html';

/** A point in time: so long ago, or at a date. */
type Moment = { readonly agoMs: number } | { readonly at: number };

interface ReportFlags extends CommonOptions {
  readonly since: Moment;
  readonly until?: Moment;
  readonly task?: readonly string[];
  readonly format?: ReportFormat;
  readonly out?: string;
  readonly open?: true;
  readonly exitCode?: true;
}

const VERDICT_EXIT = { successful: EXIT.ok, failed: EXIT.failed, inconclusive: EXIT.needsPerson } as const;

export function addReport(program: Command): void {
  const command = program
    .command('report')
    .description('compare the backends: routing, errors, times, results, and a verdict')
    .addOption(
      new Option('--since <time>', 'beginning of the window: so long ago (15m, 1h, 7d), or a date')
        .argParser(moment)
        .default({ agoMs: 3_600_000 }, '1h'),
    )
    .addOption(
      new Option('--until <time>', 'end of the window, in the same forms (default: now)').argParser(moment),
    )
    .option('--task <name...>', 'only these tasks')
    .addOption(
      new Option(
        '--format <form>',
        'form of the report (default: by the ending of --out, else terminal)',
      ).choices(REPORT_FORMATS),
    )
    .option('--out <file>', 'write it there instead of printing it')
    .option('--open', `show it in the browser (html; without --out in ${DEFAULT_FILE})`)
    .option('--exit-code', 'let the exit code tell the verdict: 0 successful, 1 failed, 3 inconclusive')
    .option('--json', 'the same as --format json');
  withPlace(command)
    .addHelpText(
      'after',
      `
What is counted is kept by the minute for a day, and by the hour for 30 days. Thresholds: report.gates in the config.

Examples:
  hybrid report
  hybrid report --since 24h --out report.html --open
  hybrid report --format md | gh pr comment --body-file -
  hybrid report --since 30m --out report.xml --exit-code     # JUnit, for CI`,
    )
    .action(async (flags: ReportFlags) => {
      const format = formFor(flags);
      process.exitCode = await withManager(flags, (session) => show(session, flags, format), {
        mustExist: true,
      });
    });
}

function moment(given: string): Moment {
  const day = /^\d{4}-\d{2}-\d{2}/.exec(given)?.[0];
  const at = day !== undefined && isDay(day) ? Date.parse(given) : Number.NaN;
  if (Number.isFinite(at)) return { at };
  try {
    return { agoMs: delay(given) };
  } catch {
    throw new InvalidArgumentError('Allowed: how long ago (15m, 1h, 7d), or a date like 2026-11-22T09:00Z.');
  }
}

/** Date.parse takes 31 February for 3 March. */
function isDay(day: string): boolean {
  const at = Date.parse(day);
  return Number.isFinite(at) && new Date(at).toISOString().startsWith(day);
}

/** @throws {UsageError} two options that contradict each other */
function formFor({ format, out, open, json }: ReportFlags): ReportFormat {
  const asked = json ? 'json' : format;
  if (json && format !== undefined && format !== 'json')
    throw new UsageError('--json is --format json; give one.');
  if (open && asked !== undefined && asked !== 'html') throw new UsageError('--open is for --format html.');
  const byName = out === undefined ? undefined : (formatOf(out) as ReportFormat | undefined);
  if (open && byName !== undefined && byName !== 'html')
    throw new UsageError('--open is for html, and --out ends otherwise.');
  if (open) return 'html';
  if (asked === undefined && out !== undefined && byName === undefined) {
    throw new UsageError(
      `--out ${out} does not say which form; allowed: an ending .html, .md, .json or .xml, or --format.`,
    );
  }
  return asked ?? byName ?? 'terminal';
}

async function show({ manager }: Session, flags: ReportFlags, format: ReportFormat): Promise<number> {
  const now = Date.now();
  const timeOf = (moment: Moment) => ('at' in moment ? moment.at : now - moment.agoMs);
  const report = await manager.report({
    // Up to now it is so long before the clock of Redis: this machine's may be another.
    ...('agoMs' in flags.since && flags.until === undefined
      ? { lastMs: flags.since.agoMs }
      : { from: timeOf(flags.since) }),
    ...(flags.until === undefined ? {} : { to: timeOf(flags.until) }),
    ...(flags.task === undefined ? {} : { tasks: flags.task }),
    commandOptions: placeArguments(flags),
  });
  const { renderReport } = await import('../../manager/comparison-report.ts');
  const text = await renderReport(report, format, {
    colors: flags.out === undefined && colors.isColorSupported,
    columns: process.stdout.columns ?? 100,
  });
  const file = flags.out ?? (flags.open ? DEFAULT_FILE : undefined);
  if (file === undefined) print(text.trimEnd());
  else {
    const path = await writeOut(file, text);
    say(`${report.headline}\nWritten to ${shortPath(path)}.`);
    if (flags.open) await openInBrowser(path);
  }
  return flags.exitCode ? VERDICT_EXIT[report.verdict] : EXIT.ok;
}
