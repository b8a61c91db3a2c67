import type { RollbackEvent, RollbackListener, RollbackPhase } from '../domain/rollback.ts';
import { persevere } from './perseverance.ts';

/** How the steps of a run are taken: told to whoever listens, timed, and repeated while Redis is away. */
export class Steps {
  readonly signal: AbortSignal | undefined;
  readonly #listener: RollbackListener;
  readonly #warn: (message: string) => void;
  readonly #phaseMs = new Map<RollbackPhase, number>();

  constructor(listener: RollbackListener, signal: AbortSignal | undefined, warn: (message: string) => void) {
    this.#listener = listener;
    this.signal = signal;
    this.#warn = warn;
  }

  /** A phase may come more than once; its times add up. */
  get phases(): readonly { readonly phase: RollbackPhase; readonly ms: number }[] {
    return [...this.#phaseMs].map(([phase, ms]) => ({ phase, ms }));
  }

  readonly emit = (event: RollbackEvent): void => {
    try {
      this.#listener(event);
    } catch (error) {
      this.#warn(`a listener threw: ${(error as Error).message}`);
    }
  };

  /** @throws the signal's reason, when it aborts */
  async phase<T>(phase: RollbackPhase, step: () => Promise<T>): Promise<T> {
    this.emit({ type: 'phase-began', phase });
    const startedAt = performance.now();
    const value = await this.persevere(step);
    this.signal?.throwIfAborted();
    const ms = performance.now() - startedAt;
    this.#phaseMs.set(phase, (this.#phaseMs.get(phase) ?? 0) + ms);
    this.emit({ type: 'phase-ended', phase, ms });
    return value;
  }

  /** The step has to be one that may be repeated. */
  readonly persevere = <T>(step: () => Promise<T>): Promise<T> => {
    const onTrouble = (error: Error) => this.emit({ type: 'trouble', message: error.message });
    return persevere(step, onTrouble, this.signal);
  };
}
