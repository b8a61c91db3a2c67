import type { Interval } from '../domain/report.ts';

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `1,234` */
export function amount(count: number): string {
  return WHOLE.format(count);
}

/** `1 pair`, `1,234 pairs` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${amount(count)} ${count === 1 ? one : many}`;
}

/** The number alone: `25.8`; small ones and those just below 100 with enough digits that they are not 0 and 100. */
function percentNumber(share: number): string {
  const value = share * 100;
  const gap = Math.min(Math.abs(value), Math.abs(100 - Math.abs(value)));
  const digits = gap === 0 ? 0 : gap >= 1 ? 1 : Math.min(6, 1 - Math.floor(Math.log10(gap)));
  // Adding 0 turns a -0 into 0.
  return String(Number(value.toFixed(digits)) + 0);
}

/** `25.8 %` */
export function percent(share: number): string {
  return `${percentNumber(share)} %`;
}

/** `between 14.9 and 31.1 %` */
export function percentBetween({ low, high }: Interval): string {
  return `between ${percentNumber(low)} and ${percent(high)}`;
}

/** `1.25 times` */
export function times(ratio: number): string {
  return `${Number(ratio.toPrecision(3))} times`;
}

/** `0.84 ms`, `52 ms`, `1.25 s` */
export function duration(ms: number): string {
  const inSeconds = Math.abs(ms) >= 1000;
  const value = inSeconds ? ms / 1000 : ms;
  return `${Number(value.toPrecision(3))} ${inSeconds ? 's' : 'ms'}`;
}

/** `p = 0.03`, `p < 0.0001` */
export function chance(pValue: number): string {
  return pValue < 0.0001 ? 'p < 0.0001' : `p = ${Number(pValue.toPrecision(2))}`;
}

/** With a capital letter. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
