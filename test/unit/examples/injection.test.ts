import { describe, expect, it } from '@jest/globals';
import {
  INJECTIONS,
  type Injection,
  injectionFrom,
  isHit,
  withInjection,
} from '../../../examples/document-metadata/injection.ts';
import { generateMetadata } from '../../../examples/document-metadata/task.ts';
import type { TaskContext } from '../../../src/domain/task.ts';
import type { BackendName } from '../../../src/index.ts';

const ALL = Object.keys(INJECTIONS) as Injection[];
const CHUNK_IDS = Array.from({ length: 4000 }, (_, i) => `notes/document-${i % 97}.md#${i}`);

function inputOf(chunkId: string) {
  return { chunkId, chunkText: 'A queue holds jobs. A worker runs the jobs.', documentId: 'a.md' };
}

function contextOn(backend: BackendName): TaskContext {
  const quiet = () => {};
  return {
    id: 'x',
    task: 'generate-metadata',
    queue: 'metadata_queue',
    backend,
    shadow: true,
    attempt: 1,
    signal: new AbortController().signal,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    progress: async () => {},
  };
}

describe.each(ALL)('injection %s', (injection) => {
  const task = withInjection(injection);
  const hit = CHUNK_IDS.find((id) => isHit(injection, id)) ?? '';
  const spared = CHUNK_IDS.find((id) => !isHit(injection, id)) ?? '';

  it('hits the share of the chunks that it says, and the same ones each time', () => {
    const share = CHUNK_IDS.filter((id) => isHit(injection, id)).length / CHUNK_IDS.length;
    expect(Math.abs(share - INJECTIONS[injection].share)).toBeLessThan(0.03);
    expect(INJECTIONS[injection].what).toContain(`${INJECTIONS[injection].share * 100} %`);
  });

  it('leaves stable alone, and the other chunks on canary', async () => {
    for (const [id, backend] of [
      [hit, 'stable'],
      [spared, 'canary'],
    ] as const) {
      const answer = await task.handler(inputOf(id), contextOn(backend));
      expect(answer).toEqual(await generateMetadata.handler(inputOf(id), contextOn(backend)));
    }
  });

  it('keeps everything else of the task', () => {
    const { handler: _own, backoff: _pauses, ...rest } = task;
    const { handler: _given, backoff: _long, ...given } = generateMetadata;
    expect(rest).toEqual(given);
  });
});

describe('what a chunk that is hit comes to on canary', () => {
  const hitBy = (injection: Injection) => inputOf(CHUNK_IDS.find((id) => isHit(injection, id)) ?? '');
  const run = (injection: Injection) =>
    withInjection(injection).handler(hitBy(injection), contextOn('canary'));

  it('mismatch: another number of words, in a result that still fits', async () => {
    const right = await generateMetadata.handler(hitBy('mismatch'), contextOn('canary'));
    const { words } = right.metadata;
    const wrong = await run('mismatch');
    expect(wrong).toEqual({ ...right, metadata: { ...right.metadata, words: words + 1 } });
    expect(generateMetadata.output.safeParse(wrong).success).toBe(true);
  });

  it('errors: a failure with a code, tried again without long pauses', async () => {
    await expect(run('errors')).rejects.toMatchObject({ code: 'E_INJECTED' });
    const { retries, backoff } = withInjection('errors');
    expect(retries).toBe(3);
    expect(backoff.delayMs).toBeLessThan(generateMetadata.backoff.delayMs);
  });

  it('slow: the right answer, late; an abort ends the wait', async () => {
    const input = hitBy('slow');
    const startedAt = performance.now();
    expect(await run('slow')).toEqual(await generateMetadata.handler(input, contextOn('canary')));
    // The timer that was asked for cannot be early, but for the rounding of a millisecond.
    expect(performance.now() - startedAt).toBeGreaterThan(48);
    const control = new AbortController();
    const context: TaskContext = {
      ...contextOn('canary'),
      signal: control.signal,
      progress: async (value) => {
        if ((value as { progress: number }).progress === 100) setImmediate(() => control.abort());
      },
    };
    await expect(withInjection('slow').handler(input, context)).rejects.toThrow(/abort/);
  });
});

describe('injectionFrom', () => {
  it('takes nothing for none, and refuses what there is not', () => {
    expect([undefined, '', 'slow'].map(injectionFrom)).toEqual([null, null, 'slow']);
    expect(withInjection(null)).toBe(generateMetadata);
    for (const bad of ['constructor', 'fast'])
      expect(() => injectionFrom(bad)).toThrow(`no injection ${bad}; allowed: mismatch, errors, slow`);
  });
});
