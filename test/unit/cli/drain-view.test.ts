import { describe, expect, it } from '@jest/globals';
import { drainDetails, drainLine, drainVerdict } from '../../../src/cli/drain-view.ts';
import type { DrainLook, DrainReport } from '../../../src/index.ts';

const NONE = { waiting: 0, active: 0, delayed: 0, succeeded: 0, failed: 0 };

const look = (change: Partial<DrainLook>): DrainLook => ({
  at: 0,
  isEmpty: true,
  queues: { words: NONE, 'words.moved': NONE },
  copies: {},
  openMoved: 0,
  canaryReachable: true,
  unattended: [],
  delayed: [],
  active: [],
  kept: { succeeded: 0, failed: 0 },
  ended: 0,
  ...change,
});
const report = (change: Partial<DrainReport>): DrainReport => ({
  look: look({}),
  problem: null,
  emptyForMs: null,
  verdict: 'timeout',
  quietMs: 1000,
  waitedMs: 2000,
  ...change,
});

describe('copies that are left on stable', () => {
  const copies = { 'words.copies': { ...NONE, waiting: 3, active: 1 } };
  const left = look({ isEmpty: false, copies });

  it('are in the line, and in the verdict as something that may be thrown away', () => {
    expect(drainLine({ look: left, problem: null, emptyForMs: null }, 1000)).toBe(
      'words.copies: 3 waiting, 1 active',
    );
    expect(drainVerdict(report({ look: left }))).toBe(
      'Not drained after 2 s: 4 copies, which may be thrown away.',
    );
    const both = look({ ...left, queues: { words: { ...NONE, waiting: 1 } } });
    expect(drainVerdict(report({ look: both }))).toBe(
      'Not drained after 2 s: 1 waiting, 4 copies, which may be thrown away.',
    );
  });

  it('are told by queue, with what becomes of them', () => {
    expect(drainDetails(left)).toMatch(
      /^In words\.copies: 4 copies, made to compare .* nobody's work: .* may be thrown away .*parity\.deadlineSeconds\.$/,
    );
    expect(drainDetails(look({}))).toBe('');
  });
});

it('a verdict names all that was looked at', () => {
  expect(drainVerdict(report({ verdict: 'drained' }))).toContain(
    'no job of 2 known queues was waiting, active or delayed, no copy of one either, and no moved task was open.',
  );
});
