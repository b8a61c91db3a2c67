import { describe, expect, it } from '@jest/globals';
import type { ControlState } from '../../../src/domain/control-state.ts';
import type { FlagAnswer, FlagValue } from '../../../src/domain/routing-decision.ts';
import { decide, type RoutingInput } from '../../../src/routing/router.ts';
import { bucketOf, saltOf } from '../../../src/routing/sticky-hash.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const SALT = saltOf('hybrid');
const STABLE = { priority: false, postpone: false, pause: false };
const CANARY = { priority: true, postpone: true, pause: true };
/** Bucket 0.25 to 0.5 in this namespace; the first test holds it to that. */
const KEY = Array.from({ length: 100 }, (_, i) => `doc-${i}`).find((key) => {
  const bucket = bucketOf(SALT, key);
  return bucket > 0.3 && bucket < 0.4;
}) as string;

function control(change: Partial<ControlState> = {}): ControlState {
  return {
    epoch: 7,
    celeryRatio: 0.5,
    mode: 'ratio',
    taskRatios: {},
    frozen: '',
    updatedAt: 0,
    updatedBy: 'test',
    reason: '',
    ...change,
  };
}

function answer(value: FlagValue): FlagAnswer {
  return { key: 'hybrid-canary', value, source: 'live' };
}

function input(change: Partial<RoutingInput> = {}): RoutingInput {
  return {
    control: control(),
    salt: SALT,
    task: 'generate-metadata',
    stickyKey: KEY,
    capabilities: { stable: STABLE, canary: CANARY },
    canaryReachable: true,
    ...change,
  };
}

const FLAGS = control({ mode: 'flag', celeryRatio: 0.1 });
const CLOSED = control({ celeryRatio: 0 });
const FROZEN = control({ frozen: 'rollback', celeryRatio: 0 });

