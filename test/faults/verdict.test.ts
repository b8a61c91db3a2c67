import { describe, expect, it } from '@jest/globals';
import type { Happening, HistoryEvent } from '../support/history.ts';
import { judge, type Recorded } from '../support/verdict.ts';

/** The judge of the other tests in this folder has to be able to say no. */
describe('the verdict on a history', () => {
  const place = { reason: 'ratio', epoch: 1, bucket: 0.1, ratio: 0.5, stickyKey: 'k' };
  const called: Happening = { event: 'submit-called', n: 1 };
  const ok = (backend: 'stable' | 'canary' = 'canary', id = 'x'): Happening => {
    return { event: 'submit-ok', n: 1, id, backend, ...place };
  };
  const ran = (event: 'started' | 'ended', run: string, attempt = 1, id = 'x'): Happening => {
    return { event, n: 1, id, run, backend: 'canary', attempt };
  };
  const told = (type: 'succeeded' | 'retrying'): Happening => {
    return { event: 'told', type, id: 'x', backend: 'canary', attempt: 1, detail: '' };
  };
  const recordedRun = (run: string): Recorded => ({ status: 'succeeded', run, hasEntry: true });

  /** Each happening with the process it came from. */
  function verdictOn(happenings: readonly (readonly [number, Happening])[], recorded?: Recorded) {
    const history = happenings.map(([pid, h]): HistoryEvent => ({ at: 0, pid, who: String(pid), ...h }));
    return judge(history, new Map(recorded ? [['x', recorded]] : []));
  }

  const once = [
    [1, called],
    [1, ok()],
    [2, ran('started', 'r1')],
    [2, ran('ended', 'r1')],
    [2, told('succeeded')],
  ] as const;

  it('finds nothing wrong with one run of a submitted task', () => {
    expect(verdictOn(once, recordedRun('r1'))).toEqual([]);
  });

  it('finds a lost task, with and without a recorded outcome', () => {
    expect(verdictOn(once.slice(0, 2))).toEqual(['x has no outcome']);
    expect(verdictOn(once.slice(0, 2), recordedRun('r1'))).toEqual(['x succeeded and never ran']);
  });

  it('finds what ran and was never submitted', () => {
    expect(verdictOn(once.slice(2), recordedRun('r1'))).toEqual(['task 1 ran and was never submitted']);
  });

  it('finds a submission that became two tasks, and one that failed', () => {
    expect(verdictOn([...once, [2, ran('started', 'r2', 1, 'y')]], recordedRun('r1'))).toEqual([
      'submission 1 made 2 tasks: x, y',
    ]);
    expect(verdictOn([[1, { event: 'submit-failed', n: 1, code: 'E_BACKEND' }]])).toEqual([
      'submission 1 failed: E_BACKEND',
    ]);
  });

  it('wants a reason for a second run, of the right process and at the right time', () => {
    const first = once.slice(0, 3);
    const second = [
      [3, ran('started', 'r2', 2)],
      [3, ran('ended', 'r2', 2)],
    ] as const;
    const unexplained = ['x: r2 began after r1 for no recorded reason'];
    const kill = (target: number) => [9, { event: 'killed', target }] as const;
    expect(verdictOn([...first, ...second], recordedRun('r2'))).toEqual(unexplained);
    expect(verdictOn([...first, kill(4), ...second], recordedRun('r2'))).toEqual(unexplained);
    expect(verdictOn([kill(2), ...first, ...second], recordedRun('r2'))).toEqual(unexplained);
    expect(verdictOn([...first, kill(2), ...second], recordedRun('r2'))).toEqual([]);
    expect(verdictOn([...first, [2, told('retrying')], ...second], recordedRun('r2'))).toEqual([]);
    expect(verdictOn([...once, kill(2), ...second], recordedRun('r2'))).toEqual([
      'x: r2 began after r1 had succeeded',
    ]);
  });

  it("finds an outcome that is not the last run's", () => {
    const both = [
      ...once.slice(0, 3),
      [9, { event: 'paused', target: 2 }],
      [3, ran('started', 'r2', 2)],
      [3, ran('ended', 'r2', 2)],
      [2, ran('ended', 'r1')],
    ] as const;
    expect(verdictOn(both, recordedRun('r2'))).toEqual([]);
    expect(verdictOn(both, recordedRun('r1'))).toEqual(['x: recorded is r1, allowed r2']);
  });

  it("finds a start on canary after the task had become stable's", () => {
    const moved = [[1, called], [1, ok('stable')], ...once.slice(2)] as const;
    expect(verdictOn(moved, recordedRun('r1'))).toEqual(["x: canary began r1 after the task was stable's"]);
  });
});
