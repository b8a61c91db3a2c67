import { setImmediate as nextTurn } from 'node:timers/promises';
import { CellSums, NEWEST_AT } from './aggregate-cells.ts';
import type { ControlRedis } from './control-redis.ts';

/** Hashes asked for in one go. */
const PAGE = 60;
/** Fields of a raw hash asked for in one go; each is what a process counted in a second. */
const RAW_PAGE = 20;
/** Characters added up before whatever else this process does has its turn. */
const LENGTH_PER_TURN = 32 * 1024;

/** Minutes that are added up side by side. */
const MINUTES_AT_ONCE = 10;

/** What a raw hash was like when it was read; whoever takes it away says so, and is refused if it has changed. */
export interface RawState {
  readonly fields: number;
  readonly newestAt: string;
}

/**
 * Figures of a minute (raw as they come, packed when somebody has added them up) and of an hour (packed). A figure is
 * either raw or packed, never both: one script replaces the one with the other.
 */
export class AggregateStore {
  readonly #redis: ControlRedis;

  constructor(redis: ControlRedis) {
    this.#redis = redis;
  }

  /** Hours in their order; null: not written yet, or nothing happened in it. @param numbers since 1970 */
  async *hours(numbers: readonly number[]): AsyncGenerator<[number, CellSums | null]> {
    for (const page of pagesOf(numbers)) {
      for (const [i, hash] of (await this.#packed('h', page)).entries()) {
        await nextTurn();
        yield [page[i] as number, hash && Object.keys(hash).length > 0 ? sumsOf(hash) : null];
      }
    }
  }

  /** Minutes in their order. @param numbers since 1970 */
  async *minutes(numbers: readonly number[]): AsyncGenerator<[number, CellSums]> {
    for (const page of pagesOf(numbers)) {
      // In this order: what is no longer raw when asked for is packed by the time that is asked for.
      const raw = await this.#rawFields(page);
      const packed = await this.#packed('m', page);
      for (let first = 0; first < page.length; first += MINUTES_AT_ONCE) {
        const some = page.slice(first, first + MINUTES_AT_ONCE);
        yield* await Promise.all(
          some.map(async (number, n): Promise<[number, CellSums]> => {
            const i = first + n;
            await nextTurn();
            return [number, raw[i] ? (await this.minute(number)).sums : sumsOf(packed[i])];
          }),
        );
      }
    }
  }

  /** A minute, and what its raw part was like; null: it has none. */
  async minute(number: number): Promise<{ readonly sums: CellSums; readonly raw: RawState | null }> {
    const key = this.#redis.keys.aggregates('d', number);
    for (;;) {
      const [fields] = await this.#rawFields([number]);
      const [packed] = await this.#packed('m', [number]);
      const sums = sumsOf(packed);
      if (!fields) return { sums, raw: null };
      const newestAt = await this.#scan(key, sums);
      // It is taken away in one step. If it is still there, nothing of it was packed when that was read.
      if (await this.#redis.ask('read figures', (redis) => redis.exists(key))) {
        return { sums, raw: { fields, newestAt } };
      }
    }
  }

  async #scan(key: string, sums: CellSums): Promise<string> {
    // Redis may name a field twice.
    const seen = new Set<string>();
    let newestAt = '';
    let cursor = '0';
    let length = 0;
    do {
      const [next, page] = await this.#redis.ask('read figures', (redis) =>
        redis.hscan(key, cursor, 'COUNT', RAW_PAGE),
      );
      cursor = next;
      for (let i = 0; i + 1 < page.length; i += 2) {
        const [field, text] = [page[i] as string, page[i + 1] as string];
        if (field === NEWEST_AT) newestAt = text;
        else if (!seen.has(field)) sums.addRaw(text);
        seen.add(field);
        length += text.length;
        if (length > LENGTH_PER_TURN) {
          length = 0;
          await nextTurn();
        }
      }
    } while (cursor !== '0');
    sums.noteNewest(newestAt);
    return newestAt;
  }

  #rawFields(numbers: readonly number[]): Promise<(number | null)[]> {
    const keys = numbers.map((number) => this.#redis.keys.aggregates('d', number));
    return this.#redis.askEach<number>('read figures', keys, (all, key) => all.hlen(key));
  }

  #packed(span: 'm' | 'h', numbers: readonly number[]): Promise<(Record<string, Buffer> | null)[]> {
    const keys = numbers.map((number) => this.#redis.keys.aggregates(span, number));
    return this.#redis.askEach<Record<string, Buffer>>('read figures', keys, (all, key) =>
      all.hgetallBuffer(key),
    );
  }
}

function sumsOf(hash: Record<string, Buffer> | null | undefined): CellSums {
  const sums = new CellSums();
  sums.addPacked(hash ?? {});
  return sums;
}

function* pagesOf(numbers: readonly number[]): Generator<readonly number[]> {
  for (let first = 0; first < numbers.length; first += PAGE) yield numbers.slice(first, first + PAGE);
}
