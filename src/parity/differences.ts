import diff from 'microdiff';
import { pointerTo } from '../domain/json-pointer.ts';
import type { Difference } from '../domain/parity.ts';
import type { PreparedPair } from './pair-preparation.ts';
import { cutText, valueText } from './redaction.ts';

/** How many differences, and how many distinct paths, one pair keeps. */
export const MOST_DIFFERENCES = 20;

export interface Differences {
  /** The first of them, in the order of their paths. */
  readonly kept: readonly Difference[];
  /** Distinct paths with array positions as `*`, in the same order. */
  readonly paths: readonly string[];
}

type Steps = readonly (string | number)[];

/** Where the two sides of a prepared pair differ; undefined: that side has no result. */
export function findDifferences({ first, second }: Pick<PreparedPair, 'first' | 'second'>): Differences {
  // In a box, because the whole result may be a plain value, and may be absent. JSON has no cycles to look for.
  const boxed = (value: unknown) => (value === undefined ? {} : { result: value });
  const found = diff(boxed(first), boxed(second), { cyclesFix: false });
  const ordered = found.length > 1 ? found.sort((a, b) => bySteps(a.path, b.path)) : found;
  const paths = new Set<string>();
  for (const { path } of ordered) {
    if (paths.size === MOST_DIFFERENCES) break;
    paths.add(cutText(pointerTo(path.slice(1).map((step) => (typeof step === 'number' ? '*' : step)))));
  }
  const kept = ordered.slice(0, MOST_DIFFERENCES).map((one): Difference => {
    const path = cutText(pointerTo(one.path.slice(1)));
    if (one.type === 'CREATE') return { path, change: 'added', stable: null, canary: valueText(one.value) };
    const stable = valueText(one.oldValue);
    return one.type === 'REMOVE'
      ? { path, change: 'removed', stable, canary: null }
      : { path, change: 'changed', stable, canary: valueText(one.value) };
  });
  return { kept, paths: [...paths] };
}

/** Positions by number, keys by their code units. */
function bySteps(a: Steps, b: Steps): number {
  for (const [i, step] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    if (step === other) continue;
    if (typeof step === 'number' && typeof other === 'number') return step - other;
    return String(step) < String(other) ? -1 : 1;
  }
  return a.length - b.length;
}
