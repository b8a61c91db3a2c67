import { describe, expect, it } from '@jest/globals';
import type { Arm, RunCell, TimelineEntry } from '../../src/domain/aggregates.ts';
import type { ComparisonReport, TaskComparison, VerdictLine } from '../../src/domain/report.ts';
import type { BackendName } from '../../src/domain/task.ts';
import {
  changedShare,
  FEWEST_OF_ERRORS,
  FEWEST_OF_SHARES,
  shiftByTime,
} from '../../src/parity/mixed-times.ts';
import { slicesOf } from '../../src/parity/slices.ts';
import { nextSteps } from '../../src/report/wording.ts';
import { aggregatesOf, NOON, pairCell, type Ran, reportOf, runCell } from '../support/counted-window.ts';
import { seededRandom } from '../support/seeded-random.ts';

const TASK = 'scan-invoice';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

type Side = readonly [finished: number, failed: number];
interface Slice {
  readonly stable: Side;
  readonly canary: Side;
  readonly arm?: Arm;
}

function timelineOf(slices: readonly Slice[], spanMs = HOUR_MS): readonly TimelineEntry[] {
  return slices.flatMap(({ stable, canary, arm = 'assigned' }, i) => {
    const entry = (backend: BackendName, [finished, failed]: Side, way: Arm) => ({
      at: NOON - (slices.length - i) * spanMs,
      spanMs,
      task: TASK,
      backend,
      arm: way,
      succeeded: finished - failed,
      failed,
    });
    return [entry('stable', stable, 'assigned'), entry('canary', canary, arm)];
  });
}

/** A window of slices, one after the other, each with what finished in it. */
function windowOf(
  slices: readonly Slice[],
  rest: { readonly spanMs?: number; readonly runMs?: readonly [stable: number, canary: number] } = {},
): ComparisonReport {
  const { spanMs = HOUR_MS, runMs = [50, 50] } = rest;
  const timeline = timelineOf(slices, spanMs);
  const sum = (backend: BackendName, ms: number) => {
    const of = (k: 0 | 1) => slices.reduce((n, slice) => n + slice[backend][k], 0);
    return runCell(TASK, backend, { finished: of(0), failed: of(1), runMs: ms });
  };
  const runs = [sum('stable', runMs[0]), sum('canary', runMs[1])];
  const pairs = [pairCell(TASK, 'shadow', { matched: 1_000 })];
  return reportOf(runs, pairs, { aggregates: { ...aggregatesOf(runs, pairs), timeline } });
}

function only(report: ComparisonReport): TaskComparison {
  const [task] = report.tasks;
  if (!task) throw new Error('no task in the report');
  return task;
}

function lineOf(report: ComparisonReport, rule: VerdictLine['rule']): VerdictLine {
  const line = only(report).lines.find((one) => one.rule === rule);
  if (!line) throw new Error(`no line for ${rule}`);
  return line;
}

const doubtOf = (report: ComparisonReport, rule: VerdictLine['rule']) => {
  const { verdict, doubt } = lineOf(report, rule);
  return [verdict, doubt];
};

/** So many in a slice, of which canary has a share, and both fail alike. */
function slice(all: number, share: number, rate: number): Slice {
  const canary = Math.round(all * share);
  const side = (n: number): Side => [n, Math.round(n * rate)];
  return { stable: side(all - canary), canary: side(canary) };
}

const repeat = (n: number, one: Slice) => Array.from({ length: n }, () => one);
const [quiet, busy] = [0.001, 0.05];

