import { describe, expect, it } from '@jest/globals';
import type { RunCell } from '../../../src/domain/aggregates.ts';
import type { ControlState } from '../../../src/domain/control-state.ts';
import type { ComparisonReport } from '../../../src/domain/report.ts';
import type { WorkerRecord } from '../../../src/domain/worker-record.ts';
import { type Present, withPresent } from '../../../src/parity/notes-present.ts';
import { NOON, pairCell, reportOf, runCell } from '../../support/counted-window.ts';

const LIVE: ControlState = {
  epoch: 3,
  celeryRatio: 0.5,
  mode: 'ratio',
  taskRatios: {},
  frozen: '',
  updatedAt: NOON - 600_000,
  updatedBy: 'somebody',
  reason: 'a reason',
};
const FROZEN: ControlState = { ...LIVE, celeryRatio: 0, frozen: 'rollback' };

function worker(backends: WorkerRecord['backends'], tasks: readonly string[] = ['a', 'b']): WorkerRecord {
  const times = { startedAt: NOON - 1_000, seenAt: NOON };
  return {
    id: 'w',
    host: 'h',
    pid: 1,
    version: '0',
    backends,
    queues: [],
    tasks,
    concurrency: 1,
    running: 0,
    ...times,
  };
}
const BOTH = worker(['stable', 'canary']);

const present = (report: ComparisonReport, how: Partial<Present>) =>
  withPresent(report, { control: LIVE, workers: [BOTH], ...how });
/** What it adds. */
const added = (report: ComparisonReport, how: Partial<Present>) => {
  const { notes } = present(report, how);
  expect(notes.slice(notes.length - report.notes.length)).toEqual(report.notes);
  return notes.slice(0, notes.length - report.notes.length);
};

const onStable = (task: string): RunCell[] => [runCell(task, 'stable', { finished: 900 })];
const successful = reportOf(
  [runCell('a', 'stable', { finished: 4_000 }), runCell('a', 'canary', { finished: 2_000 })],
  [pairCell('a', 'shadow', { matched: 1_000 })],
);
const failed = reportOf([
  ...onStable('a'),
  runCell('a', 'canary', { finished: 500, failed: 400 }),
  runCell('b', 'stable', { finished: 5, failed: 0 }),
]);
const nothing = reportOf([]);

describe('a freeze', () => {
  const sentence =
    'Frozen since 2026-04-01T11:50:00Z: nothing new goes to canary, no copies either. ' +
    'To go on: hybrid resume --reason "...", then hybrid ratio NEW --reason "..."';

  it('is the first note, with what to type', () => {
    expect(added(nothing, { control: FROZEN })).toEqual([sentence]);
    expect(added(failed, { control: FROZEN })).toEqual([sentence]);
    expect(added(successful, { control: FROZEN })).toEqual([sentence]);
    expect(present(nothing, {})).toEqual(nothing);
  });

  it('is named in a headline that lacks figures, and in no other', () => {
    expect(present(nothing, { control: FROZEN }).headline).toBe(
      'inconclusive: nothing has run in this window; frozen since 2026-04-01T11:50:00Z',
    );
    expect(present(failed, { control: FROZEN }).headline).toBe(failed.headline);
    expect(present(successful, { control: FROZEN }).headline).toBe(successful.headline);
  });

  it('needs no ratio where flags decide, and every command acts in the same place', () => {
    const report = { ...nothing, commandOptions: ' --config x.yaml' };
    expect(added(report, { control: { ...FROZEN, mode: 'flag' } })).toEqual([
      expect.stringMatching(/To go on: hybrid resume --reason "\.\.\." --config x\.yaml$/),
    ]);
    expect(added(report, { control: FROZEN })).toEqual([
      expect.stringMatching(/ --config x\.yaml, then hybrid ratio NEW --reason "\.\.\." --config x\.yaml$/),
    ]);
  });

  it('is told of a window in the past only if it began in it', () => {
    const until = (to: number) => ({ ...nothing, window: { from: NOON - 3_600_000, to } });
    const how = { control: FROZEN, workers: [] };
    expect(added(until(FROZEN.updatedAt + 1), how)).toEqual([sentence]);
    expect(added(until(FROZEN.updatedAt), how)).toEqual([]);
  });
});

describe('nobody who runs the tasks', () => {
  it('of either backend', () => {
    const report = { ...nothing, commandOptions: ' --config x.yaml' };
    expect(present(report, { workers: [] })).toMatchObject({
      headline: 'inconclusive: nothing has run in this window; no worker is running',
      notes: [
        'No worker is running (as of 2026-04-01T12:00:00Z), so nothing is run or counted. ' +
          'To start one: hybrid worker --config x.yaml',
      ],
    });
  });

  it.each([
    ['canary', 'stable', ''],
    ['stable', 'canary', ' (what plain bee-queue workers run is not counted)'],
  ] as const)('of %s', (backend, other, aside) => {
    const { headline, notes } = present(reportOf(onStable('a')), { workers: [worker([other])] });
    expect(headline).toBe(
      `inconclusive: nothing has run on canary in this window; no worker takes ${backend}'s tasks`,
    );
    expect(notes).toEqual([
      `No worker takes ${backend}'s tasks (as of 2026-04-01T12:00:00Z), so ${backend} gets no figures of them${aside}. ` +
        `To start one that has them: hybrid worker --backend ${backend}`,
    ]);
  });

  it('comes after the freeze, which is in the headline', () => {
    const { headline, notes } = present(nothing, { control: FROZEN, workers: [] });
    expect(headline).toMatch(/; frozen since [^;]*$/);
    expect(notes.map((note) => note.slice(0, 10))).toEqual(['Frozen sin', 'No worker ']);
  });

  it('of some tasks, by name', () => {
    const report = reportOf(['a', 'b', 'c', 'd', 'e', 'f', 'g'].flatMap(onStable));
    const workers = [worker(['stable'], ['a', 'b', 'c', 'd', 'e', 'f', 'g']), worker(['canary'])];
    expect(added(report, { workers })).toEqual([
      expect.stringMatching(/^No worker takes c, d, e, 2 more on canary \(as of .* canary gets no figures/),
    ]);
  });

  it('is told where figures are missing or work waits, and nowhere else', () => {
    // What has run to its end has what it needs, like a finished demonstration.
    expect(added(successful, { workers: [] })).toEqual([]);
    const waiting = reportOf([
      runCell('a', 'stable', { finished: 4_000 }),
      runCell('a', 'canary', { finished: 2_000, counts: { submitted: 2_001 } }),
    ]);
    const judged = {
      ...successful,
      tasks: waiting.tasks.map((task) => ({ ...task, verdict: 'successful' })),
    };
    expect(added(judged as ComparisonReport, { workers: [] })).toHaveLength(1);
    // Of the two tasks one has failed and the other has no verdict.
    expect(added(failed, { workers: [worker(['stable', 'canary'], ['b'])] })).toEqual([]);
    expect(added(failed, { workers: [worker(['stable', 'canary'], ['a'])] })).toHaveLength(2);
  });

  it('of the tasks that an empty report was asked for', () => {
    expect(added(nothing, { tasks: ['a'] })).toEqual([]);
    expect(added(nothing, { tasks: ['x'] })).toHaveLength(2);
  });

  it('is not told of a window in the past', () => {
    const past = { ...nothing, window: { from: NOON - 7_200_000, to: NOON - 3_600_000 } };
    expect(added(past, { workers: [] })).toEqual([]);
  });
});
