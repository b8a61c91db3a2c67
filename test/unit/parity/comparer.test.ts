import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../src/domain/outcome.ts';
import type { Pair, PairLedger, SettledPair } from '../../../src/domain/parity.ts';
import { readParityOptions } from '../../../src/domain/parity-options.ts';
import { Comparer } from '../../../src/parity/comparer.ts';
import { RecordingLog } from '../../support/recording-log.ts';

const NOW = 5_000_000;
const RECORDED: Omit<Outcome, 'id' | 'backend'> = {
  task: 'double',
  status: 'succeeded',
  attempts: 1,
  enqueuedAt: 1,
  startedAt: 1,
  finishedAt: 1,
};

class FakePairs implements PairLedger {
  waiting: Pair[] = [];
  readonly settled: SettledPair[] = [];
  readonly putOffs: number[] = [];

  async claim(_tasks: readonly string[], most: number) {
    return { now: NOW, pairs: this.waiting.splice(0, most) };
  }
  async putOff(pairs: readonly { readonly lookAt: number }[]) {
    this.putOffs.push(...pairs.map(({ lookAt }) => lookAt));
  }
  async settle(pairs: readonly SettledPair[]) {
    this.settled.push(...pairs);
  }
}

let pairs: FakePairs;
let log: RecordingLog;
let outcomes: Map<string, Outcome>;
let ended: string[];
let started: Map<string, number>;

beforeEach(() => {
  pairs = new FakePairs();
  log = new RecordingLog();
  outcomes = new Map();
  ended = [];
  started = new Map();
});

const comparerWith = (options: Parameters<typeof readParityOptions>[1], patienceMs = 100) =>
  new Comparer(pairs, {
    intervalMs: 60_000,
    tasks: new Map([['double', readParityOptions('double', { shadowSafe: true, ...options })]]),
    areRecorded: async (ids) => ids.map((id) => outcomes.has(id)),
    readOutcomes: async (ids) => ids.map((id) => outcomes.get(id) ?? null),
    patienceMs: () => patienceMs,
    startedAt: async (ids) => ids.map((id) => started.get(id) ?? null),
    endCopies: async (late) => {
      ended.push(...late.map(({ copy }) => copy));
    },
    log,
  });

function addPair(n: number, stable: unknown, canary: unknown, deadline = NOW + 1): void {
  const [primary, copy] = [`task-${n}-a`, `task-${n}-b`];
  pairs.waiting.push({
    task: 'double',
    kind: 'shadow',
    primary,
    copy,
    madeAt: NOW - 1,
    deadline,
    replay: null,
  });
  const add = (id: string, backend: Outcome['backend'], value: unknown) => {
    if (value === undefined) return;
    outcomes.set(id, { ...RECORDED, id, backend, value });
  };
  add(primary, 'stable', stable);
  add(copy, 'canary', canary);
}

