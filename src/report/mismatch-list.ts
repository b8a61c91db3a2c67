import pc from 'picocolors';
import type { Difference, Mismatch } from '../domain/parity.ts';
import { KIND_WORDS, timestamp } from '../domain/wording.ts';
import { visible } from './plain-text.ts';
import { NOT_THERE, PAIR_WORDS, placeOf, sidesOf } from './wording.ts';

/** Kept mismatches for a terminal, one after the other, each with the places that differ. */
export function mismatchList(mismatches: readonly Mismatch[], colored = false): string {
  const colors = pc.createColors(colored);
  const one = (mismatch: Mismatch): string => {
    const { at, task, pair, kind, primary, copy, note, differences } = mismatch;
    const [here, there] = sidesOf(pair);
    const value = (text: string | null) => (text === null ? colors.dim(NOT_THERE) : visible(text));
    const difference = ({ path, stable, canary }: Difference) =>
      `  ${visible(placeOf({ path }))}: ${colors.dim(here)} ${value(stable)} -> ${colors.dim(there)} ${value(canary)}`;
    return [
      `${colors.bold(visible(task))}: ${KIND_WORDS[kind]}`,
      colors.dim(`  ${timestamp(at)}, ${PAIR_WORDS[pair]}: ${primary} and its copy ${copy}`),
      ...(note === null ? [] : [`  ${visible(note)}`]),
      ...differences.map(difference),
    ].join('\n');
  };
  return mismatches.map(one).join('\n\n');
}
