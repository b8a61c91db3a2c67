import { existsSync } from 'node:fs';
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

/** Says `holding <id>` on standard output and runs until its signal aborts or the file is there. */
export const hold = defineTask({
  name: 'hold',
  queue: 'holds',
  input: z.object({ untilFile: z.string().optional(), heedsSignal: z.boolean().optional() }),
  output: z.object({ ended: z.string() }),
  handler: ({ untilFile, heedsSignal = true }, { id, signal }) =>
    new Promise((resolve) => {
      process.stdout.write(`holding ${id}\n`);
      const end = (ended: string) => {
        clearInterval(timer);
        resolve({ ended });
      };
      const timer = setInterval(() => {
        if (untilFile !== undefined && existsSync(untilFile)) end('by itself');
      }, 10);
      if (heedsSignal) signal.addEventListener('abort', () => end('by its signal'));
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
