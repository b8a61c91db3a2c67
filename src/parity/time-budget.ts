/** Ends a comparison whose time is up, from wherever in it the clock was looked at. */
export class OutOfTime extends Error {}

/** So many steps go by between two looks at the clock, which cost more than a step does. */
const STEPS_PER_LOOK = 256;

/** The time that one pair has: its own code, and every unordered array in it, however deep, draw on the same. */
export class TimeBudget {
  readonly totalMs: number;
  #endsAt: number;
  #steps = 0;

  constructor(totalMs: number) {
    this.totalMs = totalMs;
    this.#endsAt = performance.now() + totalMs;
  }

  /** In whole milliseconds; 0: the time is up. */
  get leftMs(): number {
    return Math.max(0, Math.floor(this.#endsAt - performance.now()));
  }

  /** To be called when something else has found that the time is up: two clocks may be a millisecond apart. */
  exhaust(): void {
    this.#endsAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * To be called in every turn of a loop that a result can make long. Short work never looks at the clock.
   *
   * @throws {OutOfTime} the time is up
   */
  step(): void {
    this.#steps += 1;
    if (this.#steps % STEPS_PER_LOOK === 0 && performance.now() >= this.#endsAt) throw new OutOfTime();
  }
}
