import type { BackendSide, Doubt, Interval, ReportGates, VerdictLine } from '../domain/report.ts';
import type { BackendName } from '../domain/task.ts';
import { count, percent, plural } from '../domain/wording.ts';
import type { Figures } from './figures.ts';
import { shiftByTime, withoutShift } from './mixed-times.ts';
import { FEWEST_EVENTS, type Finding, judge, type Rule } from './rule.ts';
import { newcombe, trialsToExclude } from './statistics/proportions.ts';
import { unfinishedDoubt } from './unfinished.ts';
import { percentBetween, sentence } from './wording.ts';

/** Canary must not fail more often than stable, by more than the gate. */
export const judgeErrors: Rule = (figures, gates): Finding => {
  const { stable, canary } = figures.shown.backends;
  const { errorRateDifference: limit, minimumTasks } = gates;
  const difference = newcombe(
    { events: canary.failed, trials: canary.finished },
    { events: stable.failed, trials: stable.finished },
  );
  const base = { rule: 'errors', title: 'Error rate', threshold: `at most ${percent(limit)} more` } as const;
  if (!difference) {
    const missing = canary.finished === 0 ? 'canary' : 'stable';
    const what = hasOthers(figures, missing) ? 'nothing that ratio or flag sent' : 'no task';
    const cause = `${what} has finished on ${missing}, so error rates cannot be compared`;
    return finding({ ...base, verdict: 'inconclusive', evidence: sentence(cause), interval: null }, cause);
  }
  const few = tooFew(stable.finished, canary.finished, minimumTasks);
  const data = { isEnough: few === null, isClear: canary.failed >= FEWEST_EVENTS };
  const pooled = judge(difference, limit, data);
  const seen = `${failedOf(canary)} on canary, ${failedOf(stable)} on stable: ${percentBetween(difference)} more`;
  const interval = { ...difference, limit, unit: 'share' } as const;
  const doubted = doubtOf(figures, { gates, difference, data });
  if (doubted) {
    const { doubt, evidence, cause } = doubted;
    const line = {
      ...base,
      verdict: 'inconclusive',
      evidence: `${seen}; ${evidence}`,
      doubt,
      interval,
    } as const;
    return finding(line, cause);
  }
  const line: VerdictLine = {
    ...base,
    verdict: pooled,
    evidence: pooled === 'inconclusive' ? `${seen}; ${few ?? atBest(canary, limit)}` : seen,
    interval,
  };
  if (pooled === 'inconclusive') {
    return finding(
      line,
      few ?? `canary may fail ${percent(difference.high)} more often: ${atBest(canary, limit)}`,
    );
  }
  const rates = `canary fails ${percent(canary.failed / canary.finished)} of its tasks, stable ${percent(stable.failed / stable.finished)}`;
  return finding(line, pooled === 'failed' ? `${rates} (at most ${percent(limit)} more allowed)` : rates);
};

/** Whether a backend that has finished nothing to be compared has finished something else: forced, brought back, replayed. */
function hasOthers({ shown: { backends, parity } }: Figures, backend: BackendName): boolean {
  const { succeeded, failed } = backends[backend].apart;
  return succeeded + failed > 0 || parity.pairs > 0;
}

interface Doubted {
  readonly doubt: Doubt;
  readonly evidence: string;
  readonly cause: string;
}

/** Why the difference says nothing about canary, whatever it is; null: it does. */
function doubtOf(
  { shown, slices }: Figures,
  seen: {
    readonly gates: ReportGates;
    readonly difference: Interval;
    readonly data: { readonly isEnough: boolean; readonly isClear: boolean };
  },
): Doubted | null {
  const { gates, difference, data } = seen;
  const limit = gates.errorRateDifference;
  const pooled = judge(difference, limit, data);
  const open = pooled === 'failed' ? null : unfinishedDoubt(shown.backends, gates);
  if (open !== null) return { doubt: 'unfinished', evidence: open, cause: open };
  if (!data.isEnough && pooled === 'inconclusive') return null;
  const shift = shiftByTime(slices.ofErrors);
  if (Math.abs(shift) <= limit / 2) return null;
  // Failing as clearly among runs of the same time, canary cannot blame the time.
  if (pooled === 'failed' && judge(withoutShift(difference, shift), limit, data) === 'failed') return null;
  const within = Number.isFinite(shift)
    ? `of runs of the same time ${percent(difference.estimate - shift)} more`
    : 'the two did not run at the same time';
  const cause = `the share of canary changed in this window together with the error rate: ${CHOOSE}`;
  return { doubt: 'share-changed', evidence: `${within}; ${cause}`, cause };
}

/** What helps where the share of canary changed. */
export const CHOOSE =
  'choose a window in which it did not, after the last change of the ratio or of parity.sampleRate';

function finding(line: VerdictLine, cause: string): Finding {
  return { line, cause };
}

function failedOf({ failed, finished }: BackendSide): string {
  return `${count(failed)} of ${count(finished)} failed (${percent(failed / finished)})`;
}

/** Says which backend has finished too little; null: neither. */
export function tooFew(stable: number, canary: number, minimum: number): string | null {
  const short = canary < minimum ? 'canary' : stable < minimum ? 'stable' : null;
  if (short === null) return null;
  const finished = short === 'canary' ? canary : stable;
  return `only ${plural(finished, 'task has', 'tasks have')} finished on ${short}, at least ${count(minimum)} are needed`;
}

function atBest({ failed }: BackendSide, limit: number): string {
  const trials = trialsToExclude(limit);
  if (!Number.isFinite(trials)) return 'no number of tasks can show a difference of 0 %';
  return failed === 0
    ? `it takes at least ${count(trials)} tasks on canary to show that it does not`
    : 'more tasks are needed to tell';
}
