import { Redis } from 'ioredis';
import { answerParent, startClock, type Timing } from './child-process.ts';
import type { SideSpec } from './job.ts';
import { openWorker, unfinishedKeys } from './workers.ts';

interface Work {
  readonly spec: SideSpec;
  readonly count: number;
  readonly concurrency: number;
}

/**
 * The clock runs from the handler's first call to the moment in which no job is waiting or active any more. Redis is
 * asked for that only from the last call of the handler on, and on both sides alike: the libraries' own words for
 * "done" mean different moments.
 */
async function work({ spec, count, concurrency }: Work): Promise<Timing> {
  const redis = new Redis(spec.redisUrl);
  const keys = unfinishedKeys(spec);
  const hasUnfinished = async (): Promise<boolean> =>
    (await Promise.all(keys.map((key) => redis.llen(key)))).some((length) => length > 0);
  let runs = 0;
  let read: (() => Timing) | undefined;
  let allStarted: () => void = () => {};
  const started = new Promise<void>((resolve) => {
    allStarted = resolve;
  });
  globalThis.gc?.();
  const worker = await openWorker(spec, concurrency, () => {
    runs += 1;
    if (runs === 1) read = startClock();
    if (runs === count) allStarted();
  });
  try {
    await started;
    while (await hasUnfinished());
    if (read === undefined) throw new Error('no job ran');
    return read();
  } finally {
    await worker.close();
    redis.disconnect();
  }
}

answerParent({ work }, async () => {});
