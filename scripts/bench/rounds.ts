import type { BenchRedis } from './bench-redis.ts';
import type { Timing } from './child-process.ts';
import { type Comparison, comparisonOf, type Sample } from './figures.ts';
import type { Library } from './job.ts';

/** How a benchmark is run, from the command line. */
export interface BenchPlan {
  /** Rounds that count; one more runs before them, to warm up. */
  readonly rounds: number;
  /** A short run that only shows that the benchmark works. */
  readonly isQuick: boolean;
  /** A size more, where a benchmark has sizes. */
  readonly isLarge: boolean;
  /** Told what is being done, for whoever waits. */
  readonly say: (what: string) => void;
}

/**
 * Runs both sides in turn, ours first in every other round, so that a slow spell of the machine meets both.
 *
 * @param run one timed run of one side
 * @param prepare what a run needs and is not timed
 */
export async function alternate(
  heading: { readonly id: string; readonly title: string; readonly target: number | null },
  plan: BenchPlan,
  redis: BenchRedis,
  tasks: number,
  run: (library: Library) => Promise<Timing>,
  prepare: (library: Library) => Promise<void> = async () => {},
): Promise<Comparison> {
  const sample = async (library: Library): Promise<Sample> => {
    await prepare(library);
    const { value, cost } = await redis.costOf(() => run(library));
    await redis.clear();
    return { tasks, ...value, ...cost };
  };
  const pairs: { ours: Sample; plain: Sample }[] = [];
  for (let round = 0; round <= plan.rounds; round++) {
    plan.say(`${heading.title}: ${round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`}`);
    const order: readonly Library[] = round % 2 === 0 ? ['ours', 'plain'] : ['plain', 'ours'];
    const taken: Partial<Record<Library, Sample>> = {};
    for (const library of order) taken[library] = await sample(library);
    const { ours, plain } = taken;
    if (round > 0 && ours && plain) pairs.push({ ours, plain });
  }
  return comparisonOf(heading, pairs);
}
