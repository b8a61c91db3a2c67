import type { Interval } from '../domain/report.ts';
import { percent, percentNumber } from '../domain/wording.ts';

/** `between 14.9 and 31.1 %` */
export function percentBetween({ low, high }: Interval): string {
  return `between ${percentNumber(low)} and ${percent(high)}`;
}

/** `1.25 times` */
export function times(ratio: number): string {
  return `${Number(ratio.toPrecision(3))} times`;
}

/** `p = 0.03`, `p < 0.0001` */
export function chance(pValue: number): string {
  return pValue < 0.0001 ? 'p < 0.0001' : `p = ${Number(pValue.toPrecision(2))}`;
}

/** With a capital letter. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
