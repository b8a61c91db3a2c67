import { describe, expect, it } from '@jest/globals';
import { assertTaskId, isTaskId, OUTCOME_SHARDS, outcomeShardOf } from '../../../src/domain/task-id.ts';
import { newTaskId } from '../../../src/manager/submission.ts';

describe('task ids', () => {
  it('are what newTaskId makes, and sort by their millisecond', () => {
    const ids = Array.from({ length: 100 }, newTaskId);
    expect(ids.every(isTaskId)).toBe(true);
    const times = ids.map((id) => id.slice(0, 'task-xxxxxxxx-xxxx'.length));
    expect([...times].sort()).toEqual(times);
    expect(new Set(ids).size).toBe(100);
  });

  // All digits collide with bee-queue's counter; BullMQ keeps its own keys under names like the others.
  it.each([
    '42',
    'wait',
    'meta',
    'id',
    'active',
    'a:b',
    '',
    'task-',
    'task-42',
    ' task-0195d7a2-5b7c-7e11-8c3a-0123456789ab',
    'task-0195d7a2-5b7c-7e11-8c3a-0123456789ab\n',
    'task-0195D7A2-5B7C-7E11-8C3A-0123456789AB',
    'task-0195d7a2-5b7c-4e11-8c3a-0123456789ab',
    42,
    null,
    undefined,
    {},
    ['task-0195d7a2-5b7c-7e11-8c3a-0123456789ab'],
  ])('are not %j', (id) => {
    expect(isTaskId(id)).toBe(false);
    expect(() => assertTaskId(id)).toThrow(expect.objectContaining({ code: 'E_INVALID_TASK_ID' }));
  });
});

describe('outcomeShardOf', () => {
  it('spreads ids over all channels', () => {
    const shards = new Set(Array.from({ length: 5000 }, () => outcomeShardOf(newTaskId())));
    expect(shards.size).toBe(OUTCOME_SHARDS);
    expect(Math.max(...shards)).toBe(OUTCOME_SHARDS - 1);
  });

  it('is the last byte, modulo the channels; other ids share channel 0', () => {
    const id = (end: string) => `task-0195d7a2-5b7c-7e11-8c3a-0123456789${end}`;
    expect([outcomeShardOf(id('3f')), outcomeShardOf(id('40')), outcomeShardOf(id('ff'))]).toEqual([
      63, 0, 63,
    ]);
    expect([outcomeShardOf(''), outcomeShardOf('of a plain job')]).toEqual([0, 0]);
  });
});
