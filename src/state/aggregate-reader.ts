import {
  type Aggregates,
  type Arm,
  NO_COUNTS,
  type PairCell,
  type RunCell,
  type Timing,
} from '../domain/aggregates.ts';
import type { MismatchKind, PairKind } from '../domain/parity.ts';
import type { BackendName } from '../domain/task.ts';
import { type Cell, CellSums } from './aggregate-cells.ts';
import { AggregateStore } from './aggregate-store.ts';
import { HOUR_MS, hasSlices, MINUTE_MS, SLICE_MS, Timeline } from './aggregate-timeline.ts';
import type { ControlRedis } from './control-redis.ts';

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

/** What a window is read from: whole hours where there is room for them, minutes at its ends. */
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
    const timeline = new Timeline();
    const minutes = numbersOf(slices, 'm');
    const minutesOfHours: number[] = [];
    for await (const [number, part] of this.#store.hours(numbersOf(slices, 'h'))) {
      if (isBetterByMinute(number, part, window.now)) {
        minutesOfHours.push(...Array.from({ length: 60 }, (_, i) => number * 60 + i));
      } else if (part) {
        sums.addAll(part);
        timeline.addHour(number, part);
      }
    }
    // What the timeline tells apart is the same, whatever has been added up.
    for (const [numbers, spanMs] of [
      [minutesOfHours, SLICE_MS],
      [minutes, MINUTE_MS],
    ] as const) {
      for await (const [number, part] of this.#store.minutes(numbers)) {
        sums.addAll(part);
        timeline.addMinute(number, part, spanMs);
      }
    }
    sums.limitPaths();
    return { from, to, newestAt: sums.newestAt, ...cellsOf(sums.cells), timeline: timeline.entries };
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

const numbersOf = (slices: readonly Slice[], span: Slice['span']) =>
  slices.filter((slice) => slice.span === span).map(({ number }) => number);

/** An hour that nobody has added up yet; or a former version, which did not note its slices, while minutes are kept. */
function isBetterByMinute(hour: number, sums: CellSums | null, now: number): boolean {
  if (!sums) return hour * HOUR_MS > now - MINUTES_FORGOTTEN * MINUTE_MS;
  return hour * HOUR_MS > now - MINUTES_KEPT_MS - MINUTE_MS && !hasSlices(sums);
}

function cellsOf(sums: ReadonlyMap<string, Cell>): { runs: RunCell[]; pairs: PairCell[] } {
  const runs: RunCell[] = [];
  const pairs: PairCell[] = [];
  // Redis keeps no order.
  for (const [field, cell] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1))) {
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
