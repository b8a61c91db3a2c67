import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../src/domain/outcome.ts';
import type { Pair, PairKind } from '../../../src/domain/parity.ts';
import { judgePair, nextLookAt } from '../../../src/parity/pair-judgement.ts';

const MADE_AT = 1_000_000;
const DEADLINE = MADE_AT + 60_000;
const pair = (kind: PairKind = 'shadow'): Pair => ({
  task: 'double',
  kind,
  primary: 'task-1',
  copy: 'task-2',
  madeAt: MADE_AT,
  deadline: DEADLINE,
  replay: null,
});
const outcome = (backend: Outcome['backend'], change: Partial<Outcome> = {}): Outcome => ({
  id: 'task-1',
  task: 'double',
  backend,
  status: 'succeeded',
  value: { from: backend },
  attempts: 1,
  enqueuedAt: 1,
  startedAt: 2,
  finishedAt: 3,
  ...change,
});

describe('judgePair', () => {
  it('gives stable first, whichever was the primary', () => {
    for (const [primary, copy] of [
      ['stable', 'canary'],
      ['canary', 'stable'],
    ] as const) {
      expect(judgePair(pair(), outcome(primary), outcome(copy), MADE_AT)).toEqual({
        state: 'complete',
        first: { backend: 'stable', status: 'succeeded', value: { from: 'stable' } },
        second: { backend: 'canary', status: 'succeeded', value: { from: 'canary' } },
      });
    }
  });

  it('gives the primary first of a control pair, on one backend', () => {
    const judgement = judgePair(
      pair('control'),
      outcome('stable', { value: 1 }),
      outcome('stable', { value: 2 }),
      MADE_AT,
    );
    expect(judgement).toMatchObject({ state: 'complete', first: { value: 1 }, second: { value: 2 } });
  });

  it.each([
    ['shadow', 'stable', 'stable', 'a rollback has brought the primary to stable'],
    ['control', 'stable', 'canary', 'a control pair is for one backend'],
  ] as const)('drops a %s pair of %s and %s: %s', (kind, primary, copy, _why) => {
    expect(judgePair(pair(kind), outcome(primary), outcome(copy), MADE_AT)).toEqual({ state: 'dropped' });
  });

  it('drops a pair of which a side was cancelled, also when the other is missing', () => {
    const cancelled = outcome('canary', { status: 'cancelled' });
    expect(judgePair(pair(), outcome('stable'), cancelled, MADE_AT)).toEqual({ state: 'dropped' });
    expect(judgePair(pair(), cancelled, null, DEADLINE)).toEqual({ state: 'dropped' });
  });

  it('looks again after a pause that grows with the pair, and never later than its deadline', () => {
    const lookAfter = (ageMs: number) => nextLookAt(pair(), MADE_AT + ageMs) - MADE_AT - ageMs;
    expect(judgePair(pair(), outcome('stable'), null, DEADLINE - 1)).toEqual({ state: 'waiting' });
    expect([0, 4_000, 40_000, 59_900].map(lookAfter)).toEqual([500, 1_000, 10_000, 100]);
  });

  it.each([
    ['shadow', 'stable', 'canary-missing'],
    ['shadow', 'canary', 'stable-missing'],
    ['control', 'stable', 'stable-missing'],
    ['control', 'canary', 'canary-missing'],
    ['replay', 'stable', 'canary-missing'],
  ] as const)('at its deadline a %s pair with only %s is %s', (kind, present, expected) => {
    const judged = { state: 'missing', kind: expected };
    const [primary, copy] = [outcome(present), null];
    expect(judgePair(pair(kind), primary, copy, DEADLINE)).toEqual({ ...judged, id: 'task-2' });
    expect(judgePair(pair(kind), copy, primary, DEADLINE)).toEqual({ ...judged, id: 'task-1' });
  });

  it('drops a pair of which nothing has come: it says nothing about either', () => {
    expect(judgePair(pair(), null, null, DEADLINE)).toEqual({ state: 'dropped' });
  });
});
