/** Why a run is asked to end early. */
export type AbortCause = 'timeout' | 'cancel' | 'rollback' | 'shutdown';

export interface RunningTask {
  readonly id: string;
  readonly startedAt: number;
  readonly controller: AbortController;
  /** The lease it was started under; null for a run without a ledger entry. */
  worker: string | null;
  cause: AbortCause | null;
}

/** The runs of this process. */
export class RunningTasks {
  readonly #runs = new Map<string, RunningTask>();

  get size(): number {
    return this.#runs.size;
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  /** Runs that began under a lease. */
  countUnder(worker: string): number {
    let count = 0;
    for (const run of this.#runs.values()) if (run.worker === worker) count += 1;
    return count;
  }

  begin(id: string): RunningTask {
    const controller = new AbortController();
    const run: RunningTask = { id, startedAt: Date.now(), controller, worker: null, cause: null };
    this.#runs.set(id, run);
    return run;
  }

  end(run: RunningTask): void {
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id);
  }

  /** Asks a run to end. False: it is not running here. The first cause stays. */
  abort(id: string, cause: AbortCause): boolean {
    const run = this.#runs.get(id);
    if (!run) return false;
    run.cause ??= cause;
    run.controller.abort(new DOMException(`aborted: ${cause}`, 'AbortError'));
    return true;
  }

  abortAll(cause: AbortCause): void {
    for (const id of this.#runs.keys()) this.abort(id, cause);
  }
}
