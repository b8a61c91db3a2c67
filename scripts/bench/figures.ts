/** What one timed run of one side cost. */
export interface Sample {
  readonly tasks: number;
  readonly elapsedMs: number;
  /** CPU time of the side's own process, in microseconds. */
  readonly cpuMicros: number;
  /** CPU time of Redis, in microseconds. */
  readonly redisMicros: number;
  /** Calls by command name as Redis counted them, those inside scripts included. */
  readonly commands: Readonly<Record<string, number>>;
}

/** One side of a comparison. */
export interface SideFigures {
  /** Median of the rounds. */
  readonly tasksPerSecond: number;
  /** Tasks per second of every round, in order. */
  readonly rounds: readonly number[];
  /** Per task, the least of the rounds: what else the machine does can only raise it. */
  readonly cpuMicros: number;
  readonly redisMicros: number;
  /** Calls per task, median of the rounds. */
  readonly commands: Readonly<Record<string, number>>;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** This project against the plain library. `ratio` is ours / plain of the two runs of one round. */
export interface Comparison {
  readonly kind: 'comparison';
  readonly id: string;
  readonly title: string;
  readonly ours: SideFigures;
  readonly plain: SideFigures;
  readonly ratio: Spread;
  /**
   * The same by CPU time of the side's own process, plain / ours: above 1 ours needs less. On a machine that others
   * use it says more than wall time, but knows nothing of waiting.
   */
  readonly cpuRatio: number;
  /** The ratio to reach; null: for information. */
  readonly target: number | null;
  readonly isReached: boolean | null;
}

/** A figure with no plain counterpart. Less is better. */
export interface Measure {
  readonly kind: 'measure';
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** The most that `value` should be, in the same unit; null: for information. */
  readonly target: number | null;
  readonly isReached: boolean | null;
  /** What the value was made from, for whoever wants to look closer. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

export type Figure = Comparison | Measure;

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Of an even number of values the mean of the middle two. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** @param pairs the two sides' runs of each round */
export function comparisonOf(
  heading: { readonly id: string; readonly title: string; readonly target: number | null },
  pairs: readonly { readonly ours: Sample; readonly plain: Sample }[],
): Comparison {
  const ratio = spreadOf(pairs.map(({ ours, plain }) => speedOf(ours) / speedOf(plain)));
  const ours = sideOf(pairs.map((pair) => pair.ours));
  const plain = sideOf(pairs.map((pair) => pair.plain));
  return {
    kind: 'comparison',
    ...heading,
    ours,
    plain,
    ratio,
    cpuRatio: plain.cpuMicros / ours.cpuMicros,
    isReached: heading.target === null ? null : ratio.median >= heading.target,
  };
}

export function measureOf(
  heading: {
    readonly id: string;
    readonly title: string;
    readonly unit: string;
    readonly target: number | null;
  },
  spread: Spread,
  detail?: Readonly<Record<string, unknown>>,
): Measure {
  const { median: value, min, max } = spread;
  const isReached = heading.target === null ? null : value <= heading.target;
  return { kind: 'measure', ...heading, value, min, max, isReached, ...(detail ? { detail } : {}) };
}

const speedOf = (sample: Sample): number => (sample.tasks / sample.elapsedMs) * 1000;

function sideOf(samples: readonly Sample[]): SideFigures {
  const rounds = samples.map(speedOf);
  const perTask = (pick: (sample: Sample) => number) => samples.map((sample) => pick(sample) / sample.tasks);
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample.commands)))].sort();
  const commands = names
    .map((name) => [name, median(perTask((sample) => sample.commands[name] ?? 0))] as const)
    // What happens once per run is no cost of a task.
    .filter(([, calls]) => calls >= 0.005);
  return {
    tasksPerSecond: median(rounds),
    rounds,
    cpuMicros: Math.min(...perTask((sample) => sample.cpuMicros)),
    redisMicros: Math.min(...perTask((sample) => sample.redisMicros)),
    commands: Object.fromEntries(commands),
  };
}
