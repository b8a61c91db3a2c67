import { expect } from '@jest/globals';
import type { RollbackReport } from '../../src/index.ts';
import type { Death } from './fault-rollback.ts';
import { plainClient } from './redis.ts';
import type { Trial, TrialProcess } from './trial.ts';

/** Where an operator may die: a whole run has about so many events, one that has little left to do has fewer. */
const LAST_EVENT = 18;
const LAST_EVENT_OF_RERUN = 14;
const MOST_DEATHS = 4;
const MOST_TURNS = 6;
/** Slots of a trial's worker on each queue. */
const SLOTS = 5;

/** What one round came to. */
export interface RoundFigures {
  readonly tasks: number;
  readonly kills: number;
  /** The last that each killed operator said. */
  readonly diedAfter: readonly string[];
}

/** Tasks of every state, and what lets the held ones go. */
interface Scene {
  readonly worker: TrialProcess;
  readonly tasks: number;
  /** Some runs of the worker end now, well. */
  endSome(): void;
  endAll(): void;
  readonly running: readonly string[];
}

/**
 * Rounds of one trial: tasks of every state, a rollback that is killed at a random place, run again and killed again up
 * to three times, run to its end, and every task waited for. Then the way forward again.
 */
export class RollbackRounds {
  readonly #trial: Trial;
  #worker: TrialProcess | undefined;
  #names = 0;

  constructor(trial: Trial) {
    this.#trial = trial;
  }

  async round(): Promise<RoundFigures> {
    const trial = this.#trial;
    const count = 1 + Math.floor(trial.random() * MOST_DEATHS);
    const deaths = [...times(count, (i) => this.#death(i === 0 ? LAST_EVENT : LAST_EVENT_OF_RERUN)), null];
    const workerDies = trial.random() < 0.5;
    const comesBackEarly = trial.random() < 0.5;
    const starting = deaths.map((death) => trial.rollback(this.#name('operator'), { death }));
    const [scene, operators] = await Promise.all([this.#setScene(), Promise.all(starting)]);
    if (workerDies) await this.#killWorker(scene);

    const diedAfter: string[] = [];
    for (const [i, operator] of operators.entries()) {
      const isLast = i === operators.length - 1;
      operator.kill('SIGUSR2');
      if (i === 0) scene.endSome();
      if (isLast) break;
      if ((await operator.ended) === 'SIGKILL') {
        trial.note({ event: 'killed', target: operator.pid });
        diedAfter.push(this.#lastStepOf(operator));
      }
      if (workerDies && i === 0 && comesBackEarly) await this.#startWorker();
    }
    const last = operators.at(-1) as TrialProcess;
    await this.#expectBack(last);
    if (workerDies && !comesBackEarly) {
      await this.#expectEveryMovedTaskInAQueue();
      await this.#startWorker();
    }
    scene.endAll();
    await trial.settled();
    await trial.expectPromisesKept();
    return { tasks: scene.tasks, kills: diedAfter.length, diedAfter };
  }

  #name(kind: string): string {
    this.#names += 1;
    return `${kind}${this.#names}`;
  }

  #death(lastEvent: number): Death {
    const { random } = this.#trial;
    return {
      atEvent: 1 + Math.floor(random() * lastEvent),
      turns: Math.floor(random() * MOST_TURNS),
    };
  }

  async #startWorker(): Promise<TrialProcess> {
    this.#worker = await this.#trial.worker(this.#name('worker'));
    return this.#worker;
  }

  /** One of its tasks is to be cancelled: what it was running becomes stable's, but this one ends. */
  async #killWorker({ worker, running }: Scene): Promise<void> {
    const trial = this.#trial;
    await trial.kill(worker);
    this.#worker = undefined;
    await trial.cancel(running.at(-1) as string);
  }

  async #setScene(): Promise<Scene> {
    const trial = this.#trial;
    const { manager } = trial;
    if (manager.state.frozen !== '') await manager.resume({ reason: 'next round' });
    await manager.setRatio(0.9, { reason: 'next round' });
    const worker = this.#worker ?? (await this.#startWorker());
    const onCanary = { backend: 'canary' } as const;

    const failing = await Promise.all(times(3, () => trial.submit({ failures: 1 }, onCanary)));
    for (const { id } of failing) await trial.seen('told', (e) => e.id === id && e.type === 'retrying');
    const [some, rest] = [trial.gate(), trial.gate()];
    const held = await Promise.all(
      times(SLOTS, (i) => {
        const gate = i < 2 ? some : rest;
        return trial.submit({ hold: { [worker.who]: gate.file } }, onCanary);
      }),
    );
    for (const { id } of held) await trial.seen('started', (e) => e.id === id);
    // Canary's slots are taken: everything from here on waits.
    const submitting = [
      ...times(170, () => trial.submit()),
      ...times(20, () => trial.submit({}, { ...onCanary, delayMs: this.#delayMs() })),
      ...times(20, () => trial.submit({}, { ...onCanary, priority: 1 + Math.floor(trial.random() * 9) })),
      ...times(5, () => trial.submit({ failures: 1 }, onCanary)),
      ...times(2, (i) => trial.submit({}, { ...onCanary, idempotencyKey: this.#name(`key${i}`) })),
    ];
    const waiting = await Promise.all(submitting);
    for (const { id } of waiting.slice(-8, -6)) await trial.cancel(id);
    return {
      worker,
      tasks: failing.length + held.length + waiting.length,
      endSome: some.open,
      endAll: () => {
        some.open();
        rest.open();
      },
      running: held.map(({ id }) => id),
    };
  }

  /** Some come due during the rollback, some after it. */
  #delayMs(): number {
    return 50 + Math.floor(this.#trial.random() * 1500);
  }

  #lastStepOf(operator: TrialProcess): string {
    const steps = this.#trial.history.flatMap((e) =>
      e.event === 'rollback' && e.pid === operator.pid ? [e.step] : [],
    );
    return steps.at(-1) ?? 'nothing';
  }

  /** The operator that was left alone ends with 0, and what it says is so (I4, I8). */
  async #expectBack(operator: TrialProcess): Promise<void> {
    const text = await operator.nextLine();
    const report = JSON.parse(text.slice('report '.length)) as RollbackReport;
    const { seed } = this.#trial;
    const { openCanary, conserved } = report.ledger;
    expect({
      seed,
      exit: await operator.ended,
      problems: report.problems,
      openCanary,
      conserved,
    }).toEqual({ seed, exit: 0, problems: [], openCanary: 0, conserved: true });
  }

  /** Nobody works, so nothing but the rollback itself can have put them there. */
  async #expectEveryMovedTaskInAQueue(): Promise<void> {
    const { namespace, queue, seed, directUrl } = this.#trial;
    const client = plainClient(directUrl);
    const moved = `bq:${queue}.moved`;
    const [open, waiting, delayed] = await Promise.all([
      client.zrange(`{${namespace}}:open:moved`, 0, -1),
      client.lrange(`${moved}:waiting`, 0, -1),
      client.zrange(`${moved}:delayed`, 0, -1),
    ]);
    expect({ seed, ids: [...waiting, ...delayed].sort() }).toEqual({ seed, ids: [...open].sort() });
  }
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
