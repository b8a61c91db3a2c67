import { describe, expect, it } from '@jest/globals';
import { pairCell, reportOf, runCell } from '../support/counted-window.ts';

const runs = [
  runCell('t', 'stable', { finished: 4_000, failed: 20 }),
  runCell('t', 'canary', { finished: 2_000, failed: 10 }),
];

describe('noise of one place', () => {
  const random = { '/id': 400 };

  it('does not excuse another place that differs on canary only', () => {
    const pairs = [
      pairCell('t', 'shadow', {
        matched: 0,
        mismatched: { value: 400 },
        paths: { '/id': 400, '/price': 400 },
      }),
      pairCell('t', 'control', { matched: 0, mismatched: { value: 400 }, paths: random }),
    ];
    const report = reportOf(runs, pairs);
    expect(report.verdict).toBe('failed');
    expect(report.headline).toMatch(
      'failed: t: 400 of 400 pairs differ at /price, 0 of 400 control pairs do',
    );
  });

  it('leaves no success where most control pairs differ, and says what to do', () => {
    const pairs = [
      pairCell('t', 'shadow', { matched: 0, mismatched: { value: 400 }, paths: random }),
      pairCell('t', 'control', { matched: 0, mismatched: { value: 400 }, paths: random }),
    ];
    const report = reportOf(runs, pairs);
    expect(report.verdict).toBe('inconclusive');
    expect(report.headline).toMatch(/100 % of the control pairs differ.* name it in parity\.ignore/);
  });

  it('does not excuse that canary gives no outcome', () => {
    const pairs = [
      pairCell('t', 'shadow', { matched: 0, mismatched: { 'canary-missing': 400 } }),
      pairCell('t', 'control', { matched: 0, mismatched: { value: 400 }, paths: random }),
    ];
    expect(reportOf(runs, pairs).verdict).toBe('failed');
  });
});
