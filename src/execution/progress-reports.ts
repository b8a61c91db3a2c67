import { setImmediate as nextTurn } from 'node:timers/promises';

/** So long may a handler compute before a report lets others have their turn, in milliseconds. */
const TURN_AFTER_MS = 25;

/**
 * What a run says of its progress. A handler never waits for Redis here: if it did, its run time would be a matter of its
 * backend's round trips, and of whatever else the process computes in between. One report is under way at a time; of those
 * that come meanwhile, the newest goes next.
 */
export class ProgressReports {
  readonly #publish: (value: unknown) => Promise<void>;
  #next: { readonly value: unknown } | null = null;
  #isPublishing = false;
  #hasEnded = false;
  #turnedAt = performance.now();

  /** @param publish must not reject */
  constructor(publish: (value: unknown) => Promise<void>) {
    this.#publish = publish;
  }

  /**
   * Resolves at once; but a handler that has computed for a while lets the event loop turn here, so that its process shows
   * signs of life, and it hears of an abort. Not each time: whatever ran meanwhile would count as time of this run.
   */
  async report(value: unknown): Promise<void> {
    if (!this.#hasEnded) {
      this.#next = { value };
      if (!this.#isPublishing) void this.#publishAll();
    }
    if (performance.now() - this.#turnedAt < TURN_AFTER_MS) return;
    await nextTurn();
    this.#turnedAt = performance.now();
  }

  /** The run is over: what waits is sent, so that it is with the backend before the run's end is; nothing comes after it. */
  end(): void {
    this.#hasEnded = true;
    const last = this.#next;
    this.#next = null;
    if (last) void this.#publish(last.value);
  }

  async #publishAll(): Promise<void> {
    this.#isPublishing = true;
    for (let next = this.#next; next; next = this.#next) {
      this.#next = null;
      await this.#publish(next.value);
    }
    this.#isPublishing = false;
  }
}
