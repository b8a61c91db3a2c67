import type { Arm, TimelineEntry } from '../domain/aggregates.ts';
import type { BackendName } from '../domain/task.ts';
import { type Cell, type CellSums, OUTCOMES } from './aggregate-cells.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
/** What the sums of an hour still tell apart: finer than that nothing is told from anyway. */
export const SLICE_MS = 300_000;

type Counted = { -readonly [name in keyof TimelineEntry]: TimelineEntry[name] };

interface CellEntries {
  /** Pairs do not end. */
  readonly isRuns: boolean;
  readonly parts: Pick<TimelineEntry, 'task' | 'backend' | 'arm'>;
  readonly entries: Map<number, Counted>;
}

/** What ended when: by the minute at the ends of a window, by slices of five minutes in the whole hours between. */
export class Timeline {
  readonly #of = new Map<string, CellEntries>();

  /** @param spanMs of the entry that it becomes a part of */
  addMinute(number: number, sums: CellSums, spanMs: typeof MINUTE_MS | typeof SLICE_MS): void {
    const at = Math.floor((number * MINUTE_MS) / spanMs) * spanMs;
    for (const [field, cell] of sums.cells) this.#addCounts(field, at, spanMs, cell);
  }

  /** An hour in its slices, or as a whole where a former version has added it up. */
  addHour(number: number, sums: CellSums): void {
    const hour = number * HOUR_MS;
    for (const [field, cell] of sums.cells) {
      if (!isSliced(cell)) this.#addCounts(field, hour, HOUR_MS, cell);
      else {
        const [succeeded, failed] = OUTCOMES.map((outcome) => cell.get(outcome));
        for (const slice of new Set([...(succeeded?.keys() ?? []), ...(failed?.keys() ?? [])])) {
          const at = hour + Number(slice) * SLICE_MS;
          this.#add(field, at, SLICE_MS, succeeded?.get(slice) ?? 0, failed?.get(slice) ?? 0);
        }
      }
    }
  }

  /** In the order of time, and of their cells. */
  get entries(): readonly TimelineEntry[] {
    const inOrder = [...this.#of].sort(([a], [b]) => (a < b ? -1 : 1));
    return inOrder.flatMap(([, { entries }]) => [...entries.values()]).sort((a, b) => a.at - b.at);
  }

  #addCounts(field: string, at: number, spanMs: number, cell: Cell): void {
    const counts = cell.get('counts');
    this.#add(field, at, spanMs, counts?.get('succeeded') ?? 0, counts?.get('failed') ?? 0);
  }

  #add(field: string, at: number, spanMs: number, succeeded: number, failed: number): void {
    if (succeeded + failed === 0) return;
    const all = this.#of.get(field) ?? cellOf(field);
    this.#of.set(field, all);
    if (!all.isRuns) return;
    const entry = all.entries.get(at) ?? { at, spanMs, ...all.parts, succeeded: 0, failed: 0 };
    entry.succeeded += succeeded;
    entry.failed += failed;
    all.entries.set(at, entry);
  }
}

function cellOf(field: string): CellEntries {
  const [type, task, backend, arm] = JSON.parse(field) as [string, string, BackendName, Arm];
  return { isRuns: type === 'runs', parts: { task, backend, arm }, entries: new Map() };
}

/** Whether an hour tells its slices apart, of everything that ended in it. */
export function hasSlices({ cells }: CellSums): boolean {
  return [...cells.values()].every(isSliced);
}

function isSliced(cell: Cell): boolean {
  const counts = cell.get('counts');
  return OUTCOMES.every((outcome) => (counts?.get(outcome) ?? 0) === 0 || cell.has(outcome));
}
