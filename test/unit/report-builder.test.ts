import { describe, expect, it } from '@jest/globals';
import type { PairCell, RunCell } from '../../src/domain/aggregates.ts';
import { mismatchAt, NOON, pairCell, reportOf, runCell } from '../support/counted-window.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Both backends alike, and enough of everything. */
function alike(task: string): { runs: RunCell[]; pairs: PairCell[] } {
  return {
    runs: [
      runCell(task, 'stable', { finished: 4_000, failed: 20 }),
      runCell(task, 'canary', { finished: 1_500, failed: 7 }),
      runCell(task, 'canary', { finished: 500, failed: 3 }, 'shadow'),
    ],
    pairs: [pairCell(task, 'shadow', { matched: 1_000 })],
  };
}

const idle = (task: string) => [runCell(task, 'stable', { finished: 900 })];

describe('the headline', () => {
  const task = 'generate-metadata';
  const stable = runCell(task, 'stable', { finished: 2_000 });
  const canary = runCell(task, 'canary', { finished: 1_000 });
  const matched = pairCell(task, 'shadow', { matched: 1_000 });

  it('names the place where results differ', () => {
    const differing = { value: 20, type: 11 };
    const paths = { '/metadata/summary': 25, '/metadata/keywords/*': 6 };
    const report = reportOf(
      [stable, canary],
      [pairCell(task, 'shadow', { matched: 89, mismatched: differing, paths })],
    );
    expect(report.headline).toBe(
      'failed: generate-metadata: 31 of 120 pairs differ (25.8 %, at most 1 % allowed), most often at /metadata/summary',
    );
  });

  it.each([
    [{ value: 31 }, { '': 31 }, ', most often in the whole result'],
    [{ error: 31 }, {}, ', most often failed in different ways'],
    [{ 'canary-missing': 31 } as const, {}, ', most often no outcome on canary'],
    [{ type: 31 }, { '': 31 }, ', most often different types'],
  ])('names what differs: %j', (mismatched, paths, end) => {
    const report = reportOf([stable, canary], [pairCell(task, 'shadow', { matched: 89, mismatched, paths })]);
    expect(report.headline.endsWith(`allowed)${end}`)).toBe(true);
  });

  it('names the noise where there is some', () => {
    const pairs = [
      pairCell(task, 'shadow', { matched: 700, mismatched: { value: 300 }, paths: { '/at': 300 } }),
      pairCell(task, 'control', { matched: 900, mismatched: { value: 100 }, paths: { '/at': 100 } }),
    ];
    expect(reportOf([stable, canary], pairs).headline).toBe(
      'failed: generate-metadata: 300 of 1,000 pairs differ at /at, 100 of 1,000 control pairs do',
    );
  });

  it('names errors first, also where they make pairs differ', () => {
    const failing = runCell(task, 'canary', { finished: 1_000, failed: 220 });
    const pairs = [pairCell(task, 'shadow', { matched: 780, mismatched: { outcome: 220 } })];
    expect(reportOf([stable, failing], pairs).headline).toBe(
      'failed: generate-metadata: canary fails 22 % of its tasks, stable 0 % (at most 1 % more allowed); also: same results',
    );
  });

  it('names errors first even where they are too few to fail their own rule', () => {
    const failing = runCell(task, 'canary', { finished: 300, failed: 5 });
    const pairs = [pairCell(task, 'shadow', { matched: 100, mismatched: { outcome: 8 } })];
    const report = reportOf([stable, failing], pairs);
    expect(report.tasks[0]?.lines.map(({ verdict }) => verdict).slice(0, 2)).toEqual([
      'inconclusive',
      'failed',
    ]);
    expect(report.headline).toMatch(
      /^failed: generate-metadata: canary fails more of its tasks \(5 of 300\) than stable \(0 of 2000\), so 8 of 108 pairs differ/,
    );
  });

  it('names slowness', () => {
    const slow = runCell(task, 'canary', { finished: 1_000, runMs: 100 });
    expect(reportOf([stable, slow], [matched]).headline).toMatch(
      /^failed: generate-metadata: canary is slower: its median run time is (10\d|99\.\d) ms, stable's (5\d|49)(\.\d)? ms \(2 times, at most 1\.25 times allowed\)$/,
    );
  });

  it('says what is missing for a verdict', () => {
    const without = (runs: RunCell[], pairs: PairCell[]) => reportOf(runs, pairs).headline;
    expect(without([stable, canary], [])).toBe(
      'inconclusive: generate-metadata: no results have been compared: set parity.shadowSafe: true in the task if running it twice is harmless, and parity.sampleRate in the config',
    );
    expect(without([stable, runCell(task, 'canary', { finished: 60 })], [matched])).toBe(
      'inconclusive: generate-metadata: only 60 tasks have finished on canary, at least 100 are needed',
    );
    expect(without([stable, canary], [pairCell(task, 'shadow', { matched: 200 })])).toBe(
      'inconclusive: generate-metadata: 0 of 200 pairs differ, which may be 1.83 %: it takes at least 381 pairs without a difference',
    );
    expect(without([stable], [])).toBe('inconclusive: nothing has run on canary in this window');
    expect(without([], [])).toBe('inconclusive: nothing has run in this window');
  });

  it.each([
    ['not ended', 76, 0, {}, 'no results have been compared: 76 copies have not ended'],
    ['partly ended', 76, 70, {}, 'no results have been compared: 6 of 76 copies have not ended'],
    ['ended', 76, 76, {}, 'no results have been compared, though 76 copies have ended'],
    [
      'partly dropped',
      76,
      0,
      { shadow: 5 },
      'no results have been compared: 5 pairs were dropped (cancelled, moved, without an outcome on either side, or their copy had no turn in time or lost its worker), at least 71 more copies have not ended',
    ],
    [
      'made on stable only',
      0,
      0,
      { control: 3 },
      'no results of stable and canary have been compared, only 3 control pairs',
    ],
  ])(
    'does not advise to switch on what is on: copies that have %s',
    (_, submitted, finished, seen, cause) => {
      const copies = runCell(task, 'canary', { finished, counts: { submitted } }, 'shadow');
      const { shadow = 0, control = 0 }: { shadow?: number; control?: number } = seen;
      const pairs = [
        pairCell(task, 'shadow', { matched: 0, dropped: shadow }),
        pairCell(task, 'control', { matched: control }),
      ];
      const [judged] = reportOf([stable, canary, copies], pairs).tasks;
      const line = judged?.lines.find(({ rule }) => rule === 'mismatches');
      expect(line).toMatchObject({ verdict: 'inconclusive', doubt: 'nothing-compared' });
      expect(line?.evidence.slice(1)).toBe(cause.slice(1));
    },
  );

  it('says that control pairs are missing, not pairs, where they are what keeps it from failing', () => {
    const pairs = [
      pairCell(task, 'shadow', { matched: 52, mismatched: { value: 24 } }),
      pairCell(task, 'control', { matched: 3 }),
    ];
    expect(reportOf([stable, canary], pairs).headline).toBe(
      'inconclusive: generate-metadata: 24 of 76 pairs differ (31.6 %), and 3 control pairs are too few to say how much of that is noise',
    );
  });

  it('says that the ratio was not kept before anything else that is open', () => {
    const counts = { submitted: 1_000, randomised: 1_000, expectedCanary: 100, variance: 90 };
    const runs = [
      runCell(task, 'stable', { finished: 1_000, counts }),
      runCell(task, 'canary', { finished: 50, counts: { ...counts, submitted: 500, randomised: 500 } }),
    ];
    expect(reportOf(runs, [matched]).headline).toBe(
      'inconclusive: generate-metadata: the comparison is in doubt: 33.3 % went to canary where 13.3 % were to be expected (p < 0.0001)',
    );
  });

  it('says how alike they are', () => {
    const one = alike('a');
    expect(reportOf(one.runs, one.pairs).headline).toMatch(
      /^successful: a: canary fails 0\.5 % of its tasks, stable 0\.5 %; 0 of 1,000 pairs differ; median run time 1 times stable's$/,
    );
    const other = alike('b');
    expect(reportOf([...one.runs, ...other.runs], [...one.pairs, ...other.pairs]).headline).toBe(
      "successful: 2 tasks within the limits: 0 of 2,000 pairs differ, errors and run times of canary are no further from stable's than allowed",
    );
  });

  it('speaks of the first of several failed tasks and counts the others', () => {
    const failing = (name: string) => [
      runCell(name, 'stable', { finished: 500 }),
      runCell(name, 'canary', { finished: 500, failed: 400 }),
    ];
    const report = reportOf([...failing('c'), ...failing('a'), ...failing('b')]);
    expect(report.headline).toMatch(/^failed: a: canary fails 80 % .* \(2 more tasks failed\)$/);
  });

  it('a window in the future has nothing in it', () => {
    const window = { from: NOON + 60_000, to: NOON + 120_000 };
    expect(reportOf([], [], { window }).headline).toBe(
      'inconclusive: this window lies in the future, so nothing has run in it',
    );
  });
});

