import type { DrillStep } from './report.ts';

/** Steps in the order in which they come. */
export const STEPS = [
  'preflight',
  'forward',
  'red button',
  'rollback',
  'stable runs it',
  'runs counted',
  'results',
  'forward again',
  'ledger',
  'clean up',
] as const;

export type StepName = (typeof STEPS)[number];

/** The step could not be finished; its record says why. */
export class StepBroken extends Error {}

/** What a step does: it names what is wrong, and says in a few words what it saw. */
type Act<T> = (problem: (sentence: string) => void) => Promise<readonly [detail: string, value: T]>;

/** Plays the steps and writes down what came of them. */
export class Script {
  readonly steps: DrillStep[] = [];
  readonly #signal: AbortSignal;
  readonly #onStep: (step: DrillStep) => void;

  constructor(signal: AbortSignal, onStep: (step: DrillStep) => void) {
    this.#signal = signal;
    this.#onStep = onStep;
  }

  /** @throws {StepBroken} */
  async play<T>(name: StepName, act: Act<T>): Promise<T> {
    const problems: string[] = [];
    const startedAt = performance.now();
    const end = (detail: string) => {
      const status = problems.length === 0 ? 'passed' : 'failed';
      this.#add({ name, status, ms: performance.now() - startedAt, detail, problems });
    };
    try {
      // Cleaning up is done whatever happens.
      if (name !== 'clean up') this.#signal.throwIfAborted();
      const [detail, value] = await act((sentence) => problems.push(sentence));
      end(detail);
      return value;
    } catch (error) {
      problems.push(this.#signal.aborted ? 'Interrupted.' : (error as Error).message);
      end('');
      throw new StepBroken(name, { cause: error });
    }
  }

  /** Marks those that were not played. */
  skipTo(next: StepName | 'end'): void {
    const end = next === 'end' ? STEPS.length : STEPS.indexOf(next);
    for (const name of STEPS.slice(this.steps.length, end))
      this.#add({ name, status: 'skipped', ms: 0, detail: '', problems: [] });
  }

  #add(step: DrillStep): void {
    this.steps.push(step);
    this.#onStep(step);
  }
}