describe('decide', () => {
  it('says everything that is needed to make the decision again', () => {
    expect(decide(input())).toEqual({
      backend: 'canary',
      reason: 'ratio',
      epoch: 7,
      bucket: bucketOf(SALT, KEY),
      ratio: 0.5,
    });
  });

  it.each<[string, Partial<RoutingInput>, string, string]>([
    ['frozen', { control: FROZEN }, 'stable', 'frozen'],
    ['frozen beats a request', { control: FROZEN, requested: 'canary' }, 'stable', 'frozen'],
    [
      'frozen beats a wish',
      { control: control({ frozen: 'rollback' }), needs: ['priority'] },
      'stable',
      'frozen',
    ],
    ['frozen beats a flag', { control: { ...FROZEN, mode: 'flag' }, flag: answer(true) }, 'stable', 'frozen'],
    ['requested canary at ratio 0', { control: CLOSED, requested: 'canary' }, 'canary', 'requested'],
    [
      'requested stable at ratio 1',
      { control: control({ celeryRatio: 1 }), requested: 'stable' },
      'stable',
      'requested',
    ],
    ['a request beats a wish', { requested: 'stable', needs: ['priority'] }, 'stable', 'requested'],
    [
      'a request beats a flag',
      { control: FLAGS, requested: 'stable', flag: answer(true) },
      'stable',
      'requested',
    ],
    [
      'a wish opens canary above the ratio',
      { control: control({ celeryRatio: 0.1 }), needs: ['priority'] },
      'canary',
      'capability',
    ],
    ['a wish opens nothing at ratio 0', { control: CLOSED, needs: ['priority'] }, 'stable', 'ratio'],
    [
      "a wish opens nothing at the task's ratio 0",
      { control: control({ taskRatios: { 'generate-metadata': 0 } }), needs: ['priority'] },
      'stable',
      'ratio',
    ],
    [
      'a wish opens nothing when the flag says no',
      { control: FLAGS, flag: answer(false), needs: ['priority'] },
      'stable',
      'flag',
    ],
    [
      'a wish opens nothing when the flag says stable',
      { control: FLAGS, flag: answer('stable'), needs: ['priority'] },
      'stable',
      'flag',
    ],
    [
      'a wish opens nothing when the flag says 0',
      { control: FLAGS, flag: answer(0), needs: ['priority'] },
      'stable',
      'flag',
    ],
    [
      'a wish with a small flag ratio',
      { control: FLAGS, flag: answer(0.01), needs: ['priority'] },
      'canary',
      'capability',
    ],
    [
      'a wish at ratio 0 with an open flag',
      { control: { ...FLAGS, celeryRatio: 0 }, flag: answer(0.01), needs: ['priority'] },
      'canary',
      'capability',
    ],
    [
      'a wish that stable can fulfil',
      {
        control: control({ celeryRatio: 0.1 }),
        needs: ['priority'],
        capabilities: { stable: CANARY, canary: CANARY },
      },
      'stable',
      'ratio',
    ],
    [
      'a wish that nobody can fulfil',
      {
        control: control({ celeryRatio: 0.1 }),
        needs: ['priority'],
        capabilities: { stable: STABLE, canary: STABLE },
      },
      'stable',
      'ratio',
    ],
    ['an empty list of wishes', { control: control({ celeryRatio: 0.1 }), needs: [] }, 'stable', 'ratio'],
    ['flag true', { control: FLAGS, flag: answer(true) }, 'canary', 'flag'],
    ['flag false', { control: { ...FLAGS, celeryRatio: 1 }, flag: answer(false) }, 'stable', 'flag'],
    ['flag "canary"', { control: FLAGS, flag: answer('canary') }, 'canary', 'flag'],
    ['flag "stable"', { control: { ...FLAGS, celeryRatio: 1 }, flag: answer('stable') }, 'stable', 'flag'],
    ['flag ratio above the bucket', { control: FLAGS, flag: answer(0.5) }, 'canary', 'flag'],
    [
      'flag ratio below the bucket',
      { control: { ...FLAGS, celeryRatio: 1 }, flag: answer(0.2) },
      'stable',
      'flag',
    ],
    ['flag ratio 0', { control: FLAGS, flag: answer(0) }, 'stable', 'flag'],
    ['flag ratio 1', { control: FLAGS, flag: answer(1) }, 'canary', 'flag'],
    ['no answer from the flag', { control: FLAGS, flag: null }, 'stable', 'ratio'],
    [
      'no answer from the flag, ratio above',
      { control: { ...FLAGS, celeryRatio: 0.5 }, flag: null },
      'canary',
      'ratio',
    ],
    ['a flag in mode ratio', { control: CLOSED, flag: answer(true) }, 'stable', 'ratio'],
    ['the ratio', {}, 'canary', 'ratio'],
    [
      "the task's ratio over the global one",
      { control: control({ taskRatios: { 'generate-metadata': 0.1 } }) },
      'stable',
      'ratio',
    ],
    ["another task's ratio", { control: control({ taskRatios: { other: 0.1 } }) }, 'canary', 'ratio'],
    ['a task named like a part of every object', { control: CLOSED, task: 'constructor' }, 'stable', 'ratio'],
    ['canary down, by ratio', { canaryReachable: false }, 'stable', 'canary-down'],
    ['canary down, by request', { canaryReachable: false, requested: 'canary' }, 'stable', 'canary-down'],
    ['canary down, by wish', { canaryReachable: false, needs: ['priority'] }, 'stable', 'canary-down'],
    [
      'canary down, by flag',
      { canaryReachable: false, control: FLAGS, flag: answer(true) },
      'stable',
      'canary-down',
    ],
    [
      'canary down does not matter for stable',
      { canaryReachable: false, control: CLOSED },
      'stable',
      'ratio',
    ],
    [
      'canary down does not matter when frozen',
      { canaryReachable: false, control: FROZEN, requested: 'canary' },
      'stable',
      'frozen',
    ],
  ])('%s', (_, change, backend, reason) => {
    expect(decide(input(change))).toMatchObject({ backend, reason, epoch: 7 });
  });

  it('names the flag and its ratio only when the flag decided', () => {
    expect(decide(input({ control: FLAGS, flag: answer(0.5) }))).toMatchObject({
      flag: { key: 'hybrid-canary', value: 0.5 },
      ratio: 0.5,
    });
    expect(decide(input({ control: FLAGS, flag: answer(true) })).ratio).toBe(1);
    expect(decide(input({ control: FLAGS, flag: answer('stable') })).ratio).toBe(0);
    const others = [
      input({ control: FLAGS, flag: answer(true), canaryReachable: false }),
      input({ control: FLAGS, flag: answer(true), requested: 'canary' }),
      input({ control: FLAGS, flag: answer(true), needs: ['priority'] }),
      input({ flag: answer(true) }),
    ];
    for (const other of others) expect(decide(other)).not.toHaveProperty('flag');
  });

  it.each<[string, Partial<RoutingInput>, readonly string[] | undefined]>([
    ['stable by ratio', { control: CLOSED, needs: ['priority'] }, ['priority']],
    ['stable by request', { requested: 'stable', needs: ['priority', 'postpone'] }, ['priority', 'postpone']],
    ['stable by flag', { control: FLAGS, flag: answer(false), needs: ['pause'] }, ['pause']],
    ['stable because frozen', { control: FROZEN, needs: ['priority'] }, ['priority']],
    ['stable because canary is down', { canaryReachable: false, needs: ['priority'] }, ['priority']],
    ['canary, which can', { needs: ['priority'] }, undefined],
    [
      'canary, which can only a part',
      { needs: ['priority', 'pause'], capabilities: { stable: STABLE, canary: { ...CANARY, pause: false } } },
      ['pause'],
    ],
    ['nothing asked for', { control: CLOSED }, undefined],
  ])('lists the wishes that go unfulfilled: %s', (_, change, ignored) => {
    const decision = decide(input(change));
    expect(decision.ignored).toEqual(ignored);
    expect('ignored' in decision).toBe(ignored !== undefined);
  });

  const SEED = 4_711;

  it('is sticky and monotone: a higher ratio only adds', () => {
    const random = seededRandom(SEED);
    for (let i = 0; i < 2_000; i++) {
      const stickyKey = `key-${random()}`;
      const ratios = Array.from({ length: 10 }, random).sort((a, b) => a - b);
      const backends = ratios.map(
        (celeryRatio) => decide(input({ stickyKey, control: control({ celeryRatio }) })).backend,
      );
      const sorted = [...backends].sort((a, b) => (a === b ? 0 : a === 'stable' ? -1 : 1));
      expect({ SEED, i, stickyKey, backends }).toEqual({ SEED, i, stickyKey, backends: sorted });
    }
  });

  it('gives one key one bucket, whatever the task, the flag and the epoch', () => {
    const random = seededRandom(SEED);
    for (let i = 0; i < 500; i++) {
      const stickyKey = `key-${random()}`;
      const buckets = [
        input({ stickyKey, task: 'parse-document' }),
        input({ stickyKey, control: control({ epoch: 900, celeryRatio: random() }) }),
        input({ stickyKey, control: FLAGS, flag: answer(random()) }),
        input({ stickyKey, control: FROZEN }),
      ].map((each) => decide(each).bucket);
      expect({ SEED, stickyKey, distinct: new Set(buckets).size }).toEqual({ SEED, stickyKey, distinct: 1 });
    }
  });

  it.each([0, 0.05, 0.25, 0.5, 0.95, 1])('sends a share of %d to canary', (celeryRatio) => {
    const keys = 20_000;
    let canary = 0;
    for (let i = 0; i < keys; i++)
      if (
        decide(input({ stickyKey: `document-${i}`, control: control({ celeryRatio }) })).backend === 'canary'
      )
        canary++;
    const deviation = Math.sqrt(keys * celeryRatio * (1 - celeryRatio));
    expect(Math.abs(canary - keys * celeryRatio)).toBeLessThanOrEqual(4 * deviation);
  });

  it('changes nothing that it was given', () => {
    const given = input({
      control: Object.freeze(control({ mode: 'flag', taskRatios: Object.freeze({}) })),
      needs: Object.freeze(['priority' as const]),
      flag: Object.freeze(answer(0.5)),
    });
    expect(() => decide(Object.freeze(given))).not.toThrow();
  });
});
