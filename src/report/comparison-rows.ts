import type { RunCounts, Timing } from '../domain/aggregates.ts';
import type {
  BackendSide,
  ComparisonReport,
  Interval,
  Quantiles,
  ReportGates,
  TaskComparison,
} from '../domain/report.ts';
import { count, milliseconds, percent, plural } from '../domain/wording.ts';
import { factor, factorRange, percentRange, points, pointsRange } from './numbers.ts';
import { shortage, TIMING_WORDS } from './wording.ts';

/** A task's figures, or those of all together, which have no rules. */
export type Compared = ComparisonReport['total'] & Partial<Pick<TaskComparison, 'lines'>>;

export interface ComparisonCell {
  readonly text: string;
  /** The 95 % interval, where there is room for it; '' without one. */
  readonly interval: string;
}

/** One row of the table that terminal, Markdown and HTML share. */
export interface ComparisonRow {
  /** Rows of one group stand together. */
  readonly group: 'routed' | 'outcome' | Timing;
  readonly label: string;
  readonly stable: ComparisonCell;
  readonly canary: ComparisonCell;
  readonly difference: ComparisonCell;
}

const cell = (text: string, interval = ''): ComparisonCell => ({ text, interval });

/** Stable and canary side by side: where tasks went, what came of them, how long they took. */
export function comparisonRows(compared: Compared, gates: ReportGates): readonly ComparisonRow[] {
  return [...routedRows(compared), ...outcomeRows(compared, gates), ...timeRows(compared)];
}

function routedRows({ backends: { stable, canary }, routed }: Compared): readonly ComparisonRow[] {
  const row = (label: string, a: number, b: number, difference = ''): ComparisonRow => ({
    group: 'routed',
    label,
    stable: cell(count(a)),
    canary: cell(count(b)),
    difference: cell(difference),
  });
  const apart = row('forced or moved', stable.apart.submitted, canary.apart.submitted);
  const copies = row('copies', stable.shadow.submitted, canary.shadow.submitted);
  return [
    row('submitted', stable.assigned.submitted, canary.assigned.submitted, shareText(routed)),
    ...(stable.apart.submitted + canary.apart.submitted > 0 ? [apart] : []),
    ...(stable.shadow.submitted + canary.shadow.submitted > 0 ? [copies] : []),
  ];
}

function shareText({ canaryShare, targetShare }: Compared['routed']): string {
  if (canaryShare === null) return '';
  const target = targetShare === null ? '' : `, aimed at ${percent(targetShare)}`;
  return `${percent(canaryShare.estimate)} on canary${target}`;
}

function outcomeRows(compared: Compared, gates: ReportGates): readonly ComparisonRow[] {
  const { stable, canary } = compared.backends;
  const row = (
    label: string,
    a: ComparisonCell,
    b: ComparisonCell,
    difference = cell(''),
  ): ComparisonRow => ({
    group: 'outcome',
    label,
    stable: a,
    canary: b,
    difference,
  });
  const numbers = (label: string, of: (side: BackendSide) => number, difference?: ComparisonCell) =>
    row(label, cell(count(of(stable))), cell(count(of(canary))), difference);
  const judged = (what: keyof RunCounts) => (side: BackendSide) => side.assigned[what] + side.shadow[what];
  return [
    numbers('finished', (side) => side.finished, cell(shortage(Object.entries(compared.backends), gates))),
    ...(hasUnfinished(compared) ? [numbers('unfinished', unfinished)] : []),
    numbers('failed', (side) => side.failed),
    row('error rate', rateCell(stable.errorRate), rateCell(canary.errorRate), errorDifference(compared)),
    numbers('retried runs', judged('retried')),
    numbers('overdue', judged('overdue')),
  ];
}

function unfinished({ unfinished: { assigned, shadow } }: BackendSide): number {
  return assigned + shadow;
}

function hasUnfinished({ backends: { stable, canary } }: Compared): boolean {
  return unfinished(stable) + unfinished(canary) > 0;
}

function rateCell(rate: Interval | null): ComparisonCell {
  if (rate === null) return cell('none finished');
  return cell(percent(rate.estimate), percentRange(rate));
}

function errorDifference({ backends: { stable, canary }, lines = [] }: Compared): ComparisonCell {
  const interval = lines.find(({ rule }) => rule === 'errors')?.interval;
  if (interval?.unit === 'share') return cell(points(interval.estimate), pointsRange(interval));
  if (stable.errorRate === null || canary.errorRate === null) return cell('');
  return cell(points(canary.errorRate.estimate - stable.errorRate.estimate));
}

const TIMINGS: readonly Timing[] = ['wait', 'run', 'total'];
const QUANTILES: readonly (keyof Quantiles)[] = ['p50', 'p95', 'p99'];

function timeRows({ backends: { stable, canary }, medianRatio }: Compared): readonly ComparisonRow[] {
  return TIMINGS.flatMap((timing) => {
    const [a, b] = [stable.timings[timing], canary.timings[timing]];
    if (a === null && b === null) return [];
    return QUANTILES.map((quantile) => ({
      group: timing,
      label: `${TIMING_WORDS[timing]} ${quantile}`,
      stable: cell(a === null ? 'not timed' : milliseconds(a[quantile])),
      canary: cell(b === null ? 'not timed' : milliseconds(b[quantile])),
      difference: quantile === 'p50' ? ratioCell(medianRatio[timing], a, b) : cell(''),
    }));
  });
}

function ratioCell(ratio: Interval | null, a: Quantiles | null, b: Quantiles | null): ComparisonCell {
  if (ratio !== null) return cell(factor(ratio.estimate), factorRange(ratio));
  return cell(a === null || b === null ? '' : 'too little data to compare');
}

/** What the pairs say, as labelled sentences. */
export function parityFacts(
  { parity, backends: { stable, canary } }: Compared,
  gates: ReportGates,
): readonly (readonly [string, string])[] {
  const { pairs, mismatched, unjudged, rate, noise, beyondNoise, dropped } = parity;
  if (pairs + unjudged + noise.pairs + dropped === 0) {
    const copies = stable.shadow.submitted + canary.shadow.submitted;
    const none = 'none compared; a task is compared when it is shadowSafe and sampled';
    return [['pairs', copies > 0 ? `none compared of ${plural(copies, 'copy', 'copies')} so far` : none]];
  }
  const facts: [string, string][] = [
    ['pairs', pairsText(parity, gates)],
    ['mismatches', rate === null ? 'nothing to judge' : `${count(mismatched)}, ${withRange(rate)}`],
  ];
  if (noise.pairs > 0 && noise.rate !== null) {
    const share = withRange(noise.rate);
    facts.push(['noise', `${count(noise.mismatched)} of ${count(noise.pairs)} control pairs, ${share}`]);
    if (beyondNoise !== null)
      facts.push(['beyond noise', `${points(beyondNoise.estimate)} (${pointsRange(beyondNoise)})`]);
  }
  if (unjudged > 0) facts.push(['unjudged', `${count(unjudged)}: they say nothing about canary`]);
  if (dropped > 0)
    facts.push([
      'left out',
      `${count(dropped)}: cancelled, moved, no outcome on either side, or a copy without a turn or its worker`,
    ]);
  return facts;
}

function pairsText({ pairs, matched }: Compared['parity'], gates: ReportGates): string {
  const few = pairs < gates.minimumPairs ? ` (${count(gates.minimumPairs)} needed)` : '';
  return `${count(pairs)} compared${few}, ${count(matched)} equal`;
}

function withRange(rate: Interval): string {
  return `${percent(rate.estimate)} (${percentRange(rate)})`;
}