describe('Comparer', () => {
  it('settles what is complete, puts off what is not, and ends copies at their deadline', async () => {
    addPair(1, { a: 1 }, { a: 1 });
    addPair(2, { a: 1 }, { a: 2 });
    addPair(3, { a: 1 }, undefined, NOW + 60_000);
    addPair(4, { a: 1 }, undefined, NOW);
    started.set('task-4-b', NOW - 100);
    expect(await comparerWith({}).pass()).toBe(4);
    expect(pairs.settled).toMatchObject([
      { verdict: 'matched', cell: { counts: { compared: 1, matched: 1 } }, mismatch: null },
      {
        verdict: 'mismatched',
        cell: { counts: { compared: 1, value: 1 }, paths: { '/a': 1 } },
        mismatch: { kind: 'value' },
      },
      {
        verdict: 'mismatched',
        cell: { counts: { compared: 1, 'canary-missing': 1 } },
        mismatch: { stable: null },
      },
    ]);
    expect(pairs.putOffs).toEqual([NOW + 500]);
    expect(ended).toEqual(['task-4-b']);
  });

  it('blames nobody for a copy that never had its turn, and somebody for a task that had none', async () => {
    addPair(1, { a: 1 }, undefined, NOW);
    addPair(2, undefined, { a: 1 }, NOW);
    await comparerWith({}).pass();
    expect(pairs.settled).toMatchObject([
      { verdict: 'dropped', cell: { counts: { dropped: 1 } }, mismatch: null },
      { verdict: 'mismatched', cell: { counts: { compared: 1, 'stable-missing': 1 } } },
    ]);
    expect(ended).toEqual(['task-1-b', 'task-2-b']);
  });

  it('blames nobody for a task that waits on canary, but for one that has begun and does not end', async () => {
    for (const n of [1, 2]) {
      addPair(n, undefined, undefined, NOW);
      const pair = pairs.waiting[n - 1] as Pair;
      outcomes.set(pair.copy, { ...RECORDED, id: pair.copy, backend: 'stable' });
    }
    started.set('task-2-a', NOW - 100);
    await comparerWith({}).pass();
    expect(pairs.settled).toMatchObject([
      { verdict: 'dropped', mismatch: null },
      { verdict: 'mismatched', cell: { counts: { compared: 1, 'canary-missing': 1 } } },
    ]);
  });

  it('looks again soon at a run that began late', async () => {
    addPair(1, { a: 1 }, undefined, NOW);
    started.set('task-1-b', NOW - 1);
    await comparerWith({}, 900_000).pass();
    expect(pairs.putOffs).toEqual([NOW + 500]);
  });

  it('gives a copy that began late as long as any other', async () => {
    addPair(1, { a: 1 }, undefined, NOW);
    started.set('task-1-b', NOW - 30);
    await comparerWith({}).pass();
    expect([pairs.settled, pairs.putOffs, ended]).toEqual([[], [NOW + 70], []]);
  });

  it('says once that an ignore pointer matches nothing, and not of one that sometimes does', async () => {
    const comparer = comparerWith({ ignore: ['/processdAt', '/optional', '/at'] });
    for (let n = 0; n < 25; n++) addPair(n, { at: n, ...(n === 3 ? { optional: 1 } : {}) }, { at: 0 });
    await comparer.pass();
    expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { task: 'double', pointer: '/processdAt' } },
    ]);
  });

  it('goes on after a comparison of the task that throws or never ends', async () => {
    const compare = (stable: unknown): boolean => {
      if ((stable as { n: number }).n === 1) throw new Error('SECRET');
      while ((stable as { n: number }).n === 2);
      return true;
    };
    for (const n of [1, 2, 3]) addPair(n, { n }, { n });
    await comparerWith({ compare }).pass();
    expect(pairs.settled.map(({ cell }) => cell.counts)).toEqual([
      { compared: 1, comparator: 1 },
      { compared: 1, comparator: 1 },
      { compared: 1, matched: 1 },
    ]);
    expect(JSON.stringify(pairs.settled)).not.toContain('SECRET');
  });

  it('does not call what never ends again and again: other tasks wait behind it', async () => {
    let calls = 0;
    const compare = (): boolean => {
      calls += 1;
      for (;;);
    };
    for (let n = 0; n < 10; n++) addPair(n, { n }, { n });
    await comparerWith({ compare }).pass();
    expect(calls).toBe(3);
    expect(pairs.settled.map(({ mismatch }) => mismatch?.kind)).toEqual(Array(10).fill('comparator'));
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('gives up on a task whose comparisons are slow in a row, whatever comes of them', async () => {
    const slow = (from: number) => Array.from({ length: 4000 }, (_, n) => from + n / 100);
    const asked: unknown[] = [];
    const clean = (value: unknown) => {
      asked.push(value);
      return value === 'quick' ? value : slow(Number(value));
    };
    // Each number is near half of the others, and some have no partner: to find that out takes far longer than there is.
    const comparer = comparerWith({ clean, unordered: [''], tolerance: { absolute: 20 } });
    for (const [n, value] of [0, 0, 'quick', 0, 0, 0, 0, 'quick'].entries()) {
      addPair(n, value, value === 0 ? 25 : value);
    }
    await comparer.pass();
    expect(asked.filter((value) => value === 0)).toHaveLength(5);
    const kinds = pairs.settled.map(({ mismatch }) => mismatch?.kind ?? 'match');
    const given = 'comparator';
    expect(kinds).toEqual([given, given, 'match', given, given, given, given, given]);
    expect(log.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { task: 'double' } },
    ]);
  });
});
