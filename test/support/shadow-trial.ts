import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { defineTask, type HybridConfigInput } from '../../src/index.ts';
import { runTypeScript, type TestChild } from './child.ts';
import { Chronicle } from './chronicle.ts';
import type { HistoryWriter } from './history.ts';
import { uniqueName } from './redis.ts';
import { trialConfig } from './trial-config.ts';

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

/** Processes whose submissions are all copied, and the history that says what they have done. */
export class ShadowTrial extends Chronicle {
  readonly namespace = uniqueName('shadows');
  readonly queue = uniqueName('fault');
  readonly #children: TestChild[] = [];
  #producers = 0;

  /** The settings of a process that reaches Redis this way. */
  config(
    urls: { readonly redisUrl: string; readonly canaryUrl?: string },
    change: HybridConfigInput = {},
  ): HybridConfigInput {
    const parity = { sampleRate: 1, controlShare: 0, ...change.parity };
    return { ...trialConfig(this.namespace, { ratio: 0, ...urls }), ...change, parity };
  }

  /** Resolves when it takes tasks, or submits. */
  async start(
    role: ShadowSetup['role'],
    who: string,
    config: HybridConfigInput,
    count: number | null = null,
  ): Promise<TestChild> {
    const from = role === 'producer' ? ++this.#producers * 1_000_000 : 0;
    const setup: ShadowSetup = { role, who, history: this.file, queue: this.queue, config, count, from };
    const child = runTypeScript(
      { file: 'test/support/shadow-process.ts' },
      { args: [JSON.stringify(setup)] },
    );
    this.#children.push(child);
    await child.nextLine();
    return child;
  }

  /** @returns when, on the clock of the history */
  async kill(child: TestChild): Promise<number> {
    const at = Date.now();
    child.kill('SIGKILL');
    await child.ended;
    this.note({ event: 'killed', target: child.pid });
    return at;
  }

  /** Ids of the copies that have begun to run. */
  get copies(): ReadonlySet<string> {
    const started = this.history.flatMap((e) =>
      e.event === 'started' && e.run.startsWith(COPY) ? [e.id] : [],
    );
    return new Set(started);
  }

  protected override diagnose(): string {
    return this.#children.map((child) => child.complaints().slice(-1500)).join('\n');
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      child.kill('SIGKILL');
      await child.ended;
    }
    this.closeHistory();
  }
}
