import type { ParityDefinition } from '../domain/parity.ts';

/** Whether two numbers count as equal. */
export type Within = (a: number, b: number) => boolean;

/** By the absolute distance, or by the relative one of the larger number's size; either is enough. */
export function withinTolerance({ absolute, relative }: ParityDefinition['tolerance']): Within {
  return (a, b) => {
    if (a === b) return true;
    const distance = Math.abs(a - b);
    return distance <= absolute || distance <= relative * Math.max(Math.abs(a), Math.abs(b));
  };
}
