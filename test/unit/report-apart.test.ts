import { describe, expect, it } from '@jest/globals';
import type { PairCell, RunCell } from '../../src/domain/aggregates.ts';
import { pairCell, reportOf, runCell } from '../support/counted-window.ts';

const good = {
  runs: [
    runCell('good', 'stable', { finished: 4_000, failed: 20 }),
    runCell('good', 'canary', { finished: 2_000, failed: 10 }),
  ],
  pairs: [pairCell('good', 'shadow', { matched: 1_000 })],
};
const beside = (runs: readonly RunCell[], pairs: readonly PairCell[] = []) =>
  reportOf([...good.runs, ...runs], [...good.pairs, ...pairs]);
const verdictsOf = ({ verdict, tasks }: ReturnType<typeof reportOf>) => [
  verdict,
  ...tasks.map((task) => `${task.task} ${task.verdict}`),
];

const forced = runCell('prio', 'canary', { finished: 300 }, 'forced');
const replayed = [
  runCell('rp', 'stable', { finished: 300 }, 'replay'),
  runCell('rp', 'canary', { finished: 300 }, 'replay'),
];

describe('a task that canary has run only for a reason', () => {
  it('is not judged and holds up no report, which says why', () => {
    const report = beside([forced, ...replayed], [pairCell('rp', 'replay', { matched: 300 })]);
    expect(verdictsOf(report)).toEqual(['successful', 'good successful', 'prio null', 'rp null']);
    expect(report.notes.filter((note) => note.startsWith('Not judged'))).toEqual([
      expect.stringMatching(/: prio, rp\. Only what was forced to canary or replayed has run there of it/),
    ]);
  });

  it('leaves a report of nothing else inconclusive, without a word that is not true', () => {
    const report = reportOf([forced]);
    expect(report.headline).toBe(
      'inconclusive: nothing that ratio or flag sent has run on canary in this window, only what was forced there or replayed',
    );
  });

  it('is not told to look like an outage where some of it was forced to stable, too', () => {
    const turned = runCell('prio', 'stable', { finished: 0, counts: { submitted: 50 } }, 'forced');
    const notes = beside([forced, turned]).notes.join('\n');
    expect(notes).toMatch(/prio\. Only what was forced to canary/);
    expect(notes).not.toMatch(/Canary has run none of it/);
  });

  it('fails with replayed results that differ', () => {
    const report = beside(replayed, [pairCell('rp', 'replay', { matched: 100, mismatched: { value: 200 } })]);
    expect(verdictsOf(report)).toEqual(['failed', 'rp failed', 'good successful']);
    expect(report.tasks[0]?.lines[0]?.evidence).toBe(
      'Nothing that ratio or flag sent has finished on canary, so error rates cannot be compared',
    );
  });
});

describe('a task that canary has something of', () => {
  it.each([
    [
      'a submission that has not finished',
      [runCell('t', 'canary', { finished: 0, counts: { submitted: 30 } })],
      [],
    ],
    [
      'a shadow that has not finished',
      [runCell('t', 'canary', { finished: 0, counts: { submitted: 9 } }, 'shadow')],
      [],
    ],
    ['pairs', [], [pairCell('t', 'shadow', { matched: 20 })]],
  ])('is judged as ever, also beside forced ones: %s', (_, runs, pairs) => {
    const more = runCell('t', 'canary', { finished: 300 }, 'forced');
    expect(verdictsOf(beside([...runs], pairs))).toContain('t inconclusive');
    expect(verdictsOf(beside([...runs, more], pairs))).toContain('t inconclusive');
  });
});
