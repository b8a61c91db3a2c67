import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Aggregates, Arm, RunCell } from '../../src/domain/aggregates.ts';
import type { Pair } from '../../src/domain/parity.ts';
import { defineTask, type HybridConfigInput, type ParityOptions, type TaskContext } from '../../src/index.ts';
import type { Connections } from '../../src/manager/connections.ts';
import { memberOf } from '../../src/state/pairs.ts';
import { HybridSystem } from './hybrid-system.ts';
import { uniqueName } from './redis.ts';
import { waitFor } from './wait-for.ts';

type Answer = (n: number, context: TaskContext) => unknown;

/** A task with a number for input, whose results may be compared. */
export function comparedTask(answer: Answer, parity: ParityOptions = {}, options: object = {}) {
  return defineTask({
    name: 'double',
    queue: uniqueName('double'),
    input: z.object({ n: z.number() }),
    output: z.unknown(),
    parity: { shadowSafe: true, ...parity },
    ...options,
    handler: ({ n }, context) => answer(n, context),
  });
}

/** Every submission is copied to the other backend, unless it is said otherwise. */
export function shadowSystem(
  parity: HybridConfigInput['parity'] = {},
  change: HybridConfigInput = {},
): HybridSystem {
  return new HybridSystem({ parity: { sampleRate: 1, controlShare: 0, ...parity }, ...change });
}

export async function figuresOf(c: Connections): Promise<Aggregates> {
  const now = await c.figures.now();
  return c.figures.read({ from: now - 600_000, to: now, now });
}

/** Figures once so many pairs are settled, dropped ones included. */
export async function settled(c: Connections, pairs: number): Promise<Aggregates> {
  let figures = await figuresOf(c);
  const count = () => figures.pairs.reduce((sum, { compared, dropped }) => sum + compared + dropped, 0);
  await waitFor(
    async () => {
      figures = await figuresOf(c);
      return count() >= pairs;
    },
    { what: () => `${pairs} pairs to be settled, of which ${count()} are` },
  );
  return figures;
}

/** Lets pairs wait to be compared without anybody having run them. */
export async function announce(redis: Redis, namespace: string, pairs: readonly Pair[]): Promise<void> {
  for (const pair of pairs) await redis.zadd(`{${namespace}}:pairs:${pair.task}`, 1, memberOf(pair));
}

export function cellOf(figures: Aggregates, backend: 'stable' | 'canary', arm: Arm): RunCell | undefined {
  return figures.runs.find((cell) => cell.backend === backend && cell.arm === arm);
}
