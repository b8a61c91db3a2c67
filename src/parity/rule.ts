import type { Interval, ReportGates, Verdict, VerdictLine } from '../domain/report.ts';
import type { Figures } from './figures.ts';

/** What a rule found: its line in the report, and the cause in words for the report's first sentence. */
export interface Finding {
  readonly line: VerdictLine;
  readonly cause: string;
}

export type Rule = (figures: Figures, gates: ReportGates) => Finding;

/**
 * With less data than the gates ask for, an interval of a share is too daring at its lower end: one failure among three
 * tasks would blame canary. From five events on it keeps its level closely enough.
 */
export const FEWEST_EVENTS = 5;

/**
 * Beyond the limit from end to end: failed. Within it from end to end: successful. Anything else: inconclusive.
 *
 * @param isEnough there is as much data as the gates ask for; else it is never successful
 * @param isClear there is enough to fail it, though
 */
export function judge(
  { low, high }: Interval,
  limit: number,
  data: { readonly isEnough: boolean; readonly isClear: boolean },
): Verdict {
  if (low > limit) return data.isEnough || data.isClear ? 'failed' : 'inconclusive';
  return high <= limit && data.isEnough ? 'successful' : 'inconclusive';
}
