/** How often something happened. */
export interface Tally {
  readonly hits: number;
  readonly trials: number;
}

/** Tallies by name, in the order in which they were first counted. */
export class Tallies {
  readonly #counts = new Map<string, { hits: number; trials: number }>();

  /** @param happened null: does not apply, and is not counted */
  count(name: string, happened: boolean | null): void {
    if (happened === null) return;
    this.add(name, { hits: happened ? 1 : 0, trials: 1 });
  }

  add(name: string, { hits, trials }: Tally): void {
    const sum = this.#counts.get(name) ?? { hits: 0, trials: 0 };
    this.#counts.set(name, { hits: sum.hits + hits, trials: sum.trials + trials });
  }

  entries(): readonly (readonly [string, Tally])[] {
    return [...this.#counts];
  }
}

/** The share with half the width of its own 95 % interval. */
export function shareOf({ hits, trials }: Tally): { share: number; plusMinus: number } {
  const share = hits / trials;
  return { share, plusMinus: 1.96 * Math.sqrt(Math.max(share * (1 - share), 1 / trials) / trials) };
}
