import type { TimelineEntry } from '../domain/aggregates.ts';
import { COMPARED_ARMS } from './pools.ts';

/** What both backends finished in a part of the window. */
export interface Slice {
  readonly stable: { readonly finished: number; readonly failed: number };
  readonly canary: { readonly finished: number; readonly failed: number };
}

/**
 * Shadows end after their primaries, and failures after their tries, so within a few minutes the two sides look unlike each
 * other by themselves. Nothing is told from shorter slices.
 */
const SHORTEST_MS = 300_000;

interface Open {
  readonly at: number;
  readonly entries: TimelineEntry[];
}

/**
 * The window in slices, in the order of time, of five minutes or more.
 * @param fewest finished runs of a slice, both backends together; a slice is as much longer as that takes
 */
export function slicesOf(timeline: readonly TimelineEntry[], fewest: number): readonly Slice[] {
  const inOrder = timeline.filter(({ arm }) => COMPARED_ARMS.includes(arm)).sort((a, b) => a.at - b.at);
  const open: Open[] = [];
  for (const entry of inOrder) {
    const last = open.at(-1);
    const isFull = last && entry.at >= last.at + SHORTEST_MS && finishedOf(last.entries) >= fewest;
    // All entries of one minute, or hour, belong to one slice.
    if (!last || (isFull && entry.at > (last.entries.at(-1)?.at ?? 0))) {
      open.push({ at: entry.at, entries: [entry] });
    } else last.entries.push(entry);
  }
  const [previous, last] = [open.at(-2), open.at(-1)];
  if (previous && last && isRest(previous, last, fewest)) {
    previous.entries.push(...last.entries);
    open.pop();
  }
  return open.map(({ entries }) => ({
    stable: sumOf(entries.filter(({ backend }) => backend === 'stable')),
    canary: sumOf(entries.filter(({ backend }) => backend === 'canary')),
  }));
}

/** Whether the last slice is no slice of its own, but the end of the one before. */
function isRest(previous: Open, last: Open, fewest: number): boolean {
  if (finishedOf(last.entries) < fewest) return true;
  const end = last.entries.reduce((latest, { at, spanMs }) => Math.max(latest, at + spanMs), 0);
  return end - last.at < SHORTEST_MS && last.at < previous.at + 2 * SHORTEST_MS;
}

function finishedOf(entries: readonly TimelineEntry[]): number {
  return entries.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0);
}

function sumOf(entries: readonly TimelineEntry[]): { finished: number; failed: number } {
  return { finished: finishedOf(entries), failed: entries.reduce((sum, { failed }) => sum + failed, 0) };
}
