import { readFileSync, rmSync } from 'node:fs';
import { expect } from '@jest/globals';
import type { Death } from './fault-rollback.ts';
import {
  type Backlog,
  expectBack,
  expectMovesCounted,
  makeBacklog,
  movedTasks,
  times,
} from './rollback-backlog.ts';
import type { Trial, TrialProcess } from './trial.ts';

/** Where an operator may die: a whole run has about so many events, one that has little left to do has fewer. */
const LAST_EVENT = 18;
const LAST_EVENT_OF_RERUN = 14;
const MOST_DEATHS = 4;
const MOST_TURNS = 6;

/** What one round came to. */
export interface RoundFigures {
  readonly tasks: number;
  readonly kills: number;
  /** The last that each killed operator said. */
  readonly diedAfter: readonly string[];
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
    rmSync(trial.configFile, { force: true });
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
    await expectBack(trial, last);
    expect(readFileSync(trial.configFile, 'utf8')).toContain('celeryRatio: 0\n');
    await scene.repeatKeyed();
    if (workerDies && !comesBackEarly) {
      await this.#expectEveryMovedTaskInAQueue();
      await this.#startWorker();
    }
    scene.endAll();
    await trial.settled();
    await expectMovesCounted(trial);
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
  async #killWorker({ worker, running }: Backlog): Promise<void> {
    const trial = this.#trial;
    await trial.kill(worker);
    this.#worker = undefined;
    await trial.cancel(running.at(-1) as string);
  }

  async #setScene(): Promise<Backlog> {
    const trial = this.#trial;
    const { manager } = trial;
    if (manager.state.frozen !== '') await manager.resume({ reason: 'next round' });
    await manager.setRatio(0.9, { reason: 'next round' });
    return makeBacklog(trial, this.#worker ?? (await this.#startWorker()));
  }

  #lastStepOf(operator: TrialProcess): string {
    const steps = this.#trial.history.flatMap((e) =>
      e.event === 'rollback' && e.pid === operator.pid ? [e.step] : [],
    );
    return steps.at(-1) ?? 'nothing';
  }

  /** Nobody works, so nothing but the rollback itself can have put them there. */
  async #expectEveryMovedTaskInAQueue(): Promise<void> {
    const { seed } = this.#trial;
    const { open, queued } = await movedTasks(this.#trial);
    expect({ seed, queued }).toEqual({ seed, queued: open });
  }
}
