/** Why a run is asked to end early. */
export type AbortCause = 'timeout' | 'cancel' | 'rollback' | 'shutdown';

/** One run of a handler. */
export class RunningTask {
  readonly id: string;
  readonly startedAt = Date.now();
  /** The lease it was started under; null for a run without a ledger entry. */
  worker: string | null = null;
  /** Called when the run is asked to end. */
  onAbort: (cause: AbortCause) => void = () => {};
  #controller: AbortController | undefined;
  #cause: AbortCause | null = null;
  #reason: unknown;

  constructor(id: string) {
    this.id = id;
  }

  /** The first cause; null: nobody asked. */
  get cause(): AbortCause | null {
    return this.#cause;
  }

  /** Made when a handler first looks at it: most never do, and a signal costs more than the rest of a run. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cause !== null) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** Asks the run to end. The first cause stays. */
  abort(cause: AbortCause, reason: unknown = new DOMException(`aborted: ${cause}`, 'AbortError')): void {
    if (this.#cause === null) {
      this.#cause = cause;
      this.#reason = reason;
      this.#controller?.abort(reason);
    }
    this.onAbort(cause);
  }
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
    const run = new RunningTask(id);
    this.#runs.set(id, run);
    return run;
  }

  end(run: RunningTask): void {
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id);
  }

  /** False: it is not running here. */
  abort(id: string, cause: AbortCause): boolean {
    const run = this.#runs.get(id);
    run?.abort(cause);
    return run !== undefined;
  }

  abortMany(ids: readonly string[], cause: AbortCause): void {
    for (const id of ids) this.abort(id, cause);
  }

  abortAll(cause: AbortCause): void {
    for (const run of this.#runs.values()) run.abort(cause);
  }
}
