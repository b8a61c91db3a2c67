import type { PairCell } from '../domain/aggregates.ts';
import type { Mismatch, MismatchKind } from '../domain/parity.ts';
import type { ParityPart, PathCount } from '../domain/report.ts';
import { KIND_WORDS } from '../domain/wording.ts';
import type { Counted } from './pools.ts';
import { FEWEST_EVENTS } from './rule.ts';
import { clopperPearson, newcombe, type Share } from './statistics/proportions.ts';

const MOST_PATHS = 10;

/** The place that has no path. */
export const WHOLE_RESULT = 'the whole result';

/**
 * Mismatches that say nothing about canary. Without stable's outcome there is nothing that canary's could be held against,
 * and where the task's own comparison failed nobody knows whether the two differ.
 */
export const UNJUDGED: readonly MismatchKind[] = ['stable-missing', 'comparator'];

type Kinds = Partial<Record<MismatchKind, number>>;

interface PairSum {
  readonly matched: number;
  readonly mismatched: number;
  readonly unjudged: number;
  readonly dropped: number;
  readonly kinds: Kinds;
}

export function parityOf({ pairs, mismatches }: Counted): ParityPart {
  const cells = pairs.filter(({ kind }) => kind !== 'control');
  const ab = sumOf(cells);
  const control = pairs.filter(({ kind }) => kind === 'control');
  const aa = sumOf(control);
  const rate = clopperPearson(shareOf(ab));
  const noise = clopperPearson(shareOf(aa));
  return {
    pairs: ab.matched + ab.mismatched,
    matched: ab.matched,
    mismatched: ab.mismatched,
    unjudged: ab.unjudged,
    kinds: ab.kinds,
    rate,
    noise: { pairs: aa.matched + aa.mismatched, mismatched: aa.mismatched, rate: noise },
    beyondNoise: noise ? newcombe(shareOf(ab), shareOf(aa)) : rate,
    worst: worstOf(cells, control, ab, aa),
    dropped: ab.dropped,
    paths: pathsOf(cells, mismatches),
  };
}

function shareOf({ matched, mismatched }: PairSum): Share {
  return { events: mismatched, trials: matched + mismatched };
}

function sumOf(cells: readonly PairCell[]): PairSum {
  const kinds: Kinds = {};
  let [matched, mismatched, unjudged, dropped] = [0, 0, 0, 0];
  for (const cell of cells) {
    matched += cell.matched;
    dropped += cell.dropped;
    for (const [kind, count] of Object.entries(cell.mismatched) as [MismatchKind, number][]) {
      if (count === 0) continue;
      kinds[kind] = (kinds[kind] ?? 0) + count;
      if (UNJUDGED.includes(kind)) unjudged += count;
      else mismatched += count;
    }
  }
  return { matched, mismatched, unjudged, dropped, kinds };
}

/** Each place and each kind against its own noise. Of a few pairs nothing is told, so they hide nothing either. */
function worstOf(
  cells: readonly PairCell[],
  control: readonly PairCell[],
  ab: PairSum,
  aa: PairSum,
): ParityPart['worst'] {
  const trials = { ab: ab.matched + ab.mismatched, aa: aa.matched + aa.mismatched };
  const noise = aspectsOf(control, aa.kinds);
  let worst: ParityPart['worst'] = null;
  for (const [what, pairs] of aspectsOf(cells, ab.kinds)) {
    if (pairs < FEWEST_EVENTS) continue;
    const controlPairs = noise.get(what) ?? 0;
    const share = { events: pairs, trials: trials.ab };
    const beyondNoise =
      trials.aa > 0 ? newcombe(share, { events: controlPairs, trials: trials.aa }) : clopperPearson(share);
    if (beyondNoise && beyondNoise.low > (worst?.beyondNoise.low ?? Number.NEGATIVE_INFINITY))
      worst = { what, pairs, controlPairs, beyondNoise };
  }
  return worst;
}

/** Pairs by what differs: a place, or a kind that is not about places. */
function aspectsOf(cells: readonly PairCell[], kinds: Kinds): Map<string, number> {
  const aspects = new Map<string, number>();
  for (const [kind, count] of Object.entries(kinds) as [MismatchKind, number][]) {
    if (kind !== 'value' && !UNJUDGED.includes(kind)) aspects.set(KIND_WORDS[kind], count);
  }
  for (const { paths } of cells) {
    for (const [path, pairs] of Object.entries(paths)) {
      const place = path === '' ? WHOLE_RESULT : path;
      aspects.set(place, (aspects.get(place) ?? 0) + pairs);
    }
  }
  return aspects;
}

function pathsOf(cells: readonly PairCell[], mismatches: readonly Mismatch[]): readonly PathCount[] {
  const sums = new Map<string, number>();
  for (const { paths } of cells) {
    for (const [path, pairs] of Object.entries(paths)) sums.set(path, (sums.get(path) ?? 0) + pairs);
  }
  const newestFirst = mismatches.filter(({ pair }) => pair !== 'control').sort((a, b) => b.at - a.at);
  return [...sums]
    .sort(([pathA, a], [pathB, b]) => b - a || (pathA < pathB ? -1 : 1))
    .slice(0, MOST_PATHS)
    .map(([path, pairs]) => ({ path, pairs, example: exampleOf(path, newestFirst) }));
}

function exampleOf(path: string, newestFirst: readonly Mismatch[]): PathCount['example'] {
  for (const { differences } of newestFirst) {
    const found = differences.find((difference) => isAt(path, difference.path));
    if (found) return { stable: found.stable, canary: found.canary };
  }
  return null;
}

/** Whether a JSON pointer is one of those that a counted path stands for: there `*` is any array position. */
function isAt(path: string, pointer: string): boolean {
  const steps = path.split('/');
  const given = pointer.split('/');
  return (
    steps.length === given.length &&
    steps.every((step, i) => step === given[i] || (step === '*' && /^\d+$/.test(given[i] ?? '')))
  );
}
