import { type BenchRedis, openBenchRedis } from './bench-redis.ts';
import { type BenchChild, startChild, type Timing } from './child-process.ts';
import type { Figure } from './figures.ts';
import { type Backend, type Library, payloadOf, type SideSpec } from './job.ts';
import { openProducer, type Producer, submitInWaves } from './producers.ts';
import { alternate, type BenchPlan } from './rounds.ts';

const CONCURRENCY = 50;
const TARGETS: Readonly<Record<Backend, number>> = { stable: 0.9, canary: 0.75 };
const PLAIN: Readonly<Record<Backend, string>> = { stable: 'bee-queue worker', canary: 'BullMQ worker' };

/** Processing against the plain libraries' own workers: a handler that does nothing, no stored result. */
export async function benchProcess(plan: BenchPlan): Promise<{ redis: string; figures: Figure[] }> {
  const redis = await openBenchRedis();
  try {
    const figures: Figure[] = [];
    for (const backend of ['stable', 'canary'] as const) figures.push(await against(backend, plan, redis));
    return { redis: redis.version, figures };
  } finally {
    await redis.close();
  }
}

async function against(backend: Backend, plan: BenchPlan, redis: BenchRedis): Promise<Figure> {
  const specOf = (library: Library): SideSpec => ({ library, backend, redisUrl: redis.url, run: redis.run });
  const count = plan.isQuick ? 400 : 10_000;
  const payloads = Array.from({ length: 200 }, (_, n) => payloadOf(n));
  const workers: Record<Library, BenchChild> = {
    ours: startChild('process-child'),
    plain: startChild('process-child'),
  };
  const producers: Partial<Record<Library, Producer>> = {};
  try {
    for (const library of ['ours', 'plain'] as const)
      producers[library] = await openProducer(specOf(library));
    const heading = {
      id: `process-${backend}`,
      title: `process on ${backend}, ${CONCURRENCY} at once, against a plain ${PLAIN[backend]}`,
      target: TARGETS[backend],
    };
    const fill = (library: Library) =>
      submitInWaves(producers[library] as Producer, payloads, count, payloads.length);
    return await alternate(
      heading,
      plan,
      redis,
      count,
      (library) =>
        workers[library].ask<Timing>('work', { spec: specOf(library), count, concurrency: CONCURRENCY }),
      fill,
    );
  } finally {
    await Promise.all([workers.ours.end(), workers.plain.end()]);
    await producers.ours?.close();
    await producers.plain?.close();
  }
}
