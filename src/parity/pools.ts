import type {
  Arm,
  Buckets,
  PairCell,
  RunCell,
  RunCounts,
  TimelineEntry,
  Timing,
} from '../domain/aggregates.ts';
import type { Mismatch } from '../domain/parity.ts';
import type { BackendName } from '../domain/task.ts';
import { mergeBuckets } from './statistics/buckets.ts';

/** Everything that was counted of one task, or of all of them. */
export interface Counted {
  readonly runs: readonly RunCell[];
  readonly pairs: readonly PairCell[];
  readonly mismatches: readonly Mismatch[];
  readonly timeline: readonly TimelineEntry[];
}

/**
 * What the two backends are held against each other by. A shadow is a random sample of the other backend's assigned
 * submissions, so it is as good as one of them. Replays and control copies are no such sample.
 */
export const COMPARED_ARMS: readonly Arm[] = ['assigned', 'shadow'];
/** Came to their backend for a reason, so they may be unlike the others. */
export const APART_ARMS: readonly Arm[] = ['forced', 'moved'];

/** The cells of each task, in the order of their names. */
export function byTask(all: Counted): ReadonlyMap<string, Counted> {
  const names = new Set([...all.runs, ...all.pairs].map(({ task }) => task));
  const of = <T extends { readonly task: string }>(cells: readonly T[]) => {
    const sorted = new Map<string, T[]>([...names].map((task) => [task, []]));
    for (const one of cells) sorted.get(one.task)?.push(one);
    return (task: string): readonly T[] => sorted.get(task) ?? [];
  };
  const [runs, pairs, mismatches] = [of(all.runs), of(all.pairs), of(all.mismatches)];
  const timeline = of(all.timeline);
  return new Map(
    [...names]
      .sort()
      .map((task) => [
        task,
        { runs: runs(task), pairs: pairs(task), mismatches: mismatches(task), timeline: timeline(task) },
      ]),
  );
}

const COUNTERS = [
  'submitted',
  'randomised',
  'expectedCanary',
  'variance',
  'succeeded',
  'failed',
  'retried',
  'overdue',
] as const satisfies readonly (keyof RunCounts)[];

/** Adds up the counts of some cells. */
export function sumCounts(cells: readonly RunCell[]): RunCounts {
  const sum = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<keyof RunCounts, number>;
  for (const { counts } of cells) for (const name of COUNTERS) sum[name] += counts[name];
  return sum;
}

/** The cells of one backend that came there in one of these ways. */
export function cellsOf(runs: readonly RunCell[], backend: BackendName, arms: readonly Arm[]): RunCell[] {
  return runs.filter((cell) => cell.backend === backend && arms.includes(cell.arm));
}

/** What is compared of one backend's times. */
export function comparedBuckets(runs: readonly RunCell[], backend: BackendName, timing: Timing): Buckets {
  return mergeBuckets(cellsOf(runs, backend, COMPARED_ARMS).map(({ timings }) => timings[timing]));
}

/** Whether canary had anything of a task that is held against stable: what ratio or flag sent, or copies of it. */
export function isCompared({ runs, pairs }: Counted): boolean {
  const compared = cellsOf(runs, 'canary', COMPARED_ARMS);
  return hasCanary({ runs: compared, pairs: pairs.filter(({ kind }) => kind === 'shadow') });
}

/** Whether canary had anything to do with a task at all, in whatever way. */
export function hasCanary({ runs, pairs }: Pick<Counted, 'runs' | 'pairs'>): boolean {
  return (
    pairs.some(({ kind }) => kind !== 'control') ||
    runs.some(
      ({ backend, counts }) =>
        backend === 'canary' && counts.submitted + counts.succeeded + counts.failed + counts.retried > 0,
    )
  );
}
