import { z } from 'zod';
import { defineTask } from '../../src/index.ts';

/** The tasks of a small team, for tests that start the command line. */

/** Adds two numbers. */
export const add = defineTask({
  name: 'add',
  queue: 'sums',
  input: z.object({ a: z.number(), b: z.number() }),
  output: z.object({ sum: z.number() }),
  handler: ({ a, b }) => ({ sum: a + b }),
});

/** Fails, with the sentence that it is given. */
export const fail = defineTask({
  name: 'fail',
  queue: 'failures',
  input: z.object({ message: z.string() }),
  output: z.null(),
  handler: ({ message }) => {
    throw new RangeError(message);
  },
});

/** Says `holding <id>` on standard output and runs until its signal aborts, or as long as it is told. */
export const hold = defineTask({
  name: 'hold',
  queue: 'holds',
  input: z.object({ ms: z.number().optional(), heedsSignal: z.boolean().optional() }),
  output: z.object({ ended: z.string() }),
  handler: ({ ms, heedsSignal = true }, { id, signal }) =>
    new Promise((resolve) => {
      process.stdout.write(`holding ${id}\n`);
      // Keeps the process alive, as a handler with a connection or a timer would.
      const timer = setTimeout(() => resolve({ ended: 'by itself' }), ms ?? 600_000);
      if (!heedsSignal) return;
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve({ ended: 'by its signal' });
      });
    }),
});

/** Ends its whole process, without a word to anybody. */
export const crash = defineTask({
  name: 'crash',
  queue: 'crashes',
  input: z.object({}),
  output: z.null(),
  handler: () => process.exit(70),
});

export const tasks = [add, fail, hold, crash];
