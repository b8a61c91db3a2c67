import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import {
  defineTask,
  errors,
  type HybridConfigInput,
  type HybridTaskManager,
  type SubmitOptions,
} from '../../src/index.ts';
import type { HistoryWriter } from './history.ts';

const input = z.object({
  /** The submission's number in the trial; first, so that a proxy can look for it. */
  n: z.number(),
  workMs: z.number(),
  /** By worker name: the file that has to be there before the run goes on. */
  hold: z.record(z.string(), z.string()).optional(),
  /** Attempts that fail before one succeeds. */
  failures: z.number().optional(),
  /** Takes its process down. */
  isPoison: z.boolean().optional(),
});

export type FaultInput = z.input<typeof input>;

/** What every child of a trial is told. */
export interface ChildSetup {
  readonly who: string;
  readonly history: string;
  readonly queue: string;
  readonly config: HybridConfigInput;
  /** @default 20 */
  readonly backoffMs?: number;
}

export interface WorkerSetup extends ChildSetup {
  readonly backends?: readonly ('stable' | 'canary')[];
}

export interface ProducerSetup extends ChildSetup {
  readonly from: number;
  /** null: until SIGTERM. */
  readonly count: number | null;
  readonly concurrency: number;
  readonly paceMs: number;
  readonly workMs: number;
  readonly options?: SubmitOptions;
}

let runs = 0;

/** The one task of a trial: notes that it began, does what its input says, notes that it ended. */
export function faultTask(queue: string, who: string, history: HistoryWriter, backoffMs = 20) {
  return defineTask({
    name: 'fault',
    queue,
    input,
    output: z.object({ run: z.string() }),
    retries: 2,
    backoff: { type: 'fixed', delayMs: backoffMs },
    handler: async ({ n, workMs, hold, failures = 0, isPoison }, context) => {
      runs += 1;
      const { id, backend, attempt, signal } = context;
      const run = `${who}-${process.pid}-${runs}`;
      history.note({ event: 'started', n, id, run, backend, attempt });
      if (isPoison) process.kill(process.pid, 'SIGKILL');
      if (attempt <= failures) throw new Error('It is told to fail.');
      const gate = hold?.[who];
      while (gate !== undefined && !existsSync(gate)) await sleep(5, undefined, { signal });
      await sleep(workMs, undefined, { signal });
      history.note({ event: 'ended', n, id, run, backend, attempt });
      return { run };
    },
  });
}

type FaultTask = ReturnType<typeof faultTask>;

/** Longer than any fault of a trial lasts. */
const MOST_REPEATS = 30;

/** Submits as a careful caller does: E_UNKNOWN is repeated under the same id. */
export async function submitNoted(
  manager: HybridTaskManager,
  task: FaultTask,
  history: HistoryWriter,
  given: FaultInput,
  options: SubmitOptions = {},
) {
  const { n } = given;
  const stickyKey = options.stickyKey ?? `sticky-${n}`;
  history.note({ event: 'submit-called', n });
  let id = options.id;
  for (let tries = 0; ; tries++) {
    try {
      const repeat = id === undefined ? {} : { id };
      const submitted = await manager.submit(task, given, { ...options, ...repeat, stickyKey });
      const { backend, reason, epoch, bucket, ratio } = submitted.decision;
      const place = { backend, reason, epoch, bucket, ratio, stickyKey };
      history.note({ event: 'submit-ok', n, id: submitted.id, ...place });
      return submitted;
    } catch (error) {
      if (!(error instanceof errors.UnknownSubmissionStateError) || tries === MOST_REPEATS) {
        const { code, message } = error as { code?: string; message: string };
        history.note({ event: 'submit-failed', n, code: code ?? message });
        throw error;
      }
      id = error.id;
      history.note({ event: 'submit-unknown', n, id });
    }
  }
}