describe('the report', () => {
  it('judges errors and times by what chance sent, with the shadows; keeps the rest apart', () => {
    const runs = [
      runCell('t', 'stable', { finished: 1_000, failed: 10 }),
      runCell('t', 'canary', { finished: 300, failed: 3 }),
      runCell('t', 'canary', { finished: 200, failed: 2 }, 'shadow'),
      runCell('t', 'canary', { finished: 400, failed: 400, runMs: 9_000 }, 'forced'),
      runCell('t', 'stable', { finished: 50, failed: 50, runMs: 9_000 }, 'moved'),
      runCell('t', 'stable', { finished: 70, failed: 70, runMs: 9_000 }, 'control'),
      runCell('t', 'canary', { finished: 90, failed: 90, runMs: 9_000 }, 'replay'),
    ];
    const report = reportOf(runs);
    const { stable, canary } = report.tasks[0]?.backends ?? report.total.backends;
    expect([stable.finished, stable.failed, canary.finished, canary.failed]).toEqual([1_000, 10, 500, 5]);
    expect([canary.assigned.submitted, canary.shadow.submitted, canary.apart.submitted]).toEqual([
      300, 200, 400,
    ]);
    expect([stable.apart.failed, stable.shadow.submitted]).toEqual([50, 0]);
    expect(canary.timings.run?.p99).toBeLessThan(100);
    expect(report.tasks[0]?.lines.map(({ verdict }) => verdict)).not.toContain('failed');
    expect(report.total.routed.total).toBe(1_000 + 300 + 400 + 50);
    expect(report.total.routed.canaryShare?.estimate).toBeCloseTo(300 / 1_300, 12);
    expect(report.notes).toEqual([
      expect.stringMatching(/^\d+ tasks were forced to canary or brought back from it; .* in no comparison/),
      expect.stringMatching(/^\d+ tasks were forced to stable .* count with stable's others/),
      expect.stringMatching(/^1,300 of 1,300 submissions were not sent by a draw of their own/),
    ]);
  });

  it('counts shadows and replays as pairs, control pairs as noise', () => {
    const pairs = [
      pairCell('t', 'shadow', { matched: 60, mismatched: { value: 5, comparator: 1 }, dropped: 2 }),
      pairCell('t', 'replay', { matched: 30, mismatched: { value: 5, 'stable-missing': 2 } }),
      pairCell('t', 'control', { matched: 18, mismatched: { value: 2 }, dropped: 7 }),
    ];
    const { parity } = reportOf([], pairs).total;
    expect(parity).toMatchObject({ pairs: 100, matched: 90, mismatched: 10, unjudged: 3, dropped: 2 });
    expect(parity.kinds).toEqual({ value: 10, comparator: 1, 'stable-missing': 2 });
    expect(parity.noise).toMatchObject({ pairs: 20, mismatched: 2 });
    expect([parity.rate?.estimate, parity.noise.rate?.estimate, parity.beyondNoise?.estimate]).toEqual([
      0.1, 0.1, 0,
    ]);
    expect(reportOf([], pairs).notes).toHaveLength(2);
  });

  it('shows the most frequent places, each with the newest mismatch that is kept of it', () => {
    const paths = Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`/p${i}`, i + 1]));
    const pairs = [
      pairCell('t', 'shadow', {
        matched: 0,
        mismatched: { value: 99 },
        paths: { ...paths, '/list/*/name': 50 },
      }),
      pairCell('t', 'replay', { matched: 0, mismatched: { value: 9 }, paths: { '/p13': 40 } }),
      pairCell('t', 'control', { matched: 0, mismatched: { value: 9 }, paths: { '/noise': 900 } }),
    ];
    const mismatches = [
      mismatchAt('t', 3, '/list/7/name'),
      mismatchAt('t', 9, '/list/12/name'),
      mismatchAt('t', 20, '/list/first/name'),
      mismatchAt('t', 30, '/list/1/name', { pair: 'control' }),
      mismatchAt('other', 40, '/list/1/name'),
    ];
    const [task] = reportOf([], pairs, { mismatches }).tasks;
    expect(task?.parity.paths).toHaveLength(10);
    expect(task?.parity.paths.slice(0, 3)).toEqual([
      { path: '/p13', pairs: 54, example: null },
      { path: '/list/*/name', pairs: 50, example: { stable: '"stable 9"', canary: '"canary 9"' } },
      { path: '/p12', pairs: 13, example: null },
    ]);
  });

  it('puts failed tasks first, those that canary has not run last, and each by name', () => {
    const failing = runCell('z-failing', 'canary', { finished: 500, failed: 400 });
    const [b, a] = [alike('b-alike'), alike('a-alike')];
    const runs = [
      ...idle('a-idle'),
      ...b.runs,
      ...a.runs,
      ...idle('z-failing'),
      failing,
      ...idle('m-open'),
      runCell('m-open', 'canary', { finished: 5 }),
    ];
    const report = reportOf(runs, [...a.pairs, ...b.pairs]);
    expect(report.tasks.map(({ task, verdict }) => [task, verdict])).toEqual([
      ['z-failing', 'failed'],
      ['m-open', 'inconclusive'],
      ['a-alike', 'successful'],
      ['b-alike', 'successful'],
      ['a-idle', null],
    ]);
    expect(report.tasks.at(-1)?.lines).toEqual([]);
    expect(report.verdict).toBe('failed');
  });

  it('is not held up by a task that canary has not run, but by one that it has accepted and not finished', () => {
    const one = alike('a');
    expect(reportOf([...one.runs, ...idle('b')], one.pairs).verdict).toBe('successful');
    const accepted = runCell('b', 'canary', { finished: 0, counts: { submitted: 40 } });
    const report = reportOf([...one.runs, ...idle('b'), accepted], one.pairs);
    expect([report.verdict, report.headline]).toEqual([
      'inconclusive',
      'inconclusive: b: no task has finished on canary, so error rates cannot be compared',
    ]);
  });

  it('passes on what it was given, and shows the newest mismatches first', () => {
    const mismatches = Array.from({ length: 30 }, (_, i) => mismatchAt('t', (i * 7) % 30, '/x'));
    const report = reportOf([], [], { mismatches, notes: ['Counted until a second ago.'] });
    expect(report.mismatches.map(({ at }) => at)).toEqual(Array.from({ length: 20 }, (_, i) => 29 - i));
    expect(reportOf([], [], { mismatches, mostMismatches: 3 }).mismatches).toHaveLength(3);
    expect(report.notes).toEqual(['Counted until a second ago.']);
    expect([report.namespace, report.at, report.newestAt]).toEqual(['test', NOON, NOON - 2_000]);
  });

  it('is the same for the same counts in any order, and JSON holds all of it', () => {
    const [a, b] = [alike('a'), alike('b')];
    const odd = runCell('b', 'canary', { finished: 77, runMs: 130 });
    const runs = [...a.runs, ...b.runs, odd];
    const pairs = [...a.pairs, ...b.pairs];
    const report = reportOf(runs, pairs);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    const seed = 5;
    const random = seededRandom(seed);
    const shuffled = runs
      .map((cell) => [random(), cell] as const)
      .sort(([x], [y]) => x - y)
      .map(([, cell]) => cell);
    expect([seed, reportOf(shuffled, [...pairs].reverse())]).toEqual([seed, report]);
  });

  it('of nothing at all is whole, too', () => {
    const report = reportOf([]);
    expect(report).toMatchObject({ verdict: 'inconclusive', tasks: [], mismatches: [], notes: [] });
    expect(report.total.parity).toMatchObject({ pairs: 0, rate: null, beyondNoise: null });
    expect(report.total.routed).toEqual({
      total: 0,
      canaryShare: null,
      targetShare: null,
      sampleRatio: null,
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});
