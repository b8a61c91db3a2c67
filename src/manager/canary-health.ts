const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Remembers that canary just failed. A connection can look healthy and answer nothing (a half-open socket); without
 * this every submission for canary would wait for its own time-out before it goes to stable.
 */
export class CanaryHealth {
  #failures = 0;
  #usableAt = 0;

  /** False while canary is left alone after a failure; the pause doubles with every failure in a row. */
  isUsable(now = Date.now()): boolean {
    return now >= this.#usableAt;
  }

  failed(now = Date.now()): void {
    // Failures of submissions that were under way together count once.
    if (!this.isUsable(now)) return;
    this.#usableAt = now + Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
  }

  worked(): void {
    this.#failures = 0;
  }
}
