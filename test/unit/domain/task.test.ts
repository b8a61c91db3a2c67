import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { InvalidTaskDefinitionError } from '../../../src/domain/errors.ts';
import { defineTask, type TaskOptions } from '../../../src/domain/task.ts';

const OPTIONS = {
  name: 'generate-metadata',
  queue: 'metadata_queue',
  input: z.object({ text: z.string() }),
  output: z.object({ words: z.number() }),
  handler: () => ({ words: 1 }),
} satisfies TaskOptions;

const defineWith = (change: Record<string, unknown>) => defineTask({ ...OPTIONS, ...change } as TaskOptions);

describe('defineTask', () => {
  it('fills in every default', () => {
    expect(defineTask(OPTIONS)).toMatchObject({
      retries: 0,
      backoff: { type: 'exponential', delayMs: 1000, maxDelayMs: 86_400_000, jitter: 0.2 },
      timeoutMs: 600_000,
      storeResult: true,
      resultTtlSeconds: null,
      failureTtlSeconds: null,
      runsUnnamedJobs: false,
    });
  });

  it('keeps what was given', () => {
    const given = {
      retries: 3,
      backoff: { type: 'fixed', delayMs: 0, maxDelayMs: 5000, jitter: 1 },
      timeoutMs: 1,
      storeResult: false,
      resultTtlSeconds: 60,
      failureTtlSeconds: 120,
      runsUnnamedJobs: true,
    };
    expect(defineWith(given)).toMatchObject(given);
  });

  it('gives a definition that nobody can change', () => {
    const task = defineTask(OPTIONS);
    expect(Object.isFrozen(task) && Object.isFrozen(task.backoff)).toBe(true);
  });

  it.each(['a', 'A.b_c-9', 'x'.repeat(100)])('takes the name %s', (name) => {
    expect(defineWith({ name, queue: name })).toMatchObject({ name, queue: name });
  });

  const BAD: readonly (readonly [field: string, change: Record<string, unknown>])[] = [
    ['name', { name: '' }],
    ['name', { name: 'with space' }],
    ['name', { name: '-first' }],
    ['name', { name: '__proto__' }],
    ['name', { name: 'x'.repeat(101) }],
    ['name', { name: undefined }],
    ['name', { name: ['a'] }],
    ['queue', { queue: undefined }],
    ['queue', { queue: 'a:b' }],
    ['queue', { queue: 'metadata.moved' }],
    ['handler', { handler: 'no function' }],
    ['input', { input: { text: 'string' } }],
    ['output', { output: undefined }],
    ['retries', { retries: -1 }],
    ['retries', { retries: 1.5 }],
    ['retries', { retries: Number.NaN }],
    ['retries', { retries: '3' }],
    ['retries', { retries: 1001 }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: Number.POSITIVE_INFINITY }],
    ['timeoutMs', { timeoutMs: 2 ** 31 }],
    ['backoff.type', { backoff: { type: 'linear', delayMs: 1 } }],
    ['backoff.delayMs', { backoff: { type: 'fixed', delayMs: -1 } }],
    ['backoff.delayMs', { backoff: { type: 'fixed' } }],
    ['backoff.maxDelayMs', { backoff: { type: 'fixed', delayMs: 1, maxDelayMs: 2 ** 31 } }],
    ['backoff.jitter', { backoff: { type: 'fixed', delayMs: 1, jitter: 1.1 } }],
    ['backoff.jitter', { backoff: { type: 'fixed', delayMs: 1, jitter: Number.NaN } }],
    ['resultTtlSeconds', { resultTtlSeconds: 0 }],
    ['failureTtlSeconds', { failureTtlSeconds: 2.5 }],
  ];

  it.each(BAD)('refuses %s in %j', (field, change) => {
    let refusal: InvalidTaskDefinitionError | undefined;
    try {
      defineWith(change);
    } catch (error) {
      refusal = error as InvalidTaskDefinitionError;
    }
    expect(refusal).toMatchObject({ code: 'E_INVALID_TASK_DEFINITION', field });
    expect(refusal?.message).toContain('; allowed: ');
  });
});
