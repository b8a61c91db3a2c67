import type { Mismatch } from '../index.ts';
import { visible } from '../manager/comparison-report.ts';
import { colors } from './output.ts';
import { time } from './words.ts';

const WHAT: Readonly<Record<Mismatch['kind'], string>> = {
  value: 'results differ',
  type: 'results of different types',
  outcome: 'one succeeded, one failed',
  error: 'failed in different ways',
  'stable-missing': 'no outcome on stable',
  'canary-missing': 'no outcome on canary',
  comparator: "the task's own comparison failed",
};

/** Kept mismatches, one after the other, each with the fields that differ. */
export function mismatchesText(mismatches: readonly Mismatch[]): string {
  return mismatches.map(mismatchText).join('\n\n');
}

function mismatchText(mismatch: Mismatch): string {
  const { at, task, pair, kind, primary, copy, note, differences } = mismatch;
  const lines = [
    `${colors.bold(task)}  ${WHAT[kind]}  ${colors.dim(`${time(at)} UTC, ${pair}, ${primary} and its copy ${copy}`)}`,
  ];
  if (note !== null) lines.push(`  ${visible(note)}`);
  const [here, there] = pair === 'control' ? ['first', 'second'] : ['stable', 'canary'];
  for (const { path, change, stable, canary } of differences) {
    const place = path === '' ? '(the whole result)' : visible(path);
    if (change === 'added') lines.push(`  ${place}: only on ${there}: ${visible(canary ?? '')}`);
    else if (change === 'removed') lines.push(`  ${place}: only on ${here}: ${visible(stable ?? '')}`);
    else lines.push(`  ${place}: ${visible(stable ?? '')} -> ${visible(canary ?? '')}`);
  }
  return lines.join('\n');
}
