import type { HybridConfigInput } from '../../src/index.ts';
import { runTypeScript, type TestChild } from './child.ts';
import { Chronicle } from './chronicle.ts';
import { uniqueName } from './redis.ts';
import { COPY, type ShadowSetup } from './shadow-task.ts';
import { trialConfig } from './trial-config.ts';

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
