import {
  type Aggregates,
  type Arm,
  NO_COUNTS,
  type PairCell,
  type RunCell,
  type TimelineEntry,
  type Timing,
} from '../domain/aggregates.ts';
import type { MismatchKind, PairKind } from '../domain/parity.ts';
import type { BackendName } from '../domain/task.ts';
import { type Cell, CellSums } from './aggregate-cells.ts';
import { AggregateStore } from './aggregate-store.ts';
import type { ControlRedis } from './control-redis.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Minutes are kept for a day. */
const MINUTES_KEPT_MS = 24 * HOUR_MS;
/** Hours are kept so long; a window that begins before is cut, so that none is too long to be read. */
const HOURS_KEPT_MS = 30 * 24 * HOUR_MS;
/** All that may be kept still, and a little more. */
const MINUTES_FORGOTTEN = 26 * 60;
const HOURS_FORGOTTEN = 32 * 24;
interface Slice {
  readonly span: 'm' | 'h';
  readonly number: number;
}

/** The slices that a window is made of: whole hours where there is room for them, minutes at its ends. */
function slicesOf(from: number, to: number, now: number): { slices: Slice[]; from: number; to: number } {
  const slices: Slice[] = [];
  const oldestMinute = floorTo(now - MINUTES_KEPT_MS, MINUTE_MS);
  const end = Math.min(Math.ceil(to / MINUTE_MS) * MINUTE_MS, floorTo(now, MINUTE_MS) + MINUTE_MS);
  const first = Math.max(from, now - HOURS_KEPT_MS);
  const begin = floorTo(first, first < oldestMinute ? HOUR_MS : MINUTE_MS);
  let at = begin;
  while (at < end) {
    const isWholeHour = at % HOUR_MS === 0 && at + HOUR_MS <= end;
    const isOld = at < oldestMinute;
    if (isWholeHour || isOld) {
      slices.push({ span: 'h', number: Math.floor(at / HOUR_MS) });
      at = floorTo(at, HOUR_MS) + HOUR_MS;
    } else {
      slices.push({ span: 'm', number: at / MINUTE_MS });
      at += MINUTE_MS;
    }
  }
  // An old hour counts as a whole.
  return { slices, from: begin, to: at };
}

const floorTo = (time: number, unit: number) => Math.floor(time / unit) * unit;

/** Reads what all processes have counted. */
export class AggregateReader {
  readonly #redis: ControlRedis;
  readonly #store: AggregateStore;

  constructor(redis: ControlRedis) {
    this.#redis = redis;
    this.#store = new AggregateStore(redis);
  }

  /**
   * Sums up a window.
   * @param from milliseconds since 1970, on the clock of Redis; as `to` and `now`
   */
  async read(window: {
    readonly from: number;
    readonly to: number;
    readonly now: number;
  }): Promise<Aggregates> {
    const { slices, from, to } = slicesOf(window.from, window.to, window.now);
    const sums = new CellSums();
    const timeline: TimelineEntry[] = [];
    for await (const [slice, part] of this.#parts(slices, window.now)) {
      sums.addAll(part);
      for (const [field, cell] of part.cells) {
        const entry = timelineEntry(slice, field, cell);
        if (entry) timeline.push(entry);
      }
    }
    sums.limitPaths();
    timeline.sort((a, b) => a.at - b.at);
    return { from, to, newestAt: sums.newestAt, ...cellsOf(sums.cells), timeline };
  }

  /** An hour that nobody has added up yet is read from its minutes. */
  async *#parts(slices: readonly Slice[], now: number): AsyncGenerator<[Slice, CellSums]> {
    const numbersOf = (span: 'm' | 'h') =>
      slices.filter((slice) => slice.span === span).map(({ number }) => number);
    const minutes = numbersOf('m');
    for await (const [number, sums] of this.#store.hours(numbersOf('h'))) {
      if (sums) yield [{ span: 'h', number }, sums];
      else if (number * HOUR_MS > now - MINUTES_FORGOTTEN * MINUTE_MS) {
        minutes.push(...Array.from({ length: 60 }, (_, i) => number * 60 + i));
      }
    }
    for await (const [number, sums] of this.#store.minutes(minutes)) yield [{ span: 'm', number }, sums];
  }

  /** Forgets everything that was counted. */
  async forget(): Promise<void> {
    const now = await this.now();
    const { aggregates, aggregateMinutes, aggregateHours } = this.#redis.keys;
    const slices = (span: 'd' | 'm' | 'h', ms: number, kept: number) =>
      Array.from({ length: kept }, (_, i) => aggregates(span, Math.floor(now / ms) - i));
    const keys = [
      aggregateMinutes,
      aggregateHours,
      ...slices('d', MINUTE_MS, MINUTES_FORGOTTEN),
      ...slices('m', MINUTE_MS, MINUTES_FORGOTTEN),
      ...slices('h', HOUR_MS, HOURS_FORGOTTEN),
    ];
    await this.#redis.ask('forget figures', (redis) => redis.unlink(keys));
  }

  /** The clock of Redis, milliseconds since 1970. */
  async now(): Promise<number> {
    const [seconds, micros] = await this.#redis.ask('ask the time', (redis) => redis.time());
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }
}

/** Its own keys only: some come from results. */
const recordOf = (values: ReadonlyMap<string, number> | undefined): Record<string, number> =>
  Object.fromEntries(values ?? []);

function timelineEntry({ span, number }: Slice, field: string, cell: Cell): TimelineEntry | null {
  const [type, task, backend, arm] = JSON.parse(field) as [string, string, BackendName, Arm];
  if (type !== 'runs') return null;
  const spanMs = span === 'm' ? MINUTE_MS : HOUR_MS;
  const { succeeded = 0, failed = 0 } = recordOf(cell.get('counts'));
  return { at: number * spanMs, spanMs, task, backend, arm, succeeded, failed };
}

function cellsOf(sums: ReadonlyMap<string, Cell>): { runs: RunCell[]; pairs: PairCell[] } {
  const runs: RunCell[] = [];
  const pairs: PairCell[] = [];
  for (const [field, cell] of sums) {
    const [type, task, ...rest] = JSON.parse(field) as [string, string, string, string];
    if (type === 'pairs') pairs.push(pairCellOf(task, rest[0] as PairKind, cell));
    else runs.push(runCellOf(task, rest[0] as BackendName, rest[1] as Arm, cell));
  }
  return { runs, pairs };
}

function runCellOf(task: string, backend: BackendName, arm: Arm, cell: Cell): RunCell {
  const buckets = (timing: Timing) =>
    new Map([...(cell.get(timing) ?? [])].map(([value, count]) => [Number(value), count]));
  const timings = { wait: buckets('wait'), run: buckets('run'), total: buckets('total') };
  return { task, backend, arm, counts: { ...NO_COUNTS, ...recordOf(cell.get('counts')) }, timings };
}

function pairCellOf(task: string, kind: PairKind, cell: Cell): PairCell {
  const { compared = 0, matched = 0, dropped = 0, ...mismatched } = recordOf(cell.get('counts'));
  const kinds = mismatched as Partial<Record<MismatchKind, number>>;
  return { task, kind, compared, matched, dropped, mismatched: kinds, paths: recordOf(cell.get('paths')) };
}