describe('a share of canary that changes together with the error rate', () => {
  it.each([
    ['1 % at night, 50 % by day', 0.01, 0.5],
    ['50 % at night, 1 % by day', 0.5, 0.01],
    ['none at night, half by day', 0, 0.5],
    ['all at night, half by day', 1, 0.5],
  ])('blames and praises nobody: %s', (_, atNight, byDay) => {
    const report = windowOf([
      ...repeat(8, slice(2_000, atNight, quiet)),
      ...repeat(8, slice(2_000, byDay, busy)),
    ]);
    expect(doubtOf(report, 'errors')).toEqual(['inconclusive', 'share-changed']);
    expect(report.verdict).toBe('inconclusive');
    expect(report.headline).toMatch(
      /^inconclusive: scan-invoice: the share of canary changed in this window together with the error rate: choose a window/,
    );
  });

  it('says so where the two never worked at the same time', () => {
    const report = windowOf([slice(5_000, 0, quiet), slice(5_000, 1, quiet)]);
    expect(lineOf(report, 'errors').evidence).toMatch(/the two did not run at the same time; the share/);
    expect(doubtOf(report, 'errors')).toEqual(['inconclusive', 'share-changed']);
  });

  it('excuses no canary that fails more often at all times', () => {
    const failing = (all: number, share: number, rate: number): Slice => {
      const { stable, canary } = slice(all, share, rate);
      return { stable, canary: [canary[0], canary[1] + Math.round(canary[0] * 0.2)] };
    };
    const report = windowOf([
      ...repeat(8, failing(2_000, 0.05, quiet)),
      ...repeat(8, failing(2_000, 0.5, busy)),
    ]);
    expect(doubtOf(report, 'errors')).toEqual(['failed', undefined]);
  });

  it('is no matter where only one of the two changes', () => {
    const share = windowOf([...repeat(8, slice(2_000, 0.2, busy)), ...repeat(8, slice(2_000, 0.5, busy))]);
    const rate = windowOf([...repeat(8, slice(2_000, 0.3, 0)), ...repeat(8, slice(2_000, 0.3, 0.2))]);
    expect([lineOf(share, 'errors').doubt, lineOf(rate, 'errors').doubt]).toEqual([undefined, undefined]);
  });

  it('is not seen in the few minutes of a trial, where copies and failures end last', () => {
    const report = windowOf(
      [
        { stable: [900, 0], canary: [100, 0] },
        { stable: [600, 10], canary: [500, 0], arm: 'shadow' },
        { stable: [0, 0], canary: [400, 15], arm: 'shadow' },
      ],
      { spanMs: MINUTE_MS },
    );
    expect(only(report).lines.map(({ doubt }) => doubt)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is hardly ever seen by chance', () => {
    const seed = 11;
    const random = seededRandom(seed);
    const drawn = (n: number, p: number) => Array.from({ length: n }, random).filter((x) => x < p).length;
    let [byErrors, byShare] = [0, 0];
    for (let i = 0; i < 200; i++) {
      const [share, rate, all] = [0.02 + 0.5 * random(), 0.1 * random(), 4 + Math.floor(300 * random())];
      const entries = timelineOf(
        Array.from({ length: 24 }, () => {
          const canary = drawn(all, share);
          const side = (n: number): Side => [n, drawn(n, rate)];
          return { stable: side(all - canary), canary: side(canary) };
        }),
      );
      if (Math.abs(shiftByTime(slicesOf(entries, FEWEST_OF_ERRORS))) > 0.005) byErrors++;
      if (changedShare(slicesOf(entries, FEWEST_OF_SHARES)) !== null) byShare++;
    }
    expect([seed, byErrors < 3, byShare]).toEqual([seed, true, 0]);
  });
});

describe('a share of canary that changes more than threefold', () => {
  it.each([
    ['slower', 60, 200],
    ['as quick', 60, 60],
  ])('leaves open whether canary is %s', (_, stable, canary) => {
    const slices = [...repeat(5, slice(1_000, 0.05, 0)), ...repeat(5, slice(1_000, 0.3, 0))];
    const report = windowOf(slices, { runMs: [stable, canary] });
    expect(doubtOf(report, 'latency')).toEqual(['inconclusive', 'share-changed']);
    expect(lineOf(report, 'latency').evidence).toMatch(/from 5 % of the runs at one time to 30 % at another/);
    expect(report.headline).toMatch(/the share of canary changed in this window, from 5 %/);
  });

  it('is no matter up to that, and not in slices with little in them', () => {
    const twice = [...repeat(5, slice(1_000, 0.15, 0)), ...repeat(5, slice(1_000, 0.4, 0))];
    expect(doubtOf(windowOf(twice), 'latency')).toEqual(['successful', undefined]);
    const little = [...repeat(5, slice(1_000, 0.2, 0)), slice(12, 1, 0)];
    expect(doubtOf(windowOf(little), 'latency')).toEqual(['successful', undefined]);
  });
});

describe('what canary leaves unfinished', () => {
  const pairs = [pairCell(TASK, 'shadow', { matched: 1_000 })];
  const submitted = (n: number): Pick<Ran, 'counts'> => ({ counts: { submitted: n } });
  const stable = runCell(TASK, 'stable', { finished: 4_998, ...submitted(5_000) });
  const of = (canary: Ran, shadow: Ran, ...others: RunCell[]) =>
    reportOf(
      [stable, runCell(TASK, 'canary', canary), runCell(TASK, 'canary', shadow, 'shadow'), ...others],
      pairs,
    );

  it('is no success, be it tasks or copies', () => {
    const report = of({ finished: 600, ...submitted(1_000) }, { finished: 1_800, ...submitted(2_000) });
    expect(doubtOf(report, 'errors')).toEqual(['inconclusive', 'unfinished']);
    expect(report.headline).toBe(
      'inconclusive: scan-invoice: 400 of 1,000 tasks sent to canary and 200 of 2,000 copies on canary have not ended (0.04 % on stable: 2 of 5,000)',
    );
    expect(only(report).backends.canary.unfinished).toEqual({ assigned: 400, shadow: 200 });
    const copies = of({ finished: 1_000 }, { finished: 1_800, ...submitted(2_000) });
    expect(lineOf(copies, 'errors').evidence).toMatch(/; 200 of 2,000 copies on canary have not ended/);
  });

  it('excuses no canary that fails', () => {
    const report = of({ finished: 600, failed: 300, ...submitted(1_000) }, { finished: 0 });
    expect(doubtOf(report, 'errors')).toEqual(['failed', undefined]);
  });

  it('is usual up to a twentieth more than on stable, or a few', () => {
    const report = of({ finished: 955, ...submitted(1_000) }, { finished: 1_920, ...submitted(2_000) });
    expect(doubtOf(report, 'errors')).toEqual(['successful', undefined]);
    const few = of({ finished: 41, ...submitted(50) }, { finished: 2_000 });
    expect(doubtOf(few, 'errors')).toEqual(['successful', undefined]);
  });

  it('is never less than nothing, and what is forced to stable makes no difference', () => {
    const late = runCell(TASK, 'stable', { finished: 0, ...submitted(400) }, 'forced');
    const runs = [
      runCell(TASK, 'stable', { finished: 1_300, ...submitted(1_000) }),
      late,
      runCell(TASK, 'canary', { finished: 120, ...submitted(100) }),
    ];
    const { backends } = only(reportOf(runs, pairs));
    expect([backends.stable.unfinished, backends.canary.unfinished]).toEqual([
      { assigned: 100, shadow: 0 },
      { assigned: 0, shadow: 0 },
    ]);
  });
});

describe('what to keep in mind', () => {
  const drawn = (submitted: number, randomised: number) => ({
    finished: submitted,
    counts: { submitted, randomised, expectedCanary: randomised / 2, variance: randomised / 4 },
  });

  it('is that submissions which go together are not independent', () => {
    const report = reportOf([
      runCell(TASK, 'stable', drawn(1_000, 700)),
      runCell(TASK, 'canary', drawn(1_000, 700)),
    ]);
    expect(report.notes).toEqual([
      expect.stringMatching(/^600 of 2,000 submissions .* narrower than they should be.*Shadows/),
    ]);
    const all = reportOf([
      runCell(TASK, 'stable', drawn(1_000, 990)),
      runCell(TASK, 'canary', drawn(1_000, 990)),
    ]);
    expect(all.notes).toEqual([]);
    const atZero = [
      runCell(TASK, 'stable', drawn(1_000, 0)),
      runCell(TASK, 'canary', { finished: 500 }, 'shadow'),
    ];
    expect(reportOf(atZero).notes).toEqual([]);
  });

  it('is that canary was kept from a task, and judges one that the ratio sent it', () => {
    const forced = runCell('other', 'stable', { finished: 0, counts: { submitted: 300 } }, 'forced');
    const report = reportOf([runCell(TASK, 'stable', { finished: 900 }), forced]);
    expect(report.notes.at(-1)).toMatch(/^Not judged, and in no verdict above: other\. .* 300 submissions/);
    const missing = reportOf([runCell(TASK, 'stable', drawn(1_000, 1_000))]);
    expect([missing.verdict, only(missing).verdict]).toEqual(['inconclusive', 'inconclusive']);
    expect(missing.headline).toMatch(/0 % went to canary where 50 % were to be expected/);
  });
});

describe('the next steps', () => {
  const textsOf = (report: ComparisonReport) => nextSteps(report).map(({ text }) => text);

  it('offer more data only where that helps', () => {
    const changed = windowOf([
      ...repeat(8, slice(2_000, 0.01, quiet)),
      ...repeat(8, slice(2_000, 0.5, busy)),
    ]);
    expect(textsOf(changed)).toEqual(['when the ratio changed', 'a window after that']);
    const few = reportOf(
      [runCell(TASK, 'stable', { finished: 900 }), runCell(TASK, 'canary', { finished: 20 })],
      [pairCell(TASK, 'shadow', { matched: 500 })],
    );
    expect(textsOf(few)).toEqual(['a longer window has more data']);
    const failing = reportOf(
      [runCell(TASK, 'stable', { finished: 4_000 }), runCell(TASK, 'canary', { finished: 4_000 })],
      [pairCell(TASK, 'shadow', { matched: 500, mismatched: { comparator: 500 } })],
    );
    expect(nextSteps(failing)).toEqual([
      { text: 'what could not be judged', command: `hybrid parity mismatches --task ${TASK}` },
    ]);
  });
});
