import { describe, expect, it } from '@jest/globals';
import { ComparisonBreaker } from '../../src/parity/comparison-breaker.ts';
import { RecordingLog } from '../support/recording-log.ts';

describe('the breaker of slow comparisons', () => {
  it('opens at the third slow one in a row, says so once, and stays open', () => {
    const log = new RecordingLog();
    const breaker = new ComparisonBreaker(log);
    for (const ms of [90, 500, 1, 90, 90]) breaker.note('slow', ms);
    expect(breaker.isOpen('slow')).toBe(false);
    expect(log.lines).toEqual([]);
    breaker.note('slow', 90);
    breaker.note('slow', 90);
    expect(breaker.isOpen('slow')).toBe(true);
    expect(log.lines).toMatchObject([{ level: 'error', fields: { task: 'slow' } }]);
  });

  it('counts each task for itself', () => {
    const breaker = new ComparisonBreaker(new RecordingLog());
    for (const task of ['a', 'b', 'a', 'b', 'a']) breaker.note(task, 100);
    expect(breaker.isOpen('a')).toBe(true);
    expect(breaker.isOpen('b')).toBe(false);
    expect(breaker.isOpen('c')).toBe(false);
  });
});
