import { z } from 'zod';
import { type BackendName, defineTask, type TaskContext } from '../domain/task.ts';
import type { Chronicle } from './chronicle.ts';

/** What a drill's task is like when the red button is pressed. */
export type Kind =
  | 'waiting'
  | 'prioritised'
  | 'delayed'
  | 'in an hour'
  | 'for a retry'
  | 'finishing'
  | 'heeding the abort'
  | 'cancelled'
  | 'of a dead worker'
  | 'with a key'
  | 'on stable'
  | 'of the producer'
  | 'forward again';

export interface KindPlan {
  /** Part of all tasks; `waiting` gets what is left. */
  readonly share: number;
  /** `run`: a worker of canary takes them. `wait`: none does, as in a queue that is longer than its workers are fast. */
  readonly queue: 'run' | 'wait';
  /** Where the handler has to be called, in this order, and nowhere else. */
  readonly runs: readonly BackendName[];
  readonly ends: 'succeeded' | 'cancelled';
}

/** Only an aborted run, and that of a worker that died, may be followed by a second one; a failure has its retry. */
export const KINDS: Readonly<Record<Kind, KindPlan>> = {
  waiting: { share: 0, queue: 'wait', runs: ['stable'], ends: 'succeeded' },
  prioritised: { share: 0.1, queue: 'wait', runs: ['stable'], ends: 'succeeded' },
  delayed: { share: 0.05, queue: 'wait', runs: ['stable'], ends: 'succeeded' },
  'in an hour': { share: 0.025, queue: 'wait', runs: [], ends: 'cancelled' },
  'for a retry': { share: 0.05, queue: 'run', runs: ['canary', 'stable'], ends: 'succeeded' },
  finishing: { share: 0.025, queue: 'run', runs: ['canary'], ends: 'succeeded' },
  'heeding the abort': { share: 0.025, queue: 'run', runs: ['canary', 'stable'], ends: 'succeeded' },
  cancelled: { share: 0.015, queue: 'run', runs: ['canary'], ends: 'cancelled' },
  // Its first run is nobody's handler: the drill asks for it in the name of a worker that then never says a word.
  'of a dead worker': { share: 0.025, queue: 'wait', runs: ['stable'], ends: 'succeeded' },
  'with a key': { share: 0.025, queue: 'wait', runs: ['stable'], ends: 'succeeded' },
  'on stable': { share: 0.1, queue: 'wait', runs: ['stable'], ends: 'succeeded' },
  'of the producer': { share: 0, queue: 'wait', runs: ['stable'], ends: 'succeeded' },
  'forward again': { share: 0, queue: 'run', runs: ['canary'], ends: 'succeeded' },
};

/** Of a kind at most so many: they run at once, or take a script call each. */
const MOST_OF_A_KIND = 25;
/** Longer than it takes to press the button, and as long as a drill has to wait for the last task. Milliseconds. */
const RETRY_MS = 7_000;

/** How many of each kind, `total` together. */
export function mixOf(total: number): ReadonlyMap<Kind, number> {
  const mix = new Map<Kind, number>();
  let left = total;
  for (const [kind, { share }] of Object.entries(KINDS) as [Kind, KindPlan][]) {
    if (share === 0) continue;
    const n = Math.min(MOST_OF_A_KIND, Math.max(1, Math.round(total * share)));
    mix.set(kind, n);
    left -= n;
  }
  return new Map([['waiting', left], ...mix]);
}

/** Something that handlers wait for. */
export class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => {};

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** The drill's own tasks; the team's handlers are never run. */
export function drillTasks(chronicle: Chronicle, gate: Gate) {
  const options = {
    input: z.object({ kind: z.string(), number: z.number() }),
    output: z.object({ number: z.number() }),
    retries: 1,
    backoff: { type: 'fixed', delayMs: RETRY_MS },
    timeoutMs: 60_000,
    handler: async (input: { kind: string; number: number }, context: TaskContext) => {
      const run = chronicle.begin(context);
      try {
        // Stable is the safe side: everything ends well there.
        if (context.backend === 'canary') await behave(input.kind as Kind, context, gate);
        chronicle.end(run, 'succeeded');
        return { number: input.number };
      } catch (error) {
        chronicle.end(run, 'failed');
        throw error;
      }
    },
  } as const;
  return {
    run: defineTask({ ...options, name: 'drill-run', queue: 'drill-run' }),
    wait: defineTask({ ...options, name: 'drill-wait', queue: 'drill-wait' }),
  };
}

export type DrillTasks = ReturnType<typeof drillTasks>;

async function behave(kind: Kind, { attempt, signal }: TaskContext, gate: Gate): Promise<void> {
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  if (kind === 'for a retry' && attempt === 1) throw new Error('The drill lets this try fail.');
  if (kind === 'finishing') await Promise.race([gate.opened, aborted]);
  // Asked to end before the button, ending after it.
  if (kind === 'cancelled') await gate.opened;
  if (kind === 'heeding the abort') await aborted;
  signal.throwIfAborted();
}
