import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { RunMeter } from '../../../src/domain/aggregates.ts';
import type { DecisionReason, FlagValue, RoutingDecision } from '../../../src/domain/routing-decision.ts';
import { defineTask } from '../../../src/index.ts';
import { countSubmission, isForced } from '../../../src/manager/assignment.ts';
import { prepareSubmission, type SubmitOptions } from '../../../src/manager/submission.ts';

const task = defineTask({
  name: 'double',
  queue: 'q',
  input: z.object({ n: z.number() }),
  output: z.unknown(),
  handler: ({ n }) => n,
});

const ID = 'task-01890000-0000-7000-8000-000000000001';

const decided = (
  reason: DecisionReason,
  backend: RoutingDecision['backend'],
  ratio = 0.25,
  value?: FlagValue,
): RoutingDecision => ({
  backend,
  reason,
  epoch: 1,
  bucket: 0.5,
  ratio,
  ...(value !== undefined && { flag: { key: 'to-canary', value } }),
});

/**
 * What is counted of one submission, as `backend arm counter` with its sum.
 * @param drawn as in Placement; by default what was drawn is where it ended
 */
function countedOf(
  decision: RoutingDecision,
  { options = {}, drawn = decision }: { options?: SubmitOptions; drawn?: RoutingDecision | null } = {},
): Record<string, number> {
  const counts: Record<string, number> = {};
  const meter: RunMeter = {
    count(name, backend, arm, counter, by = 1) {
      expect(name).toBe('double');
      const cell = `${backend} ${arm} ${counter}`;
      counts[cell] = (counts[cell] ?? 0) + by;
    },
    time() {
      throw new Error('a submission takes no time of a run');
    },
  };
  countSubmission(meter, prepareSubmission(task, { n: 1 }, options, 1000), { decision, drawn });
  return counts;
}

const draw = (backend: string, ratio: number) => ({
  [`${backend} assigned submitted`]: 1,
  [`${backend} assigned randomised`]: 1,
  [`${backend} assigned expectedCanary`]: ratio,
  [`${backend} assigned variance`]: ratio * (1 - ratio),
});
const assigned = (backend: string) => ({ [`${backend} assigned submitted`]: 1 });
const forced = (backend: string) => ({ [`${backend} forced submitted`]: 1 });

describe('a submission that the ratio decided', () => {
  it('is a draw on either backend, and each expects its share of canary', () => {
    expect(countedOf(decided('ratio', 'stable', 0.25))).toEqual(draw('stable', 0.25));
    expect(countedOf(decided('ratio', 'canary', 0.25))).toEqual(draw('canary', 0.25));
    expect(countedOf(decided('ratio', 'canary', 0.9))).toEqual(draw('canary', 0.9));
  });

  it('is none where nothing was left to chance', () => {
    expect(countedOf(decided('ratio', 'stable', 0))).toEqual(assigned('stable'));
    expect(countedOf(decided('ratio', 'canary', 1))).toEqual(assigned('canary'));
  });

  it('is none with a key that others may share; a bucket of its own it has by its id', () => {
    const shared = { stickyKey: 'customer-7' };
    expect(countedOf(decided('ratio', 'stable'), { options: shared })).toEqual(assigned('stable'));
    expect(countedOf(decided('ratio', 'canary'), { options: shared })).toEqual(assigned('canary'));
    const own = { id: ID, stickyKey: ID };
    expect(countedOf(decided('ratio', 'canary'), { options: own })).toEqual(draw('canary', 0.25));
    expect(countedOf(decided('ratio', 'canary'), { options: { idempotencyKey: 'one' } })).toEqual(
      draw('canary', 0.25),
    );
  });

  it('is none while canary is down: its share of the draw went to stable as forced', () => {
    expect(countedOf(decided('ratio', 'stable'), { drawn: null })).toEqual(assigned('stable'));
    expect(countedOf(decided('canary-down', 'stable'), { drawn: null })).toEqual(forced('stable'));
  });

  it('is one of canary where canary was drawn and then did not take it', () => {
    const counted = countedOf(decided('canary-down', 'stable'), { drawn: decided('ratio', 'canary') });
    expect(counted).toEqual({
      ...forced('stable'),
      'canary forced randomised': 1,
      'canary forced expectedCanary': 0.25,
      'canary forced variance': 0.25 * 0.75,
    });
  });
});

describe('a submission that a flag decided', () => {
  it('by a number is a draw by that number', () => {
    expect(countedOf(decided('flag', 'stable', 0.4, 0.4))).toEqual(draw('stable', 0.4));
    expect(countedOf(decided('flag', 'canary', 0.4, 0.4))).toEqual(draw('canary', 0.4));
    expect(countedOf(decided('flag', 'canary', 1, 1))).toEqual(assigned('canary'));
  });

  // As the router gives them, and with a ratio that was never meant: what counts is what the flag said.
  it.each([
    ['canary', 1, true],
    ['stable', 0, false],
    ['canary', 1, 'canary'],
    ['stable', 0.25, 'stable'],
    ['canary', 0.25, true],
  ] as const)('to %s (ratio %d) by saying %p was assigned, and is no draw', (backend, ratio, value) => {
    expect(countedOf(decided('flag', backend, ratio, value))).toEqual(assigned(backend));
  });
});

const FORCED = ['frozen', 'requested', 'capability', 'canary-down', 'stale', 'duplicate'] as const;

describe('a submission that something else decided', () => {
  it.each(FORCED)('(%s) is counted apart, whatever the ratio was', (reason) => {
    for (const backend of ['stable', 'canary'] as const) {
      expect(countedOf(decided(reason, backend))).toEqual(forced(backend));
    }
  });

  it('says nothing about the backends', () => {
    expect(FORCED.filter((reason) => !isForced(decided(reason, 'stable')))).toEqual([]);
    expect([decided('ratio', 'stable'), decided('flag', 'canary', 1, true)].map(isForced)).toEqual([
      false,
      false,
    ]);
  });
});
