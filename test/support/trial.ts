import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, expect } from '@jest/globals';
import { stringify } from 'yaml';
import {
  type HybridConfigInput,
  HybridTaskManager,
  resolveConfig,
  type SubmitOptions,
} from '../../src/index.ts';
import { runTypeScript, type TestChild } from './child.ts';
import { Chronicle } from './chronicle.ts';
import type { RollbackSetup } from './fault-rollback.ts';
import {
  type FaultInput,
  faultTask,
  type ProducerSetup,
  submitNoted,
  type WorkerSetup,
} from './fault-task.ts';
import { type MoveObserver, observeMoves } from './move-observer.ts';
import { recordedOf } from './recorded.ts';
import { plainClient, type RedisServer, uniqueName } from './redis.ts';
import { type TrialOptions, trialConfig } from './trial-config.ts';
import { judge } from './verdict.ts';

export interface TrialProcess extends TestChild {
  readonly who: string;
}

/** Far longer than any of these tests takes on an idle machine. */
export const FAULT_TIMEOUT_MS = 120_000;

const open = new Set<Trial>();

/** Real processes and a real Redis, with something going wrong, and the history that says whether promises were kept. */
export class Trial extends Chronicle {
  readonly namespace = uniqueName('trial');
  readonly queue = uniqueName('fault');
  readonly config: HybridConfigInput;
  readonly task: ReturnType<typeof faultTask>;
  manager!: HybridTaskManager;
  readonly #options: TrialOptions;
  readonly #children: TrialProcess[] = [];
  readonly #managers: HybridTaskManager[] = [];
  #moves: MoveObserver | undefined;
  /** Tasks that were seen to have an outcome. */
  readonly #settled = new Set<string>();
  #numbers = 0;
  #producers = 0;

  private constructor(options: TrialOptions) {
    super();
    this.#options = options;
    this.task = faultTask(this.queue, 'test', this.writer);
    this.config = trialConfig(this.namespace, options);
    open.add(this);
  }

  static async open(options: TrialOptions): Promise<Trial> {
    const trial = new Trial(options);
    const direct = options.directUrl ?? options.redisUrl;
    const redis = { ...trial.config.redis, url: direct };
    trial.manager = await HybridTaskManager.open({
      config: resolveConfig({ ...trial.config, redis, log: { level: 'silent' } }),
      tasks: [trial.task],
    });
    trial.alsoClose(trial.manager);
    if (options.watchesMoves) {
      const note = (id: string, movedAt: number) => trial.note({ event: 'moved', id, movedAt });
      trial.#moves = await observeMoves(direct, trial.namespace, note);
    }
    return trial;
  }

  get directUrl(): string {
    return this.#options.directUrl ?? this.#options.redisUrl;
  }

