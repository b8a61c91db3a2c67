import type { Interval } from '../domain/report.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** 12345 as `12,345`. */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 pair`, `1,204 pairs`. */
export function plural(n: number, noun: string, many = `${noun}s`): string {
  return `${count(n)} ${n === 1 ? noun : many}`;
}

/** A share of 0 to 1 as `0.83 %`. Never rounds to 0 % or 100 % what is not exactly that. */
export function percent(share: number): string {
  return `${percentNumber(share)} %`;
}

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

/** A measured time with three significant digits: `12.4 ms`, `1.24 s`, `4 min 10 s`. */
export function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return endless(ms);
  if (ms > 0 && ms < 0.01) return '<0.01 ms';
  const rounded = Number(ms.toPrecision(3));
  if (rounded < SECOND_MS) return `${decimals(rounded, 2)} ms`;
  if (rounded < MINUTE_MS) return `${decimals(rounded / SECOND_MS, 2)} s`;
  return duration(ms);
}

/** A length of time in its two largest units: `2 s`, `1 h 30 min`, `30 days`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return endless(ms);
  if (Math.abs(ms) < SECOND_MS) return `${Math.round(Math.max(0, ms))} ms`;
  const seconds = Math.round(Math.max(0, ms) / SECOND_MS) * SECOND_MS;
  if (seconds < MINUTE_MS) return `${seconds / SECOND_MS} s`;
  if (seconds < HOUR_MS) return two(seconds, MINUTE_MS, 'min', SECOND_MS, 's');
  if (seconds <= DAY_MS) return two(seconds, HOUR_MS, 'h', MINUTE_MS, 'min');
  const days = Math.floor(seconds / DAY_MS);
  return two(seconds, DAY_MS, days === 1 ? 'day' : 'days', HOUR_MS, 'h');
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

/** ISO 8601 in UTC to the second: `2026-11-01T10:00:00Z`. @param at milliseconds since 1970 */
export function timestamp(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? 'unknown time' : `${date.toISOString().slice(0, 19)}Z`;
}

/** A probability: `0.42`, `<0.0001`. */
export function probability(p: number): string {
  return p > 0 && p < 0.0001 ? '<0.0001' : String(Number(p.toPrecision(2)));
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const first = Math.floor(ms / large);
  const second = Math.floor((ms - first * large) / small);
  return second === 0 ? `${first} ${largeName}` : `${first} ${largeName} ${second} ${smallName}`;
}

function percentNumber(share: number): string {
  if (!Number.isFinite(share)) return endless(share);
  const value = Math.abs(share * 100);
  const sign = share < 0 ? '−' : '';
  if (value === 0) return '0';
  if (value < 0.001) return share < 0 ? '−0.001' : '<0.001';
  const text = decimals(value, value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
  return text === '100' && value < 100 ? `${sign}>99.9` : `${sign}${text}`;
}

function signed(share: number): string {
  const text = percentNumber(share);
  return share > 0 ? `+${text}` : text;
}

function factorNumber(ratio: number): string {
  if (!Number.isFinite(ratio)) return endless(ratio);
  return decimals(ratio, ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2);
}

function decimals(value: number, most: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: most });
}

function endless(value: number): string {
  return Number.isNaN(value) ? 'unknown' : value > 0 ? '∞' : '−∞';
}
