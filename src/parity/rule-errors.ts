import type { BackendSide, VerdictLine } from '../domain/report.ts';
import { count, percent, plural } from '../domain/wording.ts';
import { FEWEST_EVENTS, type Finding, judge, type Rule } from './rule.ts';
import { newcombe, trialsToExclude } from './statistics/proportions.ts';
import { percentBetween, sentence } from './wording.ts';

/** Canary must not fail more often than stable, by more than the gate. */
export const judgeErrors: Rule = ({ shown }, gates): Finding => {
  const { stable, canary } = shown.backends;
  const { errorRateDifference: limit, minimumTasks } = gates;
  const difference = newcombe(
    { events: canary.failed, trials: canary.finished },
    { events: stable.failed, trials: stable.finished },
  );
  const base = { rule: 'errors', title: 'Error rate', threshold: `at most ${percent(limit)} more` } as const;
  if (!difference) {
    const missing = canary.finished === 0 ? 'canary' : 'stable';
    const cause = `no task has finished on ${missing}, so error rates cannot be compared`;
    return finding({ ...base, verdict: 'inconclusive', evidence: sentence(cause), interval: null }, cause);
  }
  const few = tooFew(stable.finished, canary.finished, minimumTasks);
  const isClear = canary.failed >= FEWEST_EVENTS;
  const verdict = judge(difference, limit, { isEnough: few === null, isClear });
  const seen = `${failedOf(canary)} on canary, ${failedOf(stable)} on stable: ${percentBetween(difference)} more`;
  const line: VerdictLine = {
    ...base,
    verdict,
    evidence: verdict === 'inconclusive' ? `${seen}; ${few ?? atBest(canary, limit)}` : seen,
    interval: { ...difference, limit, unit: 'share' },
  };
  if (verdict === 'inconclusive') {
    return finding(
      line,
      few ?? `canary may fail ${percent(difference.high)} more often: ${atBest(canary, limit)}`,
    );
  }
  const rates = `canary fails ${percent(canary.failed / canary.finished)} of its tasks, stable ${percent(stable.failed / stable.finished)}`;
  return finding(line, verdict === 'failed' ? `${rates} (at most ${percent(limit)} more allowed)` : rates);
};

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
