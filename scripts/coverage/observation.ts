import { resolveConfig } from '../../src/config.ts';
import type { ComparisonReport, Interval } from '../../src/domain/report.ts';
import { buildReport } from '../../src/parity/report-builder.ts';
import { simulate, type Truth } from './simulation.ts';
import type { Tallies } from './tally.ts';

/** The defaults. */
const GATES = resolveConfig({}).report.gates;

/** Names of the tallies: `interval/which/where`. */
export const ALL = 'all';

/** Makes one report and counts which of its intervals hold the truth, and what its verdict is. */
export function observe(seed: number, tallies: Tallies): void {
  const { truth, aggregates } = simulate(seed);
  const window = { from: aggregates.from, to: aggregates.to };
  const report = buildReport({
    namespace: 'coverage',
    at: aggregates.to,
    window,
    aggregates: renamed(aggregates, `simulated-${seed}`),
    mismatches: [],
    gates: GATES,
  });
  countIntervals(report, truth, tallies);
  countVerdicts(report, tallies);
}

/** The task's name is the bootstrap's seed: under one name all reports would share one sequence of draws, and its luck. */
function renamed<A extends { runs: readonly object[]; pairs: readonly object[] }>(all: A, task: string): A {
  const named = (cells: readonly object[]) => cells.map((cell) => ({ ...cell, task }));
  return { ...all, runs: named(all.runs), pairs: named(all.pairs) };
}

function holds(interval: Interval | null, truth: number): boolean | null {
  return interval && interval.low <= truth && truth <= interval.high;
}

function countIntervals({ total, tasks }: ComparisonReport, truth: Truth, tallies: Tallies): void {
  const { canaryTasks, stableTasks, errorRate, mismatchRate, pairs, controlPairs } = truth;
  const smaller = Math.min(canaryTasks, stableTasks);
  const count = (name: string, held: boolean | null, expectedEvents: number) => {
    tallies.count(`${name}/${ALL}`, held);
    tallies.count(`${name}/${eventsWord(expectedEvents)}`, held);
  };
  count('Wilson: error rate', holds(total.backends.canary.errorRate, errorRate), canaryTasks * errorRate);
  const difference = tasks[0]?.lines.find(({ rule }) => rule === 'errors')?.interval ?? null;
  count('Newcombe: difference of error rates', holds(difference, 0), smaller * errorRate);
  const { rate, beyondNoise } = total.parity;
  count('Newcombe: mismatches beyond noise', holds(beyondNoise, 0), controlPairs * mismatchRate);
  count('Clopper-Pearson: mismatch rate', holds(rate, mismatchRate), pairs * mismatchRate);
  if (truth.ratio !== null) {
    const rarer = (canaryTasks + stableTasks) * Math.min(truth.ratio, 1 - truth.ratio);
    count("Wilson: canary's share", holds(total.routed.canaryShare, truth.ratio), rarer);
  }
  const median = holds(total.medianRatio.run, 1);
  const runs =
    smaller < 100 ? 'fewer than 100 runs' : smaller < 1000 ? '100 to 999 runs' : '1,000 runs or more';
  for (const where of [ALL, truth.shape, runs]) tallies.count(`Bootstrap: ratio of medians/${where}`, median);
}

function eventsWord(expected: number): string {
  if (expected < 3) return 'fewer than 3 events';
  return expected < 10 ? '3 to 10 events' : '10 events or more';
}

function countVerdicts({ verdict, tasks }: ComparisonReport, tallies: Tallies): void {
  for (const one of ['failed', 'inconclusive', 'successful']) {
    tallies.count(`verdict/${one}`, verdict === one);
  }
  for (const line of tasks[0]?.lines ?? [])
    tallies.count(`failed rule/${line.rule}`, line.verdict === 'failed');
  const doubt = tasks[0]?.lines.find(({ rule }) => rule === 'sample-ratio');
  tallies.count('alarm/sample-ratio', doubt?.verdict === 'inconclusive');
}
