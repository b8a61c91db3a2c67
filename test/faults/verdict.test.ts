import { describe, expect, it } from '@jest/globals';
import type { Happening, HistoryEvent } from '../support/history.ts';
import { judge, type Recorded, secondRuns } from '../support/verdict.ts';

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

  it('finds a task that failed without having been tried', () => {
    const failed: Recorded = { status: 'failed', run: null, hasEntry: true };
    expect(verdictOn(once.slice(0, 2), failed)).toEqual(['x failed and never ran']);
    const ofAnother = [2, { ...ran('started', 'r1', 1, 'y'), n: 2 } as Happening] as const;
    expect(
      verdictOn([...once.slice(0, 2), [1, { event: 'submit-called', n: 2 }], ofAnother], failed),
    ).toEqual(['x failed and never ran']);
    expect(verdictOn(once.slice(0, 3), failed)).toEqual([]);
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

  it("finds a start on canary that Redis's clock puts after the move, unless the worker slept over it", () => {
    const history = (...sleep: (readonly [number, number, Happening])[]): HistoryEvent[] =>
      (
        [
          [0, 1, called],
          [0, 1, ok()],
          [20, 9, { event: 'moved', id: 'x', movedAt: 10 }],
          ...sleep,
          [15, 2, ran('started', 'r1')],
          [16, 2, ran('ended', 'r1')],
        ] as const
      ).map(([at, pid, h]) => ({ at, pid, who: String(pid), ...h }));
    const recorded = new Map([['x', recordedRun('r1')]]);
    expect(judge(history(), recorded)).toEqual(['x: canary began r1 5 ms after the move']);
    expect(judge(history([12, 9, { event: 'woken', target: 2 }]), recorded)).toEqual([]);
    expect(judge(history([12, 9, { event: 'woken', target: 3 }]), recorded)).toHaveLength(1);
  });

  it('finds a task that was given to stable twice, unless Redis was down in between', () => {
    const moved = [9, { event: 'moved', id: 'x', movedAt: 1 }] as const;
    const down = [9, { event: 'redis-down', server: 'r' }] as const;
    expect(verdictOn([...once, moved, moved], recordedRun('r1'))).toEqual(['x was given to stable 2 times']);
    expect(verdictOn([...once, moved, down, moved], recordedRun('r1'))).toEqual([]);
  });

  it('finds a task that was cancelled and that nobody asked to cancel', () => {
    const cancelled: Recorded = { status: 'cancelled', run: null, hasEntry: true };
    const asked = [9, { event: 'cancel-called', id: 'x' }] as const;
    expect(verdictOn(once.slice(0, 2), cancelled)).toEqual(['x was cancelled by nobody']);
    expect(verdictOn([...once.slice(0, 2), asked], cancelled)).toEqual([]);
  });

  it('counts second runs by their reasons: an abort is one, a failure another', () => {
    const again = (detail: string) =>
      secondRuns(
        (
          [
            ...once.slice(0, 3),
            [2, { event: 'told', type: 'moved', id: 'x', backend: 'canary', attempt: 1, detail }],
            [3, ran('started', 'r2', 2)],
          ] as const
        ).map(([pid, h]) => ({ at: 0, pid, who: String(pid), ...h })),
      );
    expect(again('ABORT_ERR')).toEqual({ aborted: 1 });
    expect(again('Error')).toEqual({ failed: 1 });
  });
});
