import type { MismatchKind } from './parity.ts';

// How verdicts and reports write numbers and name things: one sentence of a report must not call it otherwise than the next.

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export const KIND_WORDS: Readonly<Record<MismatchKind, string>> = {
  value: 'different values',
  type: 'different types',
  outcome: 'one succeeded, the other failed',
  error: 'failed in different ways',
  'stable-missing': 'no outcome on stable',
  'canary-missing': 'no outcome on canary',
  comparator: 'own comparison failed',
};

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

/** The number of `percent` alone. */
export function percentNumber(share: number): string {
  if (!Number.isFinite(share)) return endless(share);
  const value = Math.abs(share * 100);
  const sign = share < 0 ? '−' : '';
  if (value === 0) return '0';
  if (value < 0.001) return share < 0 ? '−0.001' : '<0.001';
  const text = decimals(value, value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
  return text === '100' && value < 100 ? `${sign}>99.9` : `${sign}${text}`;
}

/** A measured time with three significant digits: `12.4 ms`, `1.24 s`, `4 min 10 s`. */
export function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return endless(ms);
  if (ms < 0) return `−${milliseconds(-ms)}`;
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

/** ISO 8601 in UTC to the second: `2026-11-01T10:00:00Z`. @param at milliseconds since 1970 */
export function timestamp(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? 'unknown time' : `${date.toISOString().slice(0, 19)}Z`;
}

/** @param most digits after the point */
export function decimals(value: number, most: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: most });
}

/** What is no number, or has no end. */
export function endless(value: number): string {
  return Number.isNaN(value) ? 'unknown' : value > 0 ? '∞' : '−∞';
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const first = Math.floor(ms / large);
  const second = Math.floor((ms - first * large) / small);
  return second === 0 ? `${first} ${largeName}` : `${first} ${largeName} ${second} ${smallName}`;
}

/** As a shell takes it for one word, whatever it holds. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
