import type { Logger } from '../domain/logger.ts';
import type { MismatchKind } from '../domain/parity.ts';

/** So often a task's own code may hold up its worker until the time box stops it. */
const MOST_STOPS = 3;
/** What a comparison took that the time box stopped, at least; any other is quicker by far. Milliseconds. */
const STOPPED_MS = 90;

/** Keeps a comparison that never ends from holding up a worker, and others' tasks with it, again and again. */
export class OwnCodeBreaker {
  readonly #log: Logger;
  readonly #stops = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Whether the task's own code is not called any more by this process. */
  isOpen(task: string): boolean {
    return (this.#stops.get(task) ?? 0) >= MOST_STOPS;
  }

  /** @param kind what came of a comparison; null: the results match */
  note(task: string, kind: MismatchKind | null, ms: number): void {
    if (kind !== 'comparator' || ms < STOPPED_MS) return;
    const stops = (this.#stops.get(task) ?? 0) + 1;
    this.#stops.set(task, stops);
    if (stops !== MOST_STOPS) return;
    const message = `parity: the task's own clean or compare was stopped ${stops} times for taking too long; it is not called again`;
    this.#log.error({ task }, message);
  }
}
