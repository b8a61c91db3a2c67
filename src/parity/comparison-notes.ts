import { MOST_DIFFERENCES } from './differences.ts';
import { MOST_PLACES } from './pair-preparation.ts';

/** @param places that differ; null: there was no time to find them */
export function noteOnPlaces(places: number | null): string | undefined {
  if (places === null)
    return "The task's own compare says that they differ; there was no time to find where.";
  if (places === 0) {
    return "The task's own compare says that they differ; the built-in comparison finds no difference.";
  }
  if (places <= MOST_DIFFERENCES) return undefined;
  const many = places > MOST_PLACES ? `More than ${MOST_PLACES}` : places;
  return `${many} places differ; the first ${MOST_DIFFERENCES} are kept.`;
}

export function jsonTypeOf(value: unknown): string {
  if (value === undefined) return 'no result';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
