import { setTimeout as sleep } from 'node:timers/promises';
import type { DrillTask, Roster } from './roster.ts';

/** A producer that does not notice anything: between two submissions it pauses so long at most. Milliseconds. */
const LONGEST_PAUSE_MS = 20;
/** Should the rest take long, the drill stays small. */
const MOST = 1000;

interface Submitted {
  /** On the clock of `performance.now()`. */
  readonly begunAt: number;
  readonly task: DrillTask;
}

/** Submits one task after the other, until it is stopped. */
export class Stream {
  readonly #roster: Roster;
  readonly #random: () => number;
  readonly #submitted: Submitted[] = [];
  readonly #stopping = new AbortController();
  #frozenAt = Number.POSITIVE_INFINITY;
  #ended: Promise<unknown> = Promise.resolve();
  #failure: Error | null = null;

  constructor(roster: Roster, random: () => number) {
    this.#roster = roster;
    this.#random = random;
  }

  begin(): void {
    this.#ended = this.#run();
  }

  /** From now on nothing may be accepted for canary. */
  frozen(): void {
    this.#frozenAt = performance.now();
  }

  get length(): number {
    return this.#submitted.length;
  }

  /** What was begun after the freeze. */
  get sinceFreeze(): readonly DrillTask[] {
    return this.#submitted.filter(({ begunAt }) => begunAt >= this.#frozenAt).map(({ task }) => task);
  }

  /** Of these those that went to canary all the same. */
  get strays(): readonly DrillTask[] {
    return this.sinceFreeze.filter(({ handle }) => handle.backend === 'canary');
  }

  /** A submission that was not taken; null: all were. */
  get failure(): Error | null {
    return this.#failure;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      while (!signal.aborted && this.#submitted.length < MOST) {
        const begunAt = performance.now();
        const task = await this.#roster.submit('of the producer', {});
        this.#submitted.push({ begunAt, task });
        await sleep(this.#random() * LONGEST_PAUSE_MS, undefined, { signal }).catch(() => {});
      }
    } catch (error) {
      this.#failure = error as Error;
    }
  }
}
