import type { ComparisonReport, Verdict } from '../domain/report.ts';
import { count, plural } from '../domain/wording.ts';
import type { Figures } from './figures.ts';
import { type Counted, hasCanary } from './pools.ts';
import type { TaskVerdict } from './verdict.ts';

export interface JudgedTask extends TaskVerdict {
  readonly task: string;
  readonly figures: Figures;
}

/** The cause of a report's verdict in one sentence. */
export function headlineOf(found: {
  readonly verdict: Verdict;
  readonly judged: readonly JudgedTask[];
  readonly all: Counted;
  readonly isFuture: boolean;
}): string {
  const { verdict, judged, all } = found;
  const first = judged.find((one) => one.verdict === verdict);
  if (!first) {
    if (found.isFuture) return 'this window lies in the future, so nothing has run in it';
    if (hasCanary(all)) {
      return 'nothing that ratio or flag sent has run on canary in this window, only what was forced there or replayed';
    }
    return hasAnything(all) ? 'nothing has run on canary in this window' : 'nothing has run in this window';
  }
  const alike = judged.filter((one) => one.verdict === verdict);
  if (verdict === 'successful' && alike.length > 1) return allWithin(alike);
  const others = plural(alike.length - 1, 'more task');
  const are = verdict === 'failed' ? 'failed' : `${alike.length === 2 ? 'is' : 'are'} ${verdict}`;
  const more = alike.length > 1 ? ` (${others} ${are})` : '';
  return `${first.task}: ${first.cause}${more}`;
}

/** A report's headline with what may be behind it. More figures only help where they are missing, so a decision stays as it is. */
export function headlineWith({ headline, verdict }: ComparisonReport, cause: string): string {
  return verdict === 'inconclusive' ? `${headline}; ${cause}` : headline;
}

function allWithin(tasks: readonly JudgedTask[]): string {
  let [pairs, mismatched] = [0, 0];
  for (const { figures } of tasks) {
    pairs += figures.shown.parity.pairs;
    mismatched += figures.shown.parity.mismatched;
  }
  return `${plural(tasks.length, 'task')} within the limits: ${count(mismatched)} of ${plural(pairs, 'pair')} differ, errors and run times of canary are no further from stable's than allowed`;
}

function hasAnything({ runs }: Counted): boolean {
  return runs.some(({ counts }) => counts.submitted + counts.succeeded + counts.failed + counts.retried > 0);
}
