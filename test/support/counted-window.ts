import { resolveConfig } from '../../src/config.ts';
import {
  type Aggregates,
  type Arm,
  bucketOf,
  type PairCell,
  type RunCell,
  type RunCounts,
} from '../../src/domain/aggregates.ts';
import type { Mismatch, MismatchKind, PairKind } from '../../src/domain/parity.ts';
import type { ComparisonReport, ReportGates } from '../../src/domain/report.ts';
import type { BackendName } from '../../src/domain/task.ts';
import { buildReport, type ReportInput } from '../../src/parity/report-builder.ts';

/** The defaults. */
export const GATES: ReportGates = resolveConfig({}).report.gates;

/** 2026-04-01T12:00Z */
export const NOON = 1_775_044_800_000;

/** What ran of a task on one backend, in so many words. */
export interface Ran {
  readonly finished: number;
  readonly failed?: number;
  /** Median of the run times, which are spread evenly from 80 % to 120 % of it. @default 50 */
  readonly runMs?: number;
  readonly counts?: Partial<RunCounts>;
}

export function runCell(task: string, backend: BackendName, ran: Ran, arm: Arm = 'assigned'): RunCell {
  const { finished, failed = 0, runMs = 50 } = ran;
  const run = new Map<number, number>();
  for (let i = 0; i < finished; i++) {
    const bucket = bucketOf(runMs * 1000 * (0.8 + (0.4 * (i + 0.5)) / finished));
    run.set(bucket, (run.get(bucket) ?? 0) + 1);
  }
  const counts: RunCounts = {
    submitted: finished,
    randomised: 0,
    expectedCanary: 0,
    variance: 0,
    succeeded: finished - failed,
    failed,
    retried: 0,
    overdue: 0,
    ...ran.counts,
  };
  return { task, backend, arm, counts, timings: { wait: run, run, total: run } };
}

export interface Paired {
  readonly matched: number;
  readonly mismatched?: Partial<Record<MismatchKind, number>>;
  readonly dropped?: number;
  readonly paths?: Readonly<Record<string, number>>;
}

export function pairCell(task: string, kind: PairKind, paired: Paired): PairCell {
  const { matched, mismatched = {}, dropped = 0, paths = {} } = paired;
  const compared = Object.values(mismatched).reduce((sum, n) => sum + n, matched);
  return { task, kind, compared, matched, mismatched, dropped, paths };
}

export function aggregatesOf(runs: readonly RunCell[], pairs: readonly PairCell[] = []): Aggregates {
  return { from: NOON - 3_600_000, to: NOON, newestAt: NOON - 2_000, runs, pairs, timeline: [] };
}

export function reportOf(
  runs: readonly RunCell[],
  pairs: readonly PairCell[] = [],
  rest: Partial<ReportInput> = {},
): ComparisonReport {
  return buildReport({
    namespace: 'test',
    at: NOON,
    window: { from: NOON - 3_600_000, to: NOON },
    aggregates: aggregatesOf(runs, pairs),
    mismatches: [],
    gates: GATES,
    ...rest,
  });
}

export function mismatchAt(task: string, at: number, path: string, rest: Partial<Mismatch> = {}): Mismatch {
  return {
    at,
    task,
    pair: 'shadow',
    kind: 'value',
    primary: `primary-${at}`,
    copy: `copy-${at}`,
    differences: [{ path, change: 'changed', stable: `"stable ${at}"`, canary: `"canary ${at}"` }],
    note: null,
    stable: null,
    canary: null,
    replay: null,
    ...rest,
  };
}
