import type { ReportGates, Verdict, VerdictLine } from '../domain/report.ts';
import { milliseconds, percent } from '../domain/wording.ts';
import type { Figures } from './figures.ts';
import { changedShare } from './mixed-times.ts';
import { type Finding, judge, type Rule } from './rule.ts';
import { CHOOSE, tooFew } from './rule-errors.ts';
import type { MedianComparison } from './statistics/medians.ts';
import { sentence, times } from './wording.ts';

/** Canary's median run time must not be longer than stable's, by more than both the ratio and the floor. */
export const judgeLatency: Rule = (figures, gates): Finding => {
  const base = {
    rule: 'latency',
    title: 'Run time',
    threshold: `at most ${times(gates.latencyRatio)} stable's median, or ${milliseconds(gates.latencyFloorMs)} longer${floorWords(figures, gates)}`,
  } as const;
  const { runMedians: medians, timed } = figures;
  const few = tooFew(timed.stable, timed.canary, gates.minimumTasks);
  if (!medians) {
    const cause = few ?? 'no run times can be compared';
    return { line: { ...base, verdict: 'inconclusive', evidence: sentence(cause), interval: null }, cause };
  }
  const interval = medians.ratio && {
    ...medians.ratio,
    limit: limitOf(medians, gates),
    unit: 'ratio' as const,
  };
  const seen = seenOf(figures, medians);
  // There is no histogram for each time of day, so whether the times differ together with the share cannot be seen.
  const changed = few === null ? changedShare(figures.slices.ofShares) : null;
  if (changed) {
    const cause = `the share of canary changed in this window, from ${percent(changed.low)} of the runs at one time to ${percent(changed.high)} at another, so their times mix times of day: ${CHOOSE}`;
    const line = { ...base, verdict: 'inconclusive', doubt: 'share-changed', interval } as const;
    return { line: { ...line, evidence: `${seen}; ${cause}` }, cause };
  }
  const verdict = verdictOf(medians, gates, few === null);
  const line: VerdictLine = {
    ...base,
    verdict,
    evidence: verdict === 'inconclusive' ? `${seen}; ${few ?? 'more runs are needed to tell'}` : seen,
    interval,
  };
  return { line, cause: causeOf(figures, medians, { verdict, few, gates }) };
};

/** Slower is who is slower by the ratio and by the floor, each from end to end of its interval. */
function verdictOf(
  { ratio, differenceMs }: MedianComparison,
  gates: ReportGates,
  isEnough: boolean,
): Verdict {
  // Few runs are of one moment, in which something else may have been slow: never clear before there are enough.
  const data = { isEnough, isClear: false };
  const byFloor = judge(differenceMs, gates.latencyFloorMs, data);
  const byRatio = ratio ? judge(ratio, gates.latencyRatio, data) : byFloor;
  if (byRatio === byFloor) return byRatio;
  return byRatio === 'successful' || byFloor === 'successful' ? 'successful' : 'inconclusive';
}

/** The gate as a ratio: for a short task the floor is what counts. */
function limitOf({ secondMs }: MedianComparison, gates: ReportGates): number {
  return Math.max(gates.latencyRatio, 1 + gates.latencyFloorMs / secondMs);
}

/** Of a short task the limit is many times the ratio's, which nobody would guess; '': the ratio is what counts. */
function floorWords({ runMedians: medians }: Figures, gates: ReportGates): string {
  if (!medians?.ratio) return '';
  const limit = limitOf(medians, gates);
  return limit > gates.latencyRatio ? ` (here ${times(limit)})` : '';
}

function mediansOf({ shown: { backends } }: Figures): { stable: string; canary: string } {
  const median = (side: 'stable' | 'canary') => milliseconds(backends[side].timings.run?.p50 ?? 0);
  return { stable: median('stable'), canary: median('canary') };
}

function seenOf(figures: Figures, { ratio, differenceMs }: MedianComparison): string {
  const { stable, canary } = mediansOf(figures);
  const medians = `median ${canary} on canary, ${stable} on stable`;
  if (!ratio)
    return `${medians}: between ${milliseconds(differenceMs.low)} and ${milliseconds(differenceMs.high)} longer`;
  return `${medians}: ${times(ratio.estimate)}, between ${Number(ratio.low.toPrecision(3))} and ${Number(ratio.high.toPrecision(3))}`;
}

function causeOf(
  figures: Figures,
  medians: MedianComparison,
  found: { readonly verdict: Verdict; readonly few: string | null; readonly gates: ReportGates },
): string {
  const { ratio, differenceMs } = medians;
  const { stable, canary } = mediansOf(figures);
  if (found.verdict === 'inconclusive') {
    if (found.few !== null) return found.few;
    const most = ratio ? times(ratio.high) : `${milliseconds(differenceMs.high)} more than`;
    return `canary's median run time may be ${most} stable's: more runs are needed to tell`;
  }
  const factor = ratio ? `${times(ratio.estimate)} stable's` : `stable's is ${stable}`;
  if (found.verdict === 'successful') return `median run time ${factor}`;
  const { latencyRatio, latencyFloorMs } = found.gates;
  const isByFloor = limitOf(medians, found.gates) > latencyRatio;
  const allowed = isByFloor
    ? `at most ${milliseconds(latencyFloorMs)} longer`
    : `at most ${times(latencyRatio)}`;
  return `canary is slower: its median run time is ${canary}, stable's ${stable} (${ratio ? `${times(ratio.estimate)}, ` : ''}${allowed} allowed)`;
}
