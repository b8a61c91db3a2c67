import { describe, expect, it } from '@jest/globals';
import { describeChunk } from '../../../examples/document-metadata/metadata.ts';
import { generateMetadata, tasks } from '../../../examples/document-metadata/task.ts';
import type { TaskContext } from '../../../src/domain/task.ts';

const input = {
  chunkId: 'a.md#0001',
  chunkText: 'A queue holds jobs. A worker runs the jobs.',
  documentId: 'a.md',
};

function contextWith(
  progress: (value: unknown) => Promise<void>,
  signal = new AbortController().signal,
): TaskContext {
  const quiet = () => {};
  return {
    id: 'x',
    task: 'generate-metadata',
    queue: 'metadata_queue',
    backend: 'stable',
    shadow: false,
    attempt: 1,
    signal,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    progress,
  };
}

describe('generate-metadata', () => {
  it('says what the customer asked for: queue, tries, backoff and time limit', () => {
    expect(tasks).toEqual([generateMetadata]);
    expect(generateMetadata).toMatchObject({
      name: 'generate-metadata',
      queue: 'metadata_queue',
      retries: 3,
      backoff: { type: 'exponential', delayMs: 1000, jitter: 0.2 },
      timeoutMs: 600_000,
    });
  });

  it('answers with what describeChunk finds, in stages', async () => {
    const stages: unknown[] = [];
    const answer = await generateMetadata.handler(
      input,
      contextWith(async (value) => {
        stages.push(value);
      }),
    );
    expect(answer).toEqual({
      chunkId: 'a.md#0001',
      documentId: 'a.md',
      status: 'completed',
      metadata: describeChunk(input.chunkText),
    });
    expect(generateMetadata.output.parse(answer)).toEqual(answer);
    expect(stages).toEqual([
      { stage: 'preprocessing', progress: 20 },
      { stage: 'analysis', progress: 50 },
      { stage: 'generation', progress: 80 },
      { stage: 'validation', progress: 100 },
    ]);
  });

  it('stops between stages when it is told to', async () => {
    const control = new AbortController();
    const stages: unknown[] = [];
    const run = generateMetadata.handler(
      input,
      contextWith(async (value) => {
        stages.push(value);
        if (stages.length === 2) control.abort(new Error('told to stop'));
      }, control.signal),
    );
    await expect(run).rejects.toThrow('told to stop');
    expect(stages).toHaveLength(2);
  });

  it('refuses a chunk without text, with too much, or with fields that nobody asked for', () => {
    for (const bad of [
      { ...input, chunkText: ' \n' },
      { ...input, chunkText: 'x'.repeat(20_001) },
      { ...input, extra: 1 },
      { ...input, chunkId: '' },
    ])
      expect(generateMetadata.input.safeParse(bad).success).toBe(false);
  });
});
