import type { Logger } from '../domain/logger.ts';

/** A place that may be absent is not worth a word after the first few results. */
const RESULTS_TO_SEE = 10;

interface Seen {
  results: number;
  readonly neverMatched: Set<string>;
}

/** Says once per task and pointer that an `ignore` pointer matches nothing: it is probably misspelt. */
export class UnmatchedIgnores {
  readonly #log: Logger;
  readonly #seen = new Map<string, Seen>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param unmatched those of `ignore` that matched nothing in this pair */
  note(task: string, ignore: readonly string[], unmatched: readonly string[]): void {
    if (ignore.length === 0) return;
    const seen = this.#seen.get(task) ?? { results: 0, neverMatched: new Set(ignore) };
    this.#seen.set(task, seen);
    if (seen.results >= RESULTS_TO_SEE) return;
    seen.results += 1;
    for (const pointer of ignore) if (!unmatched.includes(pointer)) seen.neverMatched.delete(pointer);
    if (seen.results < RESULTS_TO_SEE) return;
    for (const pointer of seen.neverMatched) {
      this.#log.warn(
        { task, pointer },
        'parity.ignore: nothing in the results has this place; is it spelt right?',
      );
    }
  }
}
