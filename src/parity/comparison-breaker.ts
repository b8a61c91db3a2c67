import type { Logger } from '../domain/logger.ts';

/** So many slow comparisons in a row are taken for a habit of the task. */
const MOST_SLOW = 3;
/** A comparison may take 100 ms; the usual one takes less than a thousandth of that. Milliseconds. */
const SLOW_MS = 90;

/** Keeps a task whose results take long to compare from holding up a worker, and others' tasks with it, again and again. */
export class ComparisonBreaker {
  readonly #log: Logger;
  /** Slow comparisons since the last quick one, by task. */
  readonly #slow = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Whether the task is not compared any more by this process. */
  isOpen(task: string): boolean {
    return (this.#slow.get(task) ?? 0) >= MOST_SLOW;
  }

  /** Counts a comparison, whatever came of it. */
  note(task: string, ms: number): void {
    if (ms < SLOW_MS) {
      this.#slow.delete(task);
      return;
    }
    const slow = (this.#slow.get(task) ?? 0) + 1;
    this.#slow.set(task, slow);
    if (slow !== MOST_SLOW) return;
    const message = `parity: ${slow} comparisons in a row took too long; this process does not compare the task any more`;
    this.#log.error({ task }, message);
  }
}
