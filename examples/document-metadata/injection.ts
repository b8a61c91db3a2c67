import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HybridTaskError, type TaskContext } from '../../src/index.ts';
import { type GenerateMetadataInput, type GenerateMetadataOutput, generateMetadata } from './task.ts';

/** Something that goes wrong on canary, so that one can see the report find it. */
export type Injection = 'mismatch' | 'errors' | 'slow';

export const INJECTED_CODE = 'E_INJECTED';

export interface InjectionPlan {
  /** Share of the chunks that it happens to, 0 to 1. */
  readonly share: number;
  /** What happens, after "on canary (BullMQ) ". */
  readonly what: string;
}

export const INJECTIONS: Readonly<Record<Injection, InjectionPlan>> = {
  mismatch: { share: 0.25, what: '25 % of the chunks count one word too many' },
  errors: { share: 0.25, what: `25 % of the chunks fail with ${INJECTED_CODE}, on every try` },
  // What is compared is the median run time, so it takes more than half of them.
  slow: { share: 0.75, what: '75 % of the chunks take five times as long, and 50 ms longer at least' },
};

const SLOWER_TIMES = 5;
const SLOWER_BY_MS = 50;
/** All tries of a chunk fail: nobody needs to see the pauses between them in full length. */
const PAUSE_MS = 50;

/** @throws {Error} that there is no such injection */
export function injectionFrom(given: string | undefined): Injection | null {
  if (given === undefined || given === '') return null;
  if (Object.hasOwn(INJECTIONS, given)) return given as Injection;
  throw new Error(`There is no injection ${given}; allowed: ${Object.keys(INJECTIONS).join(', ')}.`);
}

/** The task, going wrong on canary; null: as it is. */
export function withInjection(injection: Injection | null): typeof generateMetadata {
  if (injection === null) return generateMetadata;
  const { backoff } = generateMetadata;
  return {
    ...generateMetadata,
    backoff: injection === 'errors' ? { ...backoff, delayMs: PAUSE_MS } : backoff,
    handler: (input, context) =>
      context.backend === 'canary' && isHit(injection, input.chunkId)
        ? SPOILED[injection](input, context)
        : generateMetadata.handler(input, context),
  };
}

/** The same chunks in every run, whatever else runs. */
export function isHit(injection: Injection, chunkId: string): boolean {
  const place = createHash('sha256').update(chunkId).digest().readUInt32BE(0) / 2 ** 32;
  return place < INJECTIONS[injection].share;
}

class InjectedError extends HybridTaskError {
  readonly code = INJECTED_CODE;
  constructor() {
    super('This chunk was to fail on canary.');
  }
}

type Handler = (input: GenerateMetadataInput, context: TaskContext) => Promise<GenerateMetadataOutput>;

const SPOILED: Readonly<Record<Injection, Handler>> = {
  mismatch: async (input, context) => {
    const answer = await generateMetadata.handler(input, context);
    return { ...answer, metadata: { ...answer.metadata, words: answer.metadata.words + 1 } };
  },
  errors: async () => {
    throw new InjectedError();
  },
  slow: async (input, context) => {
    const begunAt = performance.now();
    const answer = await generateMetadata.handler(input, context);
    const tookMs = performance.now() - begunAt;
    const { signal } = context;
    await delay(Math.max(SLOWER_BY_MS, tookMs * (SLOWER_TIMES - 1)), undefined, { signal });
    return answer;
  },
};
