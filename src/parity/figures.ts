import type { Timing } from '../domain/aggregates.ts';
import type { BackendSide, RoutedPart, TaskComparison } from '../domain/report.ts';
import type { BackendName } from '../domain/task.ts';
import { FEWEST_OF_ERRORS, FEWEST_OF_SHARES } from './mixed-times.ts';
import { parityOf } from './parity-part.ts';
import { APART_ARMS, COMPARED_ARMS, type Counted, cellsOf, comparedBuckets, sumCounts } from './pools.ts';
import { type Slice, slicesOf } from './slices.ts';
import { quantilesOf, sizeOf } from './statistics/buckets.ts';
import { compareMedians, type MedianComparison } from './statistics/medians.ts';
import { wilson } from './statistics/proportions.ts';
import { sampleRatioTest } from './statistics/sample-ratio.ts';
import { unfinishedOf } from './unfinished.ts';

/** What a report shows of a task, and what its rules need besides. */
export interface Figures {
  readonly shown: Omit<TaskComparison, 'task' | 'verdict' | 'lines'>;
  /** Of the run times; null: too few. */
  readonly runMedians: MedianComparison | null;
  /** How many runs were timed. */
  readonly timed: Readonly<Record<BackendName, number>>;
  /** The window by time, in slices that hold enough to compare error rates, or canary's share, of one with another. */
  readonly slices: { readonly ofErrors: readonly Slice[]; readonly ofShares: readonly Slice[] };
}

/** @param seed of the bootstrap: the task's name */
export function figuresOf(counted: Counted, seed: string): Figures {
  const { runs, timeline } = counted;
  return {
    ...comparisonOf(counted, seed),
    timed: {
      stable: sizeOf(comparedBuckets(runs, 'stable', 'run')),
      canary: sizeOf(comparedBuckets(runs, 'canary', 'run')),
    },
    slices: {
      ofErrors: slicesOf(timeline, FEWEST_OF_ERRORS),
      ofShares: slicesOf(timeline, FEWEST_OF_SHARES),
    },
  };
}

/** What is shown, without what only rules need. @param seed of the bootstrap */
export function comparisonOf(counted: Counted, seed: string): Pick<Figures, 'shown' | 'runMedians'> {
  const medians = (timing: Timing) =>
    compareMedians(
      comparedBuckets(counted.runs, 'canary', timing),
      comparedBuckets(counted.runs, 'stable', timing),
      `${seed} ${timing}`,
    );
  const runMedians = medians('run');
  return {
    shown: {
      routed: routedOf(counted),
      backends: { stable: sideOf(counted, 'stable'), canary: sideOf(counted, 'canary') },
      medianRatio: {
        wait: medians('wait')?.ratio ?? null,
        run: runMedians?.ratio ?? null,
        total: medians('total')?.ratio ?? null,
      },
      parity: parityOf(counted),
    },
    runMedians,
  };
}

function sideOf({ runs }: Counted, backend: BackendName): BackendSide {
  const compared = sumCounts(cellsOf(runs, backend, COMPARED_ARMS));
  const finished = compared.succeeded + compared.failed;
  const quantiles = (timing: Timing) => quantilesOf(comparedBuckets(runs, backend, timing));
  return {
    assigned: sumCounts(cellsOf(runs, backend, ['assigned'])),
    apart: sumCounts(cellsOf(runs, backend, APART_ARMS)),
    shadow: sumCounts(cellsOf(runs, backend, ['shadow'])),
    unfinished: unfinishedOf(runs, backend),
    finished,
    failed: compared.failed,
    errorRate: wilson({ events: compared.failed, trials: finished }),
    timings: { wait: quantiles('wait'), run: quantiles('run'), total: quantiles('total') },
  };
}

function routedOf({ runs }: Counted): RoutedPart {
  const stable = sumCounts(cellsOf(runs, 'stable', ['assigned']));
  const canary = sumCounts(cellsOf(runs, 'canary', ['assigned']));
  const apart = sumCounts(runs.filter(({ arm }) => APART_ARMS.includes(arm)));
  const assigned = stable.submitted + canary.submitted;
  // All draws, also those that canary then did not take.
  const { randomised: tested, expectedCanary: expected, variance } = sumCounts(runs);
  const drawn = sumCounts(runs.filter(({ backend }) => backend === 'canary')).randomised;
  const test = sampleRatioTest({ tested, observed: drawn, expected, variance });
  return {
    total: assigned + apart.submitted,
    // The binomial interval is Wilson's here, too: it holds its level at the small shares that a rollout begins with.
    canaryShare: wilson({ events: canary.submitted, trials: assigned }),
    targetShare: tested === 0 ? null : expected / tested,
    sampleRatio: test && { tested, drawn, ...test },
  };
}
