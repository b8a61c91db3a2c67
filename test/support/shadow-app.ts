import { z } from 'zod';
import { defineTask } from '../../src/index.ts';

/** Tasks whose results may be compared, for tests that start the command line. */

const input = z.object({ n: z.number() });

/** Twice the number, on canary now and then something else: for each n that ends in 3. */
export const double = defineTask({
  name: 'double',
  queue: 'doubles',
  input,
  output: z.unknown(),
  parity: { shadowSafe: true },
  handler: ({ n }, { backend }) => ({ doubled: backend === 'canary' && n % 10 === 3 ? -1 : n * 2 }),
});

/** May not run twice. */
export const once = defineTask({
  name: 'once',
  queue: 'onces',
  input,
  output: z.unknown(),
  handler: ({ n }) => n,
});

export const tasks = [double, once];
