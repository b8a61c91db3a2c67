import { afterAll, afterEach } from '@jest/globals';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Aggregates, Arm, RunCell } from '../../src/domain/aggregates.ts';
import type { Pair } from '../../src/domain/parity.ts';
import { defineTask, type HybridConfigInput, type ParityOptions, type TaskContext } from '../../src/index.ts';
import type { Connections } from '../../src/manager/connections.ts';
import { memberOf } from '../../src/state/pairs.ts';
import { HybridSystem } from './hybrid-system.ts';
import { expectNoLeakedConnections, uniqueName } from './redis.ts';
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

/**
 * For the top of a test file: closes what its tests begin, and sees that no connection is left.
 * @returns begins a system as `shadowSystem` makes it
 */
export function shadowScene() {
  const opened: HybridSystem[] = [];
  afterEach(async () => {
    for (const system of opened.splice(0)) await system.close();
  });
  afterAll(() => expectNoLeakedConnections());
  return async (...settings: Parameters<typeof shadowSystem>): Promise<[HybridSystem, Connections]> => {
    const system = shadowSystem(...settings);
    opened.push(system);
    return [system, await system.connections()];
  };
}

export const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** How many copies are unfinished. */
export function openCopies({ redis, namespace }: HybridSystem): Promise<number> {
  return redis.zcard(`{${namespace}}:open:copies`);
}

export async function figuresOf(c: Connections): Promise<Aggregates> {
  const now = await c.figures.now();
  return c.figures.read({ from: now - 600_000, to: now, now });
}

/** Figures once they are so. What runs come to is written up to a second after their pair may be settled. */
export async function figuresWhere(
  c: Connections,
  isSo: (figures: Aggregates) => boolean,
  what: string | ((figures: Aggregates) => string),
): Promise<Aggregates> {
  let figures = await figuresOf(c);
  await waitFor(
    async () => {
      figures = await figuresOf(c);
      return isSo(figures);
    },
    { what: () => (typeof what === 'string' ? what : what(figures)) },
  );
  return figures;
}

/** Figures once so many pairs are settled, dropped ones included. */
export function settled(c: Connections, pairs: number): Promise<Aggregates> {
  const countOf = (figures: Aggregates) =>
    figures.pairs.reduce((sum, { compared, dropped }) => sum + compared + dropped, 0);
  return figuresWhere(
    c,
    (figures) => countOf(figures) >= pairs,
    (figures) => `${pairs} pairs to be settled, of which ${countOf(figures)} are`,
  );
}

/**
 * Lets pairs wait to be compared without anybody having run them.
 * @param lookAt when workers look at them, milliseconds since 1970
 */
export async function announce(
  redis: Redis,
  namespace: string,
  pairs: readonly Pair[],
  lookAt = 1,
): Promise<void> {
  for (const pair of pairs) await redis.zadd(`{${namespace}}:pairs:${pair.task}`, lookAt, memberOf(pair));
}

export function cellOf(figures: Aggregates, backend: 'stable' | 'canary', arm: Arm): RunCell | undefined {
  return figures.runs.find((cell) => cell.backend === backend && cell.arm === arm);
}
