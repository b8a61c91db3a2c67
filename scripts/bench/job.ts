import { z } from 'zod';
import { defineTask, type HybridConfig, resolveConfig } from '../../src/index.ts';

/** Size of one payload as JSON, in bytes. */
export const PAYLOAD_BYTES = 400;
export const TASK_NAME = 'generate-metadata';
export const QUEUE = 'metadata_queue';

export type Library = 'ours' | 'plain';
export type Backend = 'stable' | 'canary';

/** Which side a child process plays, and where. */
export interface SideSpec {
  readonly library: Library;
  readonly backend: Backend;
  readonly redisUrl: string;
  /** Part of every key's name. */
  readonly run: string;
  /** Ours: the share that goes to canary. @default 0 for stable, 1 for canary */
  readonly celeryRatio?: number;
  /** Ours: the share of submissions that is copied, of a task that allows it. @default 0 */
  readonly sampleRate?: number;
}

export interface ChunkPayload {
  readonly chunkId: string;
  readonly documentId: string;
  readonly chunkText: string;
}

/** As long as PAYLOAD_BYTES says, whatever the number. */
export function payloadOf(n: number): ChunkPayload {
  const payload = { chunkId: `chunk-${n}`, documentId: `document-${n % 100}`, chunkText: '' };
  const missing = PAYLOAD_BYTES - JSON.stringify(payload).length;
  return { ...payload, chunkText: SENTENCE.repeat(Math.ceil(missing / SENTENCE.length)).slice(0, missing) };
}

const SENTENCE = 'The night shift wrote down what came in, who carried it and where it was put. ';

/** The task of all benchmarks: a checked input, no result kept, a handler that does nothing but tell. */
export function benchTask(onRun: () => void) {
  return defineTask({
    name: TASK_NAME,
    queue: QUEUE,
    input: z.object({ chunkId: z.string(), documentId: z.string(), chunkText: z.string() }),
    output: z.void(),
    storeResult: false,
    handler: async () => onRun(),
  });
}

/** Ours. Stable's and canary's benchmarks have a namespace each: the live ratio is 0 in one, 1 in the other. */
export function oursConfig(spec: SideSpec): HybridConfig {
  const celeryRatio = spec.celeryRatio ?? (spec.backend === 'canary' ? 1 : 0);
  return resolveConfig({
    namespace: `${spec.run}-${spec.backend}`,
    redis: { url: spec.redisUrl },
    stable: { prefix: prefixOf({ ...spec, backend: 'stable' }) },
    canary: { prefix: prefixOf({ ...spec, backend: 'canary' }) },
    routing: { celeryRatio },
    parity: { sampleRate: spec.sampleRate ?? 0, mostCopies: 10_000_000 },
    flags: { source: 'off' },
    log: { level: 'error' },
  });
}

/** Key prefix of the queue library: no two sides share a queue. */
export function prefixOf({ run, library, backend }: SideSpec): string {
  return `${run}-${library}-${backend === 'stable' ? 'bee' : 'bull'}`;
}
