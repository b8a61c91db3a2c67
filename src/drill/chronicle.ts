import { setTimeout as sleep } from 'node:timers/promises';
import type { BackendName, TaskContext } from '../domain/task.ts';

/** One call of a drill's handler. */
export interface Run {
  readonly backend: BackendName;
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** null: it runs. */
  ended: 'succeeded' | 'failed' | null;
}

/** What the handlers of a drill have done, written down by themselves: the judge that Redis cannot mislead. */
export class Chronicle {
  readonly #runs = new Map<string, Run[]>();
  readonly #watchers = new Set<() => void>();
  #changes = 0;

  begin({ id, backend, attempt }: TaskContext): Run {
    const run: Run = { backend, attempt, startedAt: Date.now(), ended: null };
    this.#runs.set(id, [...this.runsOf(id), run]);
    this.#tell();
    return run;
  }

  end(run: Run, ended: 'succeeded' | 'failed'): void {
    run.ended = ended;
    this.#tell();
  }

  runsOf(id: string): readonly Run[] {
    return this.#runs.get(id) ?? [];
  }

  /** How often something was written down. */
  get changes(): number {
    return this.#changes;
  }

  /** Waits until something is so. @returns false if it was not within the time */
  async until(isMet: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (isMet()) return true;
    const patience = new AbortController();
    const stop = AbortSignal.any([signal, patience.signal]);
    const watch = () => {
      if (isMet()) patience.abort();
    };
    this.#watchers.add(watch);
    await sleep(timeoutMs, undefined, { signal: stop }).catch(() => {});
    this.#watchers.delete(watch);
    signal.throwIfAborted();
    return isMet();
  }

  #tell(): void {
    this.#changes += 1;
    for (const watch of [...this.#watchers]) watch();
  }
}

/** For what only Redis can tell: asks every few milliseconds. @returns false if it was not so within the time */
export async function eventually(
  isSo: () => Promise<boolean>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await isSo()) return true;
    if (performance.now() > deadline) return false;
    await sleep(25, undefined, { signal });
  }
}
