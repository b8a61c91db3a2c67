import { decode, encode } from '@msgpack/msgpack';

/** What a cell is made of: groups of numbers by name (counts, paths, and a histogram of each timing), all of which add up. */
export type Cell = ReadonlyMap<string, ReadonlyMap<string, number>>;

/**
 * How a run ends, in `counts`. The sums of an hour have a group of each name besides: so many in which slice of five minutes
 * (0 to 11), because what is mixed in an hour cannot be told apart later.
 */
export const OUTCOMES = ['succeeded', 'failed'] as const;
const SLICED: ReadonlySet<string> = new Set(OUTCOMES);

/** The field that tells when a hash was written last; all others are figures. */
export const NEWEST_AT = 'newestAt';

const PATHS = 'paths';
const MOST_PATHS = 50;
/** More are kept until all is added up, so that what is frequent is not lost before it is known to be. */
const MOST_PATHS_MEANWHILE = 1_000;
/** Groups whose names are words; those of all others are buckets. */
const WORDS: ReadonlySet<string> = new Set(['counts', PATHS]);

/** Adds cells up. What cannot be read, because somebody else has written it, is left out. */
export class CellSums {
  readonly #cells = new Map<string, Map<string, Map<string, number>>>();
  newestAt: number | null = null;

  get cells(): ReadonlyMap<string, Cell> {
    return this.#cells;
  }

  /** What one call of a process wrote: JSON of a list of field, cell, and how often (once unless said otherwise). */
  addRaw(text: string): void {
    for (const entry of listIn(text)) {
      if (!Array.isArray(entry)) continue;
      const [field, cell, times = 1] = entry as unknown[];
      if (!isField(field) || !isRecord(cell) || typeof times !== 'number') continue;
      const name = JSON.stringify(field);
      for (const [group, values] of Object.entries(cell)) {
        if (isRecord(values)) this.#add(name, group, Object.entries(values), times);
      }
    }
  }

  /** A hash as `packed` makes it. */
  addPacked(hash: Readonly<Record<string, Buffer>>): void {
    for (const [field, bytes] of Object.entries(hash)) {
      if (field === NEWEST_AT) this.noteNewest(bytes.toString());
      else if (isField(listIn(field)))
        for (const [group, list] of Object.entries(decoded(bytes))) this.#add(field, group, inPairs(list));
    }
  }

  /** Its slices, which are of one hour, are left out. */
  addAll(other: CellSums): void {
    for (const [field, cell] of other.#cells) {
      for (const [group, values] of cell) if (!SLICED.has(group)) this.#add(field, group, values);
    }
    if (other.newestAt !== null) this.noteNewest(other.newestAt);
  }

  /** Notes besides how many of these runs ended in a slice of the hour. */
  noteSlice(slice: number, part: CellSums): void {
    for (const [field, cell] of part.#cells) {
      for (const outcome of OUTCOMES) {
        const ended = cell.get('counts')?.get(outcome) ?? 0;
        if (ended > 0) this.#add(field, outcome, [[String(slice), ended]]);
      }
    }
  }

  noteNewest(at: string | number): void {
    if (Number(at) > (this.newestAt ?? 0)) this.newestAt = Number(at);
  }

  #add(field: string, group: string, values: Iterable<readonly [string, unknown]>, times = 1): void {
    const cell = this.#cells.get(field) ?? new Map<string, Map<string, number>>();
    this.#cells.set(field, cell);
    let sums = cell.get(group) ?? new Map<string, number>();
    for (const [name, value] of values) {
      if (typeof value === 'number') sums.set(name, (sums.get(name) ?? 0) + value * times);
    }
    if (group === PATHS && sums.size > MOST_PATHS_MEANWHILE) {
      sums = mostFrequent(sums, MOST_PATHS_MEANWHILE / 2);
    }
    cell.set(group, sums);
  }

  /** Keeps the places that differ most often. To be called when all is added up. */
  limitPaths(): void {
    for (const cell of this.#cells.values()) {
      const paths = cell.get(PATHS);
      if (paths && paths.size > MOST_PATHS) cell.set(PATHS, mostFrequent(paths, MOST_PATHS));
    }
  }

  /** As it is kept: each cell a MessagePack text, each group in it a list of name, value, name, value. */
  packed(): [string, Buffer][] {
    this.limitPaths();
    return [...this.#cells].map(([field, cell]) => {
      const lists = [...cell].map(([group, values]) => {
        const nameOf = WORDS.has(group) ? String : Number;
        return [group, [...values].flatMap(([name, value]) => [nameOf(name), value])] as const;
      });
      return [field, Buffer.from(encode(Object.fromEntries(lists)))];
    });
  }
}

function mostFrequent(values: ReadonlyMap<string, number>, most: number): Map<string, number> {
  return new Map([...values].sort(([, a], [, b]) => b - a).slice(0, most));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** `["runs", task, backend, arm]` or `["pairs", task, kind]` */
function isField(field: unknown): boolean {
  if (!Array.isArray(field) || !field.every((part) => typeof part === 'string')) return false;
  return field.length === (field[0] === 'runs' ? 4 : 3) && (field[0] === 'runs' || field[0] === 'pairs');
}

function listIn(text: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

function decoded(bytes: Buffer): Record<string, unknown> {
  try {
    const cell = decode(bytes);
    return isRecord(cell) ? cell : {};
  } catch {
    return {};
  }
}

function* inPairs(list: unknown): Generator<readonly [string, unknown]> {
  if (!Array.isArray(list)) return;
  for (let i = 0; i + 1 < list.length; i += 2) yield [String(list[i]), list[i + 1]];
}
