import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { defineTask, type HybridConfigInput } from '../../src/index.ts';
import type { HistoryWriter } from './history.ts';

/** What a process of such a trial is told. */
export interface ShadowSetup {
  readonly role: 'worker' | 'producer';
  readonly who: string;
  readonly history: string;
  readonly queue: string;
  readonly config: HybridConfigInput;
  /** What a producer submits; null: until SIGTERM. */
  readonly count: number | null;
  /** Numbers that a producer submits begin here. */
  readonly from: number;
}

/** How the runs of copies are called in the history. */
export const COPY = 'copy-';

let runs = 0;

/** Notes that it began and ended, whether it is a copy or not. Both sides answer alike but for the run's name. */
export function shadowTask(queue: string, who: string, history: HistoryWriter) {
  return defineTask({
    name: 'fault',
    queue,
    input: z.object({ n: z.number() }),
    output: z.object({ n: z.number(), run: z.string() }),
    retries: 2,
    backoff: { type: 'fixed', delayMs: 20 },
    parity: { shadowSafe: true, ignore: ['/run'] },
    handler: async ({ n }, { id, backend, attempt, shadow, signal }) => {
      runs += 1;
      const run = `${shadow ? COPY : ''}${who}-${process.pid}-${runs}`;
      history.note({ event: 'started', n, id, run, backend, attempt });
      await sleep(10, undefined, { signal });
      history.note({ event: 'ended', n, id, run, backend, attempt });
      return { n, run };
    },
  });
}
