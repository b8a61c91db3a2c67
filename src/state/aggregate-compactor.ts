import { randomUUID } from 'node:crypto';
import { CellSums, NEWEST_AT } from './aggregate-cells.ts';
import { AggregateStore } from './aggregate-store.ts';
import { MINUTE_MS, SLICE_MS } from './aggregate-timeline.ts';
import type { ControlRedis } from './control-redis.ts';

const MINUTES_PER_HOUR = 60;
/**
 * A minute is left alone until so long after its end. Nobody writes into it then; should a server with a slower clock take
 * over, what comes late is added to the sums by the next pass.
 */
const SETTLED_MS = 10_000;
/** A pass takes no longer than this and one minute's figures; the next one goes on. Milliseconds. */
const PASS_MS = 2_000;
/** Looked at in one pass. */
const MOST_PER_PASS = 200;
/** Cells written in one call. */
const PAGE = 20;
/** Of a draft whose process dies. */
const DRAFT_TTL_SECONDS = 600;

export interface CompactionOptions {
  /** Milliseconds since 1970. @default Redis's clock */
  readonly now?: number;
  /** Minutes that ended later are left alone. @default 10_000 */
  readonly settledMs?: number;
  /** Ends the pass early. */
  readonly signal?: AbortSignal;
}

/**
 * Adds up what processes wrote: the seconds of a minute to a minute, the minutes of an hour to an hour. Safe to be run by
 * several at once and to be killed anywhere: a script puts the sums in the place of what they were made of, or nothing happens.
 */
export class AggregateCompactor {
  readonly #redis: ControlRedis;
  readonly #store: AggregateStore;

  constructor(redis: ControlRedis) {
    this.#redis = redis;
    this.#store = new AggregateStore(redis);
  }

  /** Adds up what is due, oldest first. @returns how many minutes and hours it wrote */
  async pass(options: CompactionOptions = {}): Promise<number> {
    const { signal, settledMs = SETTLED_MS } = options;
    const now = options.now ?? (await this.#now());
    const endsAt = performance.now() + PASS_MS;
    const mustEnd = () => signal?.aborted === true || performance.now() > endsAt;
    const lastMinute = Math.floor((now - settledMs) / MINUTE_MS) - 1;
    const lastHour = Math.floor((lastMinute + 1) / MINUTES_PER_HOUR) - 1;
    const { aggregateMinutes, aggregateHours } = this.#redis.keys;
    let written = 0;
    const minutes = await this.#due(aggregateMinutes, lastMinute);
    for (const minute of minutes) {
      if (mustEnd()) return written;
      written += await this.#compactMinute(minute);
    }
    // Where more minutes wait no hour can be told to be complete.
    if (minutes.length === MOST_PER_PASS) return written;
    for (const hour of await this.#due(aggregateHours, lastHour)) {
      if (mustEnd()) return written;
      written += await this.#compactHour(hour);
    }
    return written;
  }

  async #compactMinute(minute: number): Promise<number> {
    const { sums, raw } = await this.#store.minute(minute);
    if (!raw) {
      // Somebody else was quicker, or it is forgotten.
      const { aggregateMinutes } = this.#redis.keys;
      await this.#redis.ask('compact figures', (redis) => redis.zrem(aggregateMinutes, minute));
      return 0;
    }
    const draft = await this.#write(sums);
    return this.#replace(['m', minute, draft, raw.fields, raw.newestAt]);
  }

  async #compactHour(hour: number): Promise<number> {
    const first = hour * MINUTES_PER_HOUR;
    const sums = new CellSums();
    const minutes = Array.from({ length: MINUTES_PER_HOUR }, (_, i) => first + i);
    for await (const [minute, part] of this.#store.minutes(minutes)) {
      sums.addAll(part);
      sums.noteSlice(Math.floor(((minute - first) * MINUTE_MS) / SLICE_MS), part);
    }
    const draft = await this.#write(sums);
    return this.#replace(['h', hour, draft, first, first + MINUTES_PER_HOUR - 1]);
  }

  async #replace(args: readonly (string | number)[]): Promise<number> {
    return Number(await this.#redis.run('compact-figures', args));
  }

  /** Writes sums where nobody reads them, in pages. @returns the draft's name */
  async #write(sums: CellSums): Promise<string> {
    const draft = randomUUID();
    const key = this.#redis.keys.aggregates('draft', draft);
    const cells = sums.packed();
    for (let first = 0; first === 0 || first < cells.length; first += PAGE) {
      const page = Object.fromEntries(cells.slice(first, first + PAGE));
      await this.#redis.askAll('compact figures', (redis) =>
        redis
          .pipeline()
          .hset(key, { ...page, [NEWEST_AT]: sums.newestAt ?? 0 })
          .expire(key, DRAFT_TTL_SECONDS),
      );
    }
    return draft;
  }

  async #due(key: string, last: number): Promise<number[]> {
    const members = await this.#redis.ask('compact figures', (redis) =>
      redis.zrange(key, '-inf', String(last), 'BYSCORE', 'LIMIT', 0, MOST_PER_PASS),
    );
    return members.map(Number).filter(Number.isSafeInteger);
  }

  async #now(): Promise<number> {
    const [seconds] = await this.#redis.ask('ask the time', (redis) => redis.time());
    return Number(seconds) * 1000;
  }
}
