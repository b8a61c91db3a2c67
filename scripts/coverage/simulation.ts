import type { Aggregates, Arm, Buckets, PairCell, RunCell, RunCounts } from '../../src/domain/aggregates.ts';
import type { BackendName } from '../../src/domain/task.ts';
import { bucketsOf, latencyOf, SHAPES, type Shape } from './latencies.ts';
import { binomial, logUniform, type Random, randomOf } from './random.ts';

/** What one simulated report was made of: the same for both backends. */
export interface Truth {
  readonly shape: Shape;
  readonly errorRate: number;
  readonly mismatchRate: number;
  /** One ratio was in force all the time; null: several. */
  readonly ratio: number | null;
  readonly stableTasks: number;
  readonly canaryTasks: number;
  readonly pairs: number;
  readonly controlPairs: number;
}

const TASK = 'simulated';

/** The window of a system whose backends are the same in everything. The same seed gives the same window. */
export function simulate(seed: number): { readonly truth: Truth; readonly aggregates: Aggregates } {
  const random = randomOf(seed);
  const shape = SHAPES[Math.floor(random() * SHAPES.length)] as Shape;
  const errorRate = logUniform(random, 0.001, 0.3);
  const mismatchRate = logUniform(random, 0.001, 0.3);
  const { stable, canary, ratio } = routed(random);
  const pairs = Math.round(logUniform(random, 100, 5_000));
  const controlPairs = Math.round(pairs * (0.1 + 0.4 * random()));
  const latency = latencyOf(shape, random);
  const runs = [stable, canary].map((counts, i) => {
    const failed = binomial(random, counts.submitted, errorRate);
    const finished = { ...counts, failed, succeeded: counts.submitted - failed };
    return runCell(i === 0 ? 'stable' : 'canary', finished, bucketsOf(counts.submitted, latency));
  });
  const cells = [
    pairCell('shadow', pairs, binomial(random, pairs, mismatchRate)),
    pairCell('control', controlPairs, binomial(random, controlPairs, mismatchRate)),
  ];
  return {
    truth: {
      shape,
      errorRate,
      mismatchRate,
      ratio,
      stableTasks: stable.submitted,
      canaryTasks: canary.submitted,
      pairs,
      controlPairs,
    },
    aggregates: { from: 0, to: 3_600_000, newestAt: 3_599_000, runs, pairs: cells, timeline: [] },
  };
}

/** One to three ratios in turn, as in a rollout. */
function routed(random: Random): { stable: RunCounts; canary: RunCounts; ratio: number | null } {
  const steps = 1 + Math.floor(random() * 3);
  const sums = { stable: 0, canary: 0, expected: 0, variance: 0 };
  let ratio = 0;
  for (let i = 0; i < steps; i++) {
    const size = Math.round(logUniform(random, 200, 10_000) / steps);
    ratio = logUniform(random, 0.02, 0.9);
    const canary = binomial(random, size, ratio);
    sums.canary += canary;
    sums.stable += size - canary;
    sums.expected += size * ratio;
    sums.variance += size * ratio * (1 - ratio);
  }
  const total = sums.stable + sums.canary;
  const counts = (submitted: number): RunCounts => ({
    submitted,
    randomised: submitted,
    // Each side has its share of the sums; only the whole is looked at.
    expectedCanary: (sums.expected * submitted) / total,
    variance: (sums.variance * submitted) / total,
    succeeded: 0,
    failed: 0,
    retried: 0,
    overdue: 0,
  });
  return { stable: counts(sums.stable), canary: counts(sums.canary), ratio: steps === 1 ? ratio : null };
}

function runCell(backend: BackendName, counts: RunCounts, run: Buckets): RunCell {
  const arm: Arm = 'assigned';
  return { task: TASK, backend, arm, counts, timings: { wait: new Map(), run, total: new Map() } };
}

function pairCell(kind: PairCell['kind'], compared: number, value: number): PairCell {
  const mismatched = { value };
  return { task: TASK, kind, compared, matched: compared - value, mismatched, dropped: 0, paths: {} };
}
