import BeeQueue from 'bee-queue';
import { Worker } from 'bullmq';
import { HybridWorker } from '../../src/index.ts';
import { benchTask, oursConfig, prefixOf, QUEUE, type SideSpec } from './job.ts';

export interface OpenWorker {
  close(): Promise<unknown>;
}

/** Opens a worker whose handler does nothing but call `onRun`. */
export function openWorker(spec: SideSpec, concurrency: number, onRun: () => void): Promise<OpenWorker> {
  if (spec.library === 'ours') return openOurs(spec, concurrency, onRun);
  return spec.backend === 'stable'
    ? openBeeQueue(spec, concurrency, onRun)
    : openBullmq(spec, concurrency, onRun);
}

async function openOurs(spec: SideSpec, concurrency: number, onRun: () => void): Promise<OpenWorker> {
  const worker = await HybridWorker.open({
    config: oursConfig(spec),
    tasks: [benchTask(onRun)],
    backends: [spec.backend],
    concurrency,
  });
  return { close: () => worker.stop() };
}

/** The settings are those of our own consumer. */
async function openBeeQueue(spec: SideSpec, concurrency: number, onRun: () => void): Promise<OpenWorker> {
  const queue = new BeeQueue(QUEUE, {
    prefix: prefixOf(spec),
    redis: { url: spec.redisUrl },
    getEvents: false,
    storeJobs: false,
    sendEvents: true,
    activateDelayedJobs: true,
    stallInterval: 30_000,
    removeOnSuccess: true,
    removeOnFailure: false,
  });
  await queue.ready();
  queue.process(concurrency, async () => onRun());
  return { close: () => queue.close() };
}

async function openBullmq(spec: SideSpec, concurrency: number, onRun: () => void): Promise<OpenWorker> {
  const worker = new Worker(QUEUE, async () => onRun(), {
    connection: { url: spec.redisUrl, maxRetriesPerRequest: null },
    prefix: prefixOf(spec),
    concurrency,
    lockDuration: 30_000,
    stalledInterval: 15_000,
  });
  return { close: () => worker.close() };
}

/** The lists that hold unfinished jobs. */
export function unfinishedKeys(spec: SideSpec): readonly string[] {
  const parts = spec.backend === 'stable' ? ['waiting', 'active'] : ['wait', 'active'];
  return parts.map((part) => `${prefixOf(spec)}:${QUEUE}:${part}`);
}
