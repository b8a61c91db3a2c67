import BeeQueue from 'bee-queue';
import { Queue } from 'bullmq';
import { HybridTaskManager } from '../../src/index.ts';
import {
  benchTask,
  type ChunkPayload,
  oursConfig,
  prefixOf,
  QUEUE,
  type SideSpec,
  TASK_NAME,
} from './job.ts';

export interface Producer {
  submit(payload: ChunkPayload): Promise<unknown>;
  close(): Promise<void>;
}

/** BullMQ's policy for finished jobs, the same on both sides: it decides what a finished job costs. */
export const KEEP_JOBS = { removeOnComplete: true, removeOnFail: { count: 1000, age: 7 * 86_400 } } as const;

export function openProducer(spec: SideSpec): Promise<Producer> {
  if (spec.library === 'ours') return openOurs(spec);
  return spec.backend === 'stable' ? openBeeQueue(spec) : openBullmq(spec);
}

async function openOurs(spec: SideSpec): Promise<Producer> {
  const task = benchTask(() => {});
  const manager = await HybridTaskManager.open({ config: oursConfig(spec), tasks: [task] });
  return {
    submit: (payload) => manager.submit(task, payload, { stickyKey: payload.documentId }),
    close: () => manager.close(),
  };
}

/** As bee-queue's README has it for a process that only produces. */
async function openBeeQueue(spec: SideSpec): Promise<Producer> {
  const queue = new BeeQueue(QUEUE, {
    prefix: prefixOf(spec),
    redis: { url: spec.redisUrl },
    isWorker: false,
    getEvents: false,
    sendEvents: false,
    storeJobs: false,
  });
  await queue.ready();
  return { submit: (payload) => queue.createJob(payload).save(), close: () => queue.close() };
}

async function openBullmq(spec: SideSpec): Promise<Producer> {
  const queue = new Queue(QUEUE, {
    connection: { url: spec.redisUrl },
    prefix: prefixOf(spec),
    defaultJobOptions: KEEP_JOBS,
  });
  await queue.waitUntilReady();
  let made = 0;
  // The pid keeps two producers of one queue apart. An id of a counter alone would be cheaper by nothing.
  const maker = `${process.pid}-${Date.now()}`;
  return {
    submit: (payload) => queue.add(TASK_NAME, payload, { jobId: `job-${maker}-${++made}` }),
    close: () => queue.close(),
  };
}

/** Submits so that `inFlight` are always begun together; the next wave begins when the last one is confirmed. */
export async function submitInWaves(
  producer: Producer,
  payloads: readonly ChunkPayload[],
  count: number,
  inFlight: number,
): Promise<void> {
  for (let done = 0; done < count; done += inFlight) {
    const wave: Promise<unknown>[] = [];
    for (let i = done; i < Math.min(done + inFlight, count); i++) {
      wave.push(producer.submit(payloads[i % payloads.length] as ChunkPayload));
    }
    await Promise.all(wave);
  }
}
