import { InvalidConfigError } from '../domain/errors.ts';
import type { Mismatch } from '../domain/parity.ts';
import type { ComparisonReport, ReportFormat } from '../domain/report.ts';
import { withPresent } from '../parity/notes-present.ts';
import type { TerminalOptions } from '../report/terminal.ts';
import type { Connections } from './connections.ts';

// Statistics and forms are loaded when they are first asked for: who only submits does without them.

const HOUR_MS = 3_600_000;
/** Hours are kept so long. */
const LONGEST_MS = 30 * 24 * HOUR_MS;
/** Shown in a report; `mismatches()` has them all. */
const MISMATCHES_SHOWN = 20;
/** Looked through for an example of each place that differs. */
const MISMATCHES_READ = 1_000;

export interface ReportOptions {
  /** Beginning of the window: milliseconds since 1970. @default `lastMs` before its end */
  readonly from?: number;
  /** Length of a window without `from`, in milliseconds. @default 3_600_000 (an hour) */
  readonly lastMs?: number;
  /** End of the window, milliseconds since 1970. @default now */
  readonly to?: number;
  /** Behind every command that the report prints, like ` --config FILE`. @default '' */
  readonly commandOptions?: string;
  /** Only these tasks. @default all */
  readonly tasks?: readonly string[];
}

/**
 * Compares the backends over a window of time.
 * @throws {InvalidConfigError} a window that ends before it begins, that lies in the future, or before what is kept
 */
export async function reportOf(c: Connections, options: ReportOptions): Promise<ComparisonReport> {
  const now = await c.figures.now();
  const to = options.to ?? now;
  const from = options.from ?? to - (options.lastMs ?? HOUR_MS);
  checkWindow(from, to, now);
  const [aggregates, mismatches, workers] = await Promise.all([
    c.figures.read({ from, to, now }),
    c.pairs.mismatches({ limit: MISMATCHES_READ }),
    c.workers.list(),
  ]);
  const { tasks } = options;
  const isAsked = ({ task }: { readonly task: string }) => tasks === undefined || tasks.includes(task);
  const inWindow = mismatches.filter(
    (mismatch) => isAsked(mismatch) && mismatch.at >= aggregates.from && mismatch.at < aggregates.to,
  );
  const { namespace, report: settings } = c.config;
  const { buildReport } = await import('../parity/report-builder.ts');
  const built = buildReport({
    namespace,
    at: now,
    window: { from: aggregates.from, to: Math.min(aggregates.to, now) },
    aggregates: {
      ...aggregates,
      runs: aggregates.runs.filter(isAsked),
      pairs: aggregates.pairs.filter(isAsked),
      timeline: aggregates.timeline.filter(isAsked),
    },
    mismatches: inWindow,
    mostMismatches: MISMATCHES_SHOWN,
    gates: settings.gates,
  });
  const { commandOptions } = options;
  const report = commandOptions ? { ...built, commandOptions } : built;
  return withPresent(report, { control: c.plane.state, workers, tasks });
}

function checkWindow(from: number, to: number, now: number): void {
  const refuse = (given: string, allowed: string): never => {
    throw new InvalidConfigError("The report's window", [{ path: 'window', given, allowed }]);
  };
  const shown = (at: number) => (Number.isFinite(at) ? new Date(at).toISOString() : String(at));
  const window = `${shown(from)} to ${shown(to)}`;
  if (!Number.isFinite(from) || !Number.isFinite(to) || from >= to)
    refuse(window, 'a window that begins before it ends');
  if (from > now) refuse(`${window}, which lies in the future`, `a window that begins before ${shown(now)}`);
  if (to < now - LONGEST_MS)
    refuse(
      `${window}, which is forgotten`,
      `a window in the last 30 days, from ${shown(now - LONGEST_MS)} on`,
    );
}

/**
 * A report in one of its forms: `terminal` for a person, `html` (one file, no script) for people, `md` for a pull request,
 * `json` for scripts, `junit` for CI.
 * @param options for `terminal` only
 */
export async function renderReport(
  report: ComparisonReport,
  format: ReportFormat,
  options: TerminalOptions = {},
): Promise<string> {
  const { renderReport: render } = await import('../report/render.ts');
  return render(report, format, options);
}

/** Kept mismatches for a terminal, field by field. @param colored @default false */
export async function mismatchesText(mismatches: readonly Mismatch[], colored = false): Promise<string> {
  const { mismatchList } = await import('../report/mismatch-list.ts');
  return mismatchList(mismatches, colored);
}
