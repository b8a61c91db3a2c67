import type { TimelineEntry } from '../domain/aggregates.ts';
import type { BackendName } from '../domain/task.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const WIDTHS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12, 24, 48].map((hours) => hours * HOUR_MS),
];
/** More bars than these are too thin for a telephone. */
const MOST_BINS = 80;

export interface Bin {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly succeeded: number;
  readonly failed: number;
}

export interface Timeline {
  readonly binMs: number;
  readonly from: number;
  readonly to: number;
  readonly bins: Readonly<Record<BackendName, readonly Bin[]>>;
}

/** Entries of both backends in bars of one width, small enough to see a bad minute and few enough to draw. */
export function timelineOf(
  entries: readonly TimelineEntry[],
  window: { readonly from: number; readonly to: number },
): Timeline {
  const widest = entries.reduce((most, { spanMs }) => Math.max(most, spanMs), MINUTE_MS);
  const length = Math.max(0, window.to - window.from);
  const binMs =
    WIDTHS_MS.find((width) => width >= widest && length / width <= MOST_BINS) ??
    Math.ceil(length / MOST_BINS / HOUR_MS) * HOUR_MS;
  const from = Math.floor(window.from / binMs) * binMs;
  const to = Math.max(from + binMs, Math.ceil(window.to / binMs) * binMs);
  const side = (backend: BackendName) =>
    inBins(
      entries.filter((entry) => entry.backend === backend),
      from,
      to,
      binMs,
    );
  return { binMs, from, to, bins: { stable: side('stable'), canary: side('canary') } };
}

function inBins(entries: readonly TimelineEntry[], from: number, to: number, binMs: number): readonly Bin[] {
  const bins = new Map<number, Bin>();
  for (const { at: when, succeeded, failed } of entries) {
    if (when < from || when >= to) continue;
    const at = from + Math.floor((when - from) / binMs) * binMs;
    const bin = bins.get(at) ?? { at, succeeded: 0, failed: 0 };
    bins.set(at, { at, succeeded: bin.succeeded + succeeded, failed: bin.failed + failed });
  }
  return [...bins.values()].sort((a, b) => a.at - b.at);
}
