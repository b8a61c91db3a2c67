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

  it('is held against shares, not counts: what differs by itself is not blamed', () => {
    // Four times as many control pairs: /price differs in 8 % and in 2 % by itself, /id in 40 % of both.
    const pairs = [
      pairCell('t', 'shadow', {
        matched: 290,
        mismatched: { value: 210 },
        paths: { '/id': 200, '/price': 40 },
      }),
      pairCell('t', 'control', {
        matched: 1_180,
        mismatched: { value: 820 },
        paths: { '/id': 800, '/price': 40 },
      }),
    ];
    expect(reportOf(runs, pairs).headline).toBe(
      'failed: t: 40 of 500 pairs differ at /price, 40 of 2,000 control pairs do',
    );
  });

  it('is not blamed where no place is clear enough, but all of them together are', () => {
    const places = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`/p${i}`, i === 7 ? 6 : 4]));
    const pairs = [
      pairCell('t', 'shadow', { matched: 400, mismatched: { value: 600 }, paths: { ...places, '/id': 480 } }),
      pairCell('t', 'control', { matched: 520, mismatched: { value: 480 }, paths: { '/id': 480 } }),
    ];
    expect(reportOf(runs, pairs).headline).toMatch(/allowed\), furthest beyond noise at \/p7$/);
  });

  it('names a kind as such', () => {
    const pairs = [
      pairCell('t', 'shadow', { matched: 300, mismatched: { 'canary-missing': 100 } }),
      pairCell('t', 'control', { matched: 360, mismatched: { value: 40 }, paths: { '/id': 40 } }),
    ];
    expect(reportOf(runs, pairs).headline).toMatch(
      /^failed: t: 100 of 400 pairs differ \(no outcome on canary\), 0 of 400 control pairs do/,
    );
  });
});

describe('a few mismatches more', () => {
  const paths = { '/id': 40, '/price': 6 };
  const control = pairCell('w', 'control', {
    matched: 580,
    mismatched: { value: 420 },
    paths: { '/id': 400, '/price': 15 },
  });
  const rest = [runCell('w', 'stable', { finished: 5_000 }), runCell('w', 'canary', { finished: 500 })];

  it('do not hide what canary fails with', () => {
    const clear = pairCell('w', 'shadow', { matched: 55, mismatched: { value: 45 }, paths });
    const masked = pairCell('w', 'shadow', { matched: 51, mismatched: { value: 45, type: 4 }, paths });
    for (const pairs of [clear, masked]) {
      const report = reportOf(rest, [pairs, control]);
      expect(report.headline).toMatch(
        /^failed: w: 6 of 100 pairs differ at \/price, 15 of 1,000 control pairs do/,
      );
      expect(report.tasks[0]?.parity.worst?.what).toBe('/price');
    }
  });
});
