import type { Comparison, Difference, Observation, ParityOptions } from '../../src/domain/parity.ts';
import { readParityOptions } from '../../src/domain/parity-options.ts';
import {
  type ComparedPair,
  type ComparisonLimits,
  compareObservations,
} from '../../src/parity/comparison.ts';

export function succeeded(value: unknown, backend: Observation['backend'] = 'stable'): Observation {
  return { backend, status: 'succeeded', value };
}

export function failed(
  error: NonNullable<Observation['error']>,
  backend: Observation['backend'] = 'stable',
): Observation {
  return { backend, status: 'failed', error };
}

/** More than any test's results need, on a machine that is busy. */
const PATIENT: ComparisonLimits = { budgetMs: 60_000 };

/** Two results of one input, one from each backend. */
export function compared(
  stable: unknown,
  canary: unknown,
  options: ParityOptions = {},
  limits: ComparisonLimits = PATIENT,
): ComparedPair {
  const definition = readParityOptions('sample', options);
  return compareObservations(definition, succeeded(stable), succeeded(canary, 'canary'), limits);
}

/** `kind`, or `match`; and each difference on a line of its own. */
export function summary({ comparison }: ComparedPair): readonly string[] {
  if (comparison.verdict === 'match') return ['match'];
  return [comparison.kind, ...comparison.differences.map(line)];
}

function line({ path, change, stable, canary }: Difference): string {
  return `${path} ${change}: ${stable} -> ${canary}`;
}

export function mismatchOf({ comparison }: ComparedPair): Extract<Comparison, { verdict: 'mismatch' }> {
  if (comparison.verdict === 'match') throw new Error('The pair was expected to differ, and matches.');
  return comparison;
}
