import type { TimelineEntry } from '../domain/aggregates.ts';

const MINUTE_MS = 60_000;
const WIDTHS_MS = [1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * MINUTE_MS);
/** Of a task on one backend. A chart draws fewer, and a month of five minutes would make a report of megabytes. */
const MOST_ENTRIES = 100;

/** The same counts in parts that are as long as the window makes them, an hour at most. */
export function shownTimeline(
  timeline: readonly TimelineEntry[],
  { from, to }: { readonly from: number; readonly to: number },
): readonly TimelineEntry[] {
  const widest = WIDTHS_MS.at(-1) as number;
  const width = WIDTHS_MS.find((one) => (to - from) / one <= MOST_ENTRIES) ?? widest;
  const shown = new Map<string, TimelineEntry>();
  for (const entry of timeline) {
    const { task, backend, arm } = entry;
    const name = `${Math.floor(entry.at / width)} ${task} ${backend} ${arm}`;
    const before = shown.get(name);
    shown.set(name, before ? together(before, entry) : entry);
  }
  return [...shown.values()];
}

function together(a: TimelineEntry, b: TimelineEntry): TimelineEntry {
  const at = Math.min(a.at, b.at);
  return {
    ...a,
    at,
    spanMs: Math.max(a.at + a.spanMs, b.at + b.spanMs) - at,
    succeeded: a.succeeded + b.succeeded,
    failed: a.failed + b.failed,
  };
}