  /** Resolves when it takes tasks. */
  async worker(
    who: string,
    options: Partial<WorkerSetup> = {},
    config: HybridConfigInput = {},
  ): Promise<TrialProcess> {
    const child = this.#start('test/support/fault-worker.ts', who, {
      ...options,
      config: this.#with(config),
    });
    await child.nextLine();
    return child;
  }

  /** Resolves when it submits. */
  async producer(
    who: string,
    options: Partial<ProducerSetup> = {},
    config: HybridConfigInput = {},
  ): Promise<TrialProcess> {
    const from = ++this.#producers * 1_000_000;
    const plan = { from, count: null, concurrency: 4, paceMs: 20, workMs: 10, ...options };
    const child = this.#start('test/support/fault-producer.ts', who, { ...plan, config: this.#with(config) });
    await child.nextLine();
    return child;
  }

  /** Changes the ratio every `everyMs`, from the trial's seed. */
  async operator(who: string, everyMs: number): Promise<TrialProcess> {
    const setup = { seed: this.seed, everyMs, config: this.config };
    const child = this.#start('test/support/fault-operator.ts', who, setup);
    await child.nextLine();
    return child;
  }

  /** Resolves when it waits for SIGUSR2 to begin its rollback. Its config file is that of all operators of the trial. */
  async rollback(
    who: string,
    options: Partial<Pick<RollbackSetup, 'graceMs' | 'death'>> = {},
  ): Promise<TrialProcess> {
    const file = this.configFile;
    if (!existsSync(file)) writeFileSync(file, stringify(this.config));
    const plan = { graceMs: 500, death: null, ...options };
    const child = this.#start('test/support/fault-rollback.ts', who, { ...plan, file });
    await child.nextLine();
    return child;
  }

  get configFile(): string {
    return this.path('hybrid.yaml');
  }

  #with(config: HybridConfigInput): HybridConfigInput {
    return { ...this.config, ...config, worker: { ...this.config.worker, ...config.worker } };
  }

  #start(file: string, who: string, setup: object): TrialProcess {
    const text = JSON.stringify({
      who,
      history: this.file,
      queue: this.queue,
      backoffMs: this.#options.backoffMs,
      ...setup,
    });
    const child = { ...runTypeScript({ file }, { args: [text] }), who };
    this.#children.push(child);
    return child;
  }

  /** A manager of the test's own that ends with the trial. */
  alsoClose(manager: HybridTaskManager): void {
    this.#managers.push(manager);
  }

  /** Submits from the test's own process. */
  submit(given: Partial<FaultInput> = {}, options: SubmitOptions = {}, manager = this.manager) {
    const input = { n: ++this.#numbers, workMs: 0, ...given };
    return submitNoted(manager, this.task, this.writer, input, options);
  }

  async cancel(id: string): Promise<void> {
    this.note({ event: 'cancel-called', id });
    await this.manager.cancel(id);
  }

  /** The process started last, alive or not. */
  get lastChild(): TrialProcess {
    const child = this.#children.at(-1);
    if (!child) throw new Error('No child was started.');
    return child;
  }

  async kill(child: TrialProcess): Promise<void> {
    child.kill('SIGKILL');
    await child.ended;
    this.note({ event: 'killed', target: child.pid });
  }

  pause(child: TrialProcess): void {
    child.kill('SIGSTOP');
    this.note({ event: 'paused', target: child.pid });
  }

  wake(child: TrialProcess): void {
    this.note({ event: 'woken', target: child.pid });
    child.kill('SIGCONT');
  }

  async killRedis(server: RedisServer): Promise<void> {
    this.note({ event: 'redis-down', server: server.url });
    await server.kill();
  }

  async restartRedis(server: RedisServer): Promise<void> {
    this.note({ event: 'redis-down', server: server.url });
    await server.restart();
    this.note({ event: 'redis-up', server: server.url });
  }

  /** When every task that was submitted has an outcome. */
  async settled(): Promise<void> {
    const client = plainClient(this.directUrl);
    const hasOutcome = async (id: string) => (await client.exists(`{${this.namespace}}:outcome:${id}`)) === 1;
    let waiting = this.idsOk.filter((id) => !this.#settled.has(id));
    const look = async () => {
      const [first] = waiting;
      if (first === undefined) return true;
      // One question as long as nothing has changed for it: hundreds, every few milliseconds, would be most of the work.
      if (!(await hasOutcome(first))) return false;
      const found = await Promise.all(waiting.map(hasOutcome));
      for (const [i, id] of waiting.entries()) if (found[i]) this.#settled.add(id);
      waiting = waiting.filter((id) => !this.#settled.has(id));
      return waiting.length === 0;
    };
    await this.waitFor(look, 'every outcome');
  }

  protected override diagnose(): string {
    return this.#children.map((c) => `${c.who}: ${c.complaints().slice(-1500)}`).join('\n');
  }

  /** Holds the history against what is recorded, and the ledger's counts against themselves (I8). */
  async expectPromisesKept(): Promise<void> {
    const recorded = await recordedOf(this.manager, this.idsOk);
    const { ledger } = await this.manager.status();
    const { conserved, openCanary, openMoved, corrupt, movedCorrupt } = ledger;
    expect({
      seed: this.seed,
      problems: judge(this.history, recorded),
      ledger: { conserved, openCanary, openMoved, corrupt, movedCorrupt },
    }).toEqual({
      seed: this.seed,
      problems: [],
      ledger: { conserved: true, openCanary: 0, openMoved: 0, corrupt: 0, movedCorrupt: 0 },
    });
  }

  async close(): Promise<void> {
    open.delete(this);
    for (const child of this.#children) {
      child.kill('SIGKILL');
      await child.ended;
    }
    for (const manager of this.#managers) await manager.close();
    this.#moves?.close();
    this.closeHistory();
  }
}

afterEach(async () => {
  for (const trial of open) await trial.close();
});
