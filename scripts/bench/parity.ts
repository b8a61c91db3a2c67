import { openBenchRedis } from './bench-redis.ts';
import { type BenchChild, startChild, type Timing } from './child-process.ts';
import { type Figure, measureOf, median, spreadOf } from './figures.ts';
import type { SideSpec } from './job.ts';
import type { BenchPlan } from './rounds.ts';

const RATES = [0, 0.01, 0.1, 1] as const;
type Rate = (typeof RATES)[number];
const IN_FLIGHT = 200;
/** What the median of a submission at a sampling of 10 % may be of that without any. */
const TARGETS: Readonly<Partial<Record<Rate, number>>> = { 0.1: 1.05 };

/** One round of one rate. */
interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** What sampling costs whoever submits: a process for each rate, in turn, copies being made beside. */
export async function benchParity(plan: BenchPlan): Promise<{ redis: string; figures: Figure[] }> {
  const redis = await openBenchRedis();
  const children = new Map<Rate, BenchChild>(RATES.map((rate) => [rate, startChild('parity-child')]));
  try {
    for (const [sampleRate, child] of children) {
      const run = `${redis.run}-${sampleRate * 100}`;
      const spec: SideSpec = { library: 'ours', backend: 'stable', redisUrl: redis.url, run, sampleRate };
      await child.ask('open', spec);
    }
    const one = plan.isQuick ? 50 : 3000;
    const many = plan.isQuick ? 400 : 10_000;
    const rounds: ReadonlyMap<Rate, Round>[] = [];
    for (let round = 0; round <= plan.rounds; round++) {
      plan.say(round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`);
      const taken = new Map<Rate, Round>();
      const order = round % 2 === 0 ? RATES : RATES.toReversed();
      for (const rate of order) {
        const child = children.get(rate) as BenchChild;
        const micros = (await child.ask<number[]>('time', one)).sort((a, b) => a - b);
        const { elapsedMs } = await child.ask<Timing>('submit', { count: many, inFlight: IN_FLIGHT });
        const at = (share: number) => micros[Math.floor(share * (micros.length - 1))] ?? Number.NaN;
        taken.set(rate, { p50: at(0.5), p99: at(0.99), perSecond: (many / elapsedMs) * 1000 });
        await redis.clear();
      }
      if (round > 0) rounds.push(taken);
    }
    return { redis: redis.version, figures: RATES.flatMap((rate) => figuresOf(rate, rounds)) };
  } finally {
    await Promise.all([...children.values()].map((child) => child.end()));
    await redis.close();
  }
}

function figuresOf(rate: Rate, rounds: readonly ReadonlyMap<Rate, Round>[]): Figure[] {
  const percent = `${rate * 100} %`;
  const id = `parity-${rate * 100}`;
  const of = (pick: (round: Round) => number) => rounds.map((taken) => pick(taken.get(rate) as Round));
  // Within a round, so that a slow spell of the machine meets both.
  const against = (pick: (round: Round) => number) =>
    rounds.map((taken) => pick(taken.get(rate) as Round) / pick(taken.get(0) as Round));
  const detail = {
    p50Micros: median(of(({ p50 }) => p50)),
    p99Micros: median(of(({ p99 }) => p99)),
    perSecond: median(of(({ perSecond }) => perSecond)),
  };
  const micros = spreadOf(of(({ p50 }) => p50));
  const title = `submit with ${percent} copied, one after the other, p50`;
  const figures = [measureOf({ id, title, unit: 'µs', target: null }, micros, detail)];
  if (rate === 0) return figures;
  const heading = { unit: 'x', target: TARGETS[rate] ?? null };
  return [
    ...figures,
    measureOf(
      { ...heading, id: `${id}-p50`, title: `the same, p50 as a multiple of that without copies` },
      spreadOf(against(({ p50 }) => p50)),
    ),
    measureOf(
      { ...heading, target: null, id: `${id}-p99`, title: 'the same, p99' },
      spreadOf(against(({ p99 }) => p99)),
    ),
    measureOf(
      { ...heading, target: null, id: `${id}-many`, title: `time of submissions, ${IN_FLIGHT} at once` },
      spreadOf(against(({ perSecond }) => 1 / perSecond)),
    ),
  ];
}
