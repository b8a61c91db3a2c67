import { type BenchRedis, openBenchRedis } from './bench-redis.ts';
import { type BenchChild, startChild, type Timing } from './child-process.ts';
import type { Figure } from './figures.ts';
import type { Backend, Library, SideSpec } from './job.ts';
import { alternate, type BenchPlan } from './rounds.ts';

const IN_FLIGHT = 200;
/** What our submission has to reach of the plain library's speed. */
const TARGETS: Readonly<Record<Backend, number>> = { stable: 1, canary: 0.85 };
const PLAIN: Readonly<Record<Backend, string>> = {
  stable: 'bee-queue job.save()',
  canary: 'BullMQ queue.add()',
};

/** Submitting against plain `job.save()` and plain `queue.add()`: many at once, and one after the other. */
export async function benchSubmit(plan: BenchPlan): Promise<{ redis: string; figures: Figure[] }> {
  const redis = await openBenchRedis();
  try {
    const figures: Figure[] = [];
    for (const backend of ['stable', 'canary'] as const)
      figures.push(...(await against(backend, plan, redis)));
    return { redis: redis.version, figures };
  } finally {
    await redis.close();
  }
}

async function against(backend: Backend, plan: BenchPlan, redis: BenchRedis): Promise<Figure[]> {
  const sides: Record<Library, BenchChild> = {
    ours: startChild('submit-child'),
    plain: startChild('submit-child'),
  };
  try {
    for (const library of ['ours', 'plain'] as const) {
      const spec: SideSpec = { library, backend, redisUrl: redis.url, run: redis.run };
      await sides[library].ask('open', spec);
    }
    const measure = (id: string, title: string, target: number | null, count: number, inFlight: number) =>
      alternate({ id, title, target }, plan, redis, count, (library) =>
        sides[library].ask<Timing>('submit', { count, inFlight }),
      );
    const many = plan.isQuick ? 400 : 20_000;
    const few = plan.isQuick ? 50 : 3000;
    return [
      await measure(
        `submit-${backend}`,
        `submit to ${backend}, ${IN_FLIGHT} at once, against ${PLAIN[backend]}`,
        TARGETS[backend],
        many,
        IN_FLIGHT,
      ),
      await measure(
        `submit-${backend}-sequential`,
        `submit to ${backend}, one after the other`,
        null,
        few,
        1,
      ),
    ];
  } finally {
    await Promise.all([sides.ours.end(), sides.plain.end()]);
  }
}
