import type { Doubt, ReportGates, Verdict, VerdictLine } from '../domain/report.ts';
import type { Figures } from './figures.ts';
import type { Finding } from './rule.ts';
import { judgeErrors } from './rule-errors.ts';
import { judgeLatency } from './rule-latency.ts';
import { judgeMismatches, mainKind } from './rule-mismatches.ts';
import { judgeSampleRatio } from './rule-sample-ratio.ts';

/** In the order in which causes are named: a failed task has no result that could be right, a wrong one no time that matters. */
const RULES = [judgeErrors, judgeMismatches, judgeLatency, judgeSampleRatio] as const;

/** What puts the comparison itself in doubt, in the order in which it is named. */
const DOUBTS: readonly Doubt[] = ['ratio', 'unfinished', 'share-changed'];

export interface TaskVerdict {
  readonly verdict: Verdict;
  readonly lines: readonly VerdictLine[];
  /** Why, in words. */
  readonly cause: string;
}

/** Failed if one is; else inconclusive if one is. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('failed')) return 'failed';
  return verdicts.includes('inconclusive') ? 'inconclusive' : 'successful';
}

/** Holds what was seen of a task against the gates. */
export function judgeTask(figures: Figures, gates: ReportGates): TaskVerdict {
  const findings = RULES.map((rule) => rule(figures, gates));
  const lines = findings.map(({ line }) => line);
  const verdict = worst(lines.map((line) => line.verdict));
  return { verdict, lines, cause: causeOf(figures, findings, verdict) };
}

function causeOf(figures: Figures, findings: readonly Finding[], verdict: Verdict): string {
  const deciding = findings.filter(({ line }) => line.verdict === verdict);
  if (verdict === 'successful') {
    return deciding
      .filter(({ line }) => line.rule !== 'sample-ratio')
      .map(({ cause }) => cause)
      .join('; ');
  }
  if (verdict === 'inconclusive') {
    // A comparison in doubt is not mended by more data.
    const doubt = DOUBTS.map((one) => deciding.find(({ line }) => line.doubt === one)).find(Boolean);
    return (doubt ?? deciding[0])?.cause ?? '';
  }
  const [first, ...others] = deciding;
  if (!first) return '';
  const also =
    others.length > 0 ? `; also: ${others.map(({ line }) => line.title.toLowerCase()).join(', ')}` : '';
  return `${blamedOnErrors(figures, first) ?? first.cause}${also}`;
}

/** Where pairs differ because canary fails, the failures are the cause, even if there are too few to fail the rule on errors. */
function blamedOnErrors({ shown }: Figures, first: Finding): string | null {
  if (first.line.rule !== 'mismatches' || mainKind(shown.parity) !== 'outcome') return null;
  const { stable, canary } = shown.backends;
  const rate = canary.errorRate?.estimate ?? 0;
  if (rate <= (stable.errorRate?.estimate ?? 0)) return null;
  return `canary fails more of its tasks (${canary.failed} of ${canary.finished}) than stable (${stable.failed} of ${stable.finished}), so ${first.cause}`;
}
