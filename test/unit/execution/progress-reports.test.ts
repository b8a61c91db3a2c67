import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ProgressReports } from '../../../src/execution/progress-reports.ts';

/** A backend that answers when it is told to. */
function slowBackend() {
  const sent: unknown[] = [];
  const answers: (() => void)[] = [];
  const reports = new ProgressReports((value) => {
    sent.push(value);
    return new Promise((resolve) => answers.push(resolve));
  });
  const answer = async () => {
    answers.shift()?.();
    await nextTurn();
  };
  return { sent, reports, answer };
}

describe('ProgressReports', () => {
  it('sends the first at once and waits for no answer', async () => {
    const { sent, reports } = slowBackend();
    await reports.report(20);
    expect(sent).toEqual([20]);
    await reports.report(50);
    expect(sent).toEqual([20]);
  });

  it('sends the newest of those that came while one was under way', async () => {
    const { sent, reports, answer } = slowBackend();
    for (const value of [10, 20, 30, null]) await reports.report(value);
    await answer();
    expect(sent).toEqual([10, null]);
    await answer();
    await reports.report(40);
    expect(sent).toEqual([10, null, 40]);
  });

  it('sends what waits when the run ends, and nothing after it', async () => {
    const { sent, reports, answer } = slowBackend();
    for (const value of [20, 50, 100]) await reports.report(value);
    reports.end();
    expect(sent).toEqual([20, 100]);
    await reports.report('too late');
    await answer();
    await answer();
    expect(sent).toEqual([20, 100]);
  });

  it('sends nothing at the end that was sent already', async () => {
    const { sent, reports, answer } = slowBackend();
    await reports.report(100);
    await answer();
    reports.end();
    expect(sent).toEqual([100]);
  });

  it('lets the event loop turn once the handler has computed for a while, and not before', async () => {
    const before = performance.now();
    const { reports } = slowBackend();
    const begun = performance.now();
    let turns = 0;
    setImmediate(() => {
      turns += 1;
    });
    await reports.report(1);
    // Whoever was held up here by the machine has had its turn.
    if (performance.now() - before < 20) expect(turns).toBe(0);
    while (performance.now() - begun < 30);
    await reports.report(2);
    expect(turns).toBe(1);
  });
});
