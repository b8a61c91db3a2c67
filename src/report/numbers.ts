import type { Interval } from '../domain/report.ts';
import { decimals, endless, percentNumber, plural } from '../domain/wording.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** A difference of two shares in percentage points, always with its sign: `+0.83 points`. */
export function points(difference: number): string {
  const text = signed(difference);
  return `${text} ${/^[+−]1$/.test(text) ? 'point' : 'points'}`;
}

/** An interval of shares, to be read after an estimate with its unit: `0.41 to 1.2`. */
export function percentRange({ low, high }: Interval): string {
  return `${percentNumber(low)} to ${percentNumber(high)}`;
}

/** An interval of differences: `−0.1 to +1.9`. */
export function pointsRange({ low, high }: Interval): string {
  return `${signed(low)} to ${signed(high)}`;
}

/** How many times as much: `1.08×`. */
export function factor(ratio: number): string {
  return `${factorNumber(ratio)}×`;
}

/** An interval of ratios: `1.02 to 1.15`. */
export function factorRange({ low, high }: Interval): string {
  return `${factorNumber(low)} to ${factorNumber(high)}`;
}

/** `3 minutes ago`. Clocks of two machines differ, so what is in the future is now. */
export function ago(at: number, now: number): string {
  const ms = now - at;
  if (!(ms >= SECOND_MS)) return 'just now';
  if (ms < MINUTE_MS) return `${plural(Math.floor(ms / SECOND_MS), 'second')} ago`;
  if (ms < HOUR_MS) return `${plural(Math.floor(ms / MINUTE_MS), 'minute')} ago`;
  if (ms < 2 * DAY_MS) return `${plural(Math.floor(ms / HOUR_MS), 'hour')} ago`;
  return `${plural(Math.floor(ms / DAY_MS), 'day')} ago`;
}

function signed(share: number): string {
  const text = percentNumber(share);
  return share > 0 ? `+${text}` : text;
}

function factorNumber(ratio: number): string {
  if (!Number.isFinite(ratio)) return endless(ratio);
  return decimals(ratio, ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2);
}
