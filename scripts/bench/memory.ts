import { openBenchRedis } from './bench-redis.ts';
import { startChild } from './child-process.ts';
import { type Figure, measureOf } from './figures.ts';
import type { SideSpec } from './job.ts';
import type { BenchPlan } from './rounds.ts';

const STEPS = 5;
const STEP = 100_000;
const IN_FLIGHT = 200;
const MIB = 1024 * 1024;
/** Growth of the heap from the first step to the last that still counts as flat: ten bytes a submission. */
const FLAT_MIB = 4;

interface MemoryReading {
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
}

/** What half a million submissions leave behind in the producer, half of them to either backend. */
export async function benchMemory(plan: BenchPlan): Promise<{ redis: string; figures: Figure[] }> {
  const redis = await openBenchRedis();
  const child = startChild('submit-child');
  try {
    const { url: redisUrl, run } = redis;
    const spec: SideSpec = { library: 'ours', backend: 'stable', redisUrl, run, celeryRatio: 0.5 };
    await child.ask('open', spec);
    const steps: { submissions: number; heapMiB: number; rssMiB: number }[] = [];
    for (let step = 1; step <= STEPS; step++) {
      plan.say(`memory of the producer: ${step * STEP} submissions`);
      await child.ask('submit', { count: STEP, inFlight: IN_FLIGHT });
      await redis.clear();
      const { heapUsed, external, rss } = await child.ask<MemoryReading>('memory');
      steps.push({
        submissions: step * STEP,
        heapMiB: (heapUsed + external) / MIB,
        rssMiB: rss / MIB,
      });
    }
    const first = steps[0]?.heapMiB ?? 0;
    const growth = steps.map(({ heapMiB }) => heapMiB - first);
    const title = `heap of the producer after gc, growth from ${STEP} to ${STEPS * STEP} submissions`;
    const spread = { median: growth.at(-1) ?? 0, min: Math.min(...growth), max: Math.max(...growth) };
    const heading = { id: 'submit-memory', title, unit: 'MiB', target: FLAT_MIB };
    return { redis: redis.version, figures: [measureOf(heading, spread, { steps })] };
  } finally {
    await child.end();
    await redis.close();
  }
}
