import { describe, expect, it } from '@jest/globals';
import { RunningTasks } from '../../../src/execution/running-tasks.ts';

describe('RunningTasks', () => {
  it('knows what runs', () => {
    const running = new RunningTasks();
    const run = running.begin('a');
    running.begin('b');
    expect([running.size, running.has('a'), running.has('c')]).toEqual([2, true, false]);
    running.end(run);
    expect([running.size, running.has('a')]).toEqual([1, false]);
  });

  it('does not end a later run of the same id', () => {
    const running = new RunningTasks();
    const first = running.begin('a');
    running.begin('a');
    running.end(first);
    expect(running.has('a')).toBe(true);
  });

  it('counts by lease', () => {
    const running = new RunningTasks();
    for (const [id, worker] of [
      ['a', 'one'],
      ['b', 'one'],
      ['c', 'two'],
      ['d', null],
    ] as const) {
      running.begin(id).worker = worker;
    }
    expect([running.countUnder('one'), running.countUnder('two'), running.countUnder('three')]).toEqual([
      2, 1, 0,
    ]);
  });

  it('asks one run to end, through its signal, and keeps the first cause', () => {
    const running = new RunningTasks();
    const [run, other] = [running.begin('a'), running.begin('b')];
    expect(running.abort('a', 'cancel')).toBe(true);
    expect(running.abort('a', 'shutdown')).toBe(true);
    expect(run).toMatchObject({ cause: 'cancel' });
    expect(run.signal.reason).toMatchObject({ name: 'AbortError', message: 'aborted: cancel' });
    expect(other.signal.aborted).toBe(false);
    expect(running.abort('elsewhere', 'cancel')).toBe(false);
  });

  it('asks all to end', () => {
    const running = new RunningTasks();
    const runs = ['a', 'b'].map((id) => running.begin(id));
    running.abortAll('shutdown');
    expect(runs.map((run) => [run.signal.aborted, run.cause])).toEqual([
      [true, 'shutdown'],
      [true, 'shutdown'],
    ]);
  });
});
