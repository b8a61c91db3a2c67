import { z } from 'zod';
import { defineTask } from '../../src/index.ts';
import { analyse, generate, prepare } from './metadata.ts';

const input = z.strictObject({
  chunkId: z.string().min(1).max(5000),
  /** Not only white space. A chunk has 1,500 characters at most; the rest is room for other splitters. */
  chunkText: z.string().regex(/\S/).max(20_000),
  documentId: z.string().min(1).max(5000),
});

/** Nothing in it depends on when or where it was made: two backends' answers to the same chunk are equal. */
const output = z.strictObject({
  chunkId: z.string(),
  documentId: z.string(),
  status: z.literal('completed'),
  metadata: z.strictObject({
    summary: z.string().min(1),
    keywords: z.array(z.string().min(1)).max(8),
    language: z.enum(['en', 'zh']),
    sentences: z.int().min(0),
    words: z.int().min(0),
  }),
});

export type GenerateMetadataInput = z.output<typeof input>;
export type GenerateMetadataOutput = z.output<typeof output>;

/** Summary and keywords of one chunk of a document. */
export const generateMetadata = defineTask({
  name: 'generate-metadata',
  queue: 'metadata_queue',
  input,
  output,
  retries: 3,
  backoff: { type: 'exponential', delayMs: 1000, jitter: 0.2 },
  timeoutMs: 600_000,
  parity: {
    // It only computes. The order of the keywords is part of the answer, the best comes first, so they are not `unordered`.
    shadowSafe: true,
    // Made of the document's own sentences: that it differs may be shown and kept, the text may not.
    sensitive: ['/metadata/summary'],
  },
  handler: async ({ chunkId, chunkText, documentId }, context) => {
    const enter = async (stage: string, progress: number) => {
      context.signal.throwIfAborted();
      await context.progress({ stage, progress });
    };
    await enter('preprocessing', 20);
    const prepared = prepare(chunkText);
    await enter('analysis', 50);
    const analysed = analyse(prepared);
    await enter('generation', 80);
    const metadata = generate(analysed);
    await enter('validation', 100);
    return {
      chunkId,
      documentId,
      status: 'completed' as const,
      metadata: output.shape.metadata.parse(metadata),
    };
  },
});

/** What a worker of this example runs. */
export const tasks = [generateMetadata];
