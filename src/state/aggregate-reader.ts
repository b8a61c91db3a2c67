import { decode } from '@msgpack/msgpack';
import type {
  Aggregates,
  Arm,
  PairCell,
  RunCell,
  RunCounts,
  TimelineEntry,
  Timing,
} from '../domain/aggregates.ts';
import type { MismatchKind, PairKind } from '../domain/parity.ts';
import type { BackendName } from '../domain/task.ts';
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
/** Hashes asked for in one go. */
const PAGE = 60;

type Cell = Record<string, Record<string, number>>;
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
    // The hour that is running holds what its minutes hold, so it may stand for them only when the window has all of it.
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

  constructor(redis: ControlRedis) {
    this.#redis = redis;
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
    const sums = new Map<string, Cell>();
    const timeline: TimelineEntry[] = [];
    let newestAt: number | null = null;
    for (let first = 0; first < slices.length; first += PAGE) {
      const page = slices.slice(first, first + PAGE);
      const keys = page.map(({ span, number }) => this.#redis.keys.aggregates(span, number));
      const hashes = await this.#redis.askEach<Record<string, Buffer>>('read figures', keys, (all, key) =>
        all.hgetallBuffer(key),
      );
      hashes.forEach((hash, i) => {
        for (const [field, packed] of Object.entries(hash ?? {})) {
          if (field === 'newestAt') newestAt = Math.max(newestAt ?? 0, Number(packed.toString()));
          else {
            const cell = decode(packed) as Cell;
            addTo(sums, field, cell);
            const entry = timelineEntry(page[i] as Slice, field, cell);
            if (entry) timeline.push(entry);
          }
        }
      });
    }
    return { from, to, newestAt, ...cellsOf(sums), timeline };
  }

  /** Forgets everything that was counted. */
  async forget(): Promise<void> {
    const now = await this.now();
    const slices = (span: 'm' | 'h', ms: number, kept: number) =>
      Array.from({ length: kept }, (_, i) => this.#redis.keys.aggregates(span, Math.floor(now / ms) - i));
    const keys = [...slices('m', MINUTE_MS, MINUTES_FORGOTTEN), ...slices('h', HOUR_MS, HOURS_FORGOTTEN)];
    await this.#redis.ask('forget figures', (redis) => redis.unlink(keys));
  }

  /** The clock of Redis, milliseconds since 1970. */
  async now(): Promise<number> {
    const [seconds, micros] = await this.#redis.ask('ask the time', (redis) => redis.time());
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }
}

function addTo(sums: Map<string, Cell>, field: string, part: Cell): void {
  const sum = sums.get(field) ?? {};
  sums.set(field, sum);
  for (const [group, values] of Object.entries(part)) {
    // No prototype: paths are made of keys that come from results.
    sum[group] ??= Object.create(null) as Record<string, number>;
    const target = sum[group];
    for (const [name, value] of entriesOf(values)) target[name] = (target[name] ?? 0) + value;
  }
}

/** Lua writes a table with the keys 1 to n as a list: the buckets of very short times. */
function entriesOf(
  values: Readonly<Record<string, number>> | readonly number[],
): (readonly [string, number])[] {
  if (Array.isArray(values)) return values.map((value: number, i) => [String(i + 1), value] as const);
  return Object.entries(values as Readonly<Record<string, number>>);
}

function timelineEntry({ span, number }: Slice, field: string, cell: Cell): TimelineEntry | null {
  const [type, task, backend, arm] = JSON.parse(field) as [string, string, BackendName, Arm];
  if (type !== 'runs') return null;
  const spanMs = span === 'm' ? MINUTE_MS : HOUR_MS;
  const { succeeded = 0, failed = 0 } = cell.counts ?? {};
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

const NO_COUNTS: RunCounts = {
  submitted: 0,
  randomised: 0,
  expectedCanary: 0,
  variance: 0,
  succeeded: 0,
  failed: 0,
  retried: 0,
  overdue: 0,
};

function runCellOf(task: string, backend: BackendName, arm: Arm, cell: Cell): RunCell {
  const buckets = (timing: Timing) =>
    new Map(Object.entries(cell[timing] ?? {}).map(([value, count]) => [Number(value), count]));
  const timings = { wait: buckets('wait'), run: buckets('run'), total: buckets('total') };
  return { task, backend, arm, counts: { ...NO_COUNTS, ...cell.counts }, timings };
}

function pairCellOf(task: string, kind: PairKind, cell: Cell): PairCell {
  const { compared = 0, matched = 0, dropped = 0, ...mismatched } = cell.counts ?? {};
  const kinds = mismatched as Partial<Record<MismatchKind, number>>;
  return { task, kind, compared, matched, dropped, mismatched: kinds, paths: { ...cell.paths } };
}
