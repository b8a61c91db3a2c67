import type { VerdictLine } from '../domain/report.ts';
import { count, percent } from '../domain/wording.ts';
import type { Finding, Rule } from './rule.ts';
import { wilson } from './statistics/proportions.ts';
import { chance } from './wording.ts';

/**
 * So rare that chance is no explanation. The usual level of this test (Fabijan and others, KDD 2019), because it is asked of
 * every task at every look.
 */
export const SMALLEST_P = 0.001;

/**
 * The ratio must have been kept. Where it was not, something other than chance decided who went to canary, so the two sides
 * may differ for that reason: it never fails canary, but nothing can be successful.
 */
export const judgeSampleRatio: Rule = ({ shown: { routed } }): Finding => {
  const base = { rule: 'sample-ratio', title: 'Ratio kept', threshold: `p at least ${SMALLEST_P}` } as const;
  const { sampleRatio: test, targetShare } = routed;
  if (!test || targetShare === null) {
    const evidence = `${targetShare === null ? 'No submission was drawn by itself' : 'No submission was left to chance'}, so there is nothing to test`;
    return {
      // Successful, because it must not keep anything from being so; but nobody has seen a ratio kept.
      line: { ...base, title: 'Ratio not tested', verdict: 'successful', evidence, interval: null },
      cause: 'the ratio was not tested',
    };
  }
  const { drawn: observed } = test;
  const share = wilson({ events: observed, trials: test.tested });
  const seen = `${count(observed)} of ${count(test.tested)} went to canary (${percent(observed / test.tested)}), ${count(targetShare * test.tested)} were to be expected (${percent(targetShare)}): ${chance(test.pValue)}`;
  const line: Omit<VerdictLine, 'verdict' | 'evidence'> = {
    ...base,
    interval: share && { ...share, limit: targetShare, unit: 'share' },
  };
  if (test.pValue >= SMALLEST_P) {
    return { line: { ...line, verdict: 'successful', evidence: seen }, cause: 'the ratio was kept' };
  }
  const doubt = 'chance did not decide alone, so the two sides may differ in more than their backend';
  return {
    line: { ...line, verdict: 'inconclusive', evidence: `${seen}; ${doubt}`, doubt: 'ratio' },
    cause: `the comparison is in doubt: ${percent(observed / test.tested)} went to canary where ${percent(targetShare)} were to be expected (${chance(test.pValue)})`,
  };
};
