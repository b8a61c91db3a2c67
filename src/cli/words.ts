import { relative } from 'node:path';

const UNITS = [
  ['day', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** `3 min`, `2 h`, `5 days`: one number and one unit are enough for a person. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  for (const [unit, size] of UNITS) {
    if (seconds < size) continue;
    const count = Math.floor(seconds / size);
    return `${count} ${unit}${unit === 'day' && count > 1 ? 's' : ''}`;
  }
  return seconds < 1 && ms > 0 ? `${Math.round(ms)} ms` : `${Math.floor(seconds)} s`;
}

/** @param at milliseconds since 1970; clocks of two machines differ, so the future is now */
export function ago(at: number, now = Date.now()): string {
  return now - at < 1_000 ? 'just now' : `${duration(now - at)} ago`;
}

export function time(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').slice(0, 19);
}

/** 12345 as `12,345`. */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 task`, `2 tasks`. */
export function plural(n: number, noun: string, many = `${noun}s`): string {
  return `${count(n)} ${n === 1 ? noun : many}`;
}

/** A path as one would type it here: relative if it is below the working directory. */
export function shortPath(path: string): string {
  const fromHere = relative('', path);
  return fromHere.startsWith('..') ? path : fromHere;
}

/** A record as `name value` pairs: `generate-metadata 0.1, other 0.5`. */
export function pairs(record: Readonly<Record<string, string | number>>): string {
  return Object.entries(record)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

/** A measured time: `3 ms`, `1.2 s`, `4 min 10 s`. */
export function span(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
