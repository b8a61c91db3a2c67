import { randomUUID } from 'node:crypto';
import { type Arm, bucketOf, type Counter, type RunMeter, type Timing } from '../domain/aggregates.ts';
import type { Logger } from '../domain/logger.ts';
import type { BackendName } from '../domain/task.ts';
import type { ControlRedis } from './control-redis.ts';
import { row } from './rows.ts';

const FLUSH_MS = 1_000;
/** Cells in one call. */
const MOST_CELLS = 50;

/** One cell as Redis adds it up: tables of numbers. */
type Cell = Record<string, Record<string, number>>;
/** What one call carries; kept until it is answered. */
interface Parcel {
  readonly number: number;
  readonly cells: readonly (readonly [string, string])[];
}

/** Counts what this process submits and runs, and adds it to the shared aggregates once a second. */
export class AggregateWriter implements RunMeter {
  readonly #redis: ControlRedis;
  readonly #log: Logger;
  readonly #process = randomUUID();
  readonly #timer: NodeJS.Timeout;
  #cells = new Map<string, Cell>();
  #parcels: Parcel[] = [];
  #number = 0;
  #flushing: Promise<void> | undefined;

  constructor(redis: ControlRedis, log: Logger) {
    this.#redis = redis;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS).unref();
  }

  count(task: string, backend: BackendName, arm: Arm, counter: Counter, by = 1): void {
    this.#add(task, backend, arm, 'counts', counter, by);
  }

  time(task: string, backend: BackendName, arm: Arm, timing: Timing, ms: number): void {
    this.#add(task, backend, arm, timing, String(bucketOf(ms * 1000)), 1);
  }

  #add(task: string, backend: BackendName, arm: Arm, group: string, name: string, by: number): void {
    // Neither holds a blank, so the field's text can wait until the flush.
    const key = `${task} ${backend} ${arm}`;
    let cell = this.#cells.get(key);
    if (!cell) {
      cell = {};
      this.#cells.set(key, cell);
    }
    let values = cell[group];
    if (!values) {
      values = {};
      cell[group] = values;
    }
    values[name] = (values[name] ?? 0) + by;
  }

  /** Writes down what was counted so far. Never rejects: what Redis did not take is tried again with the next one. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    this.#pack();
    try {
      for (let parcel = this.#parcels[0]; parcel; parcel = this.#parcels[0]) {
        const rows = parcel.cells.map(([field, cell]) => row(field, cell)).join('');
        await this.#redis.run('add-aggregates', [this.#process, parcel.number, parcel.cells.length, rows]);
        this.#parcels.shift();
      }
    } catch (error) {
      this.#log.debug({}, `figures are written later: ${(error as Error).message}`);
    }
  }

  /** Each parcel is sent under its number until it is answered, so that one whose answer was lost is not counted twice. */
  #pack(): void {
    const cells = [...this.#cells].map(([key, cell]) => {
      const [task, backend, arm] = key.split(' ');
      return [JSON.stringify(['runs', task, backend, arm]), JSON.stringify(cell)] as const;
    });
    // While Redis is away everything stays in the cells, which do not grow; only the first parcel waits.
    if (this.#parcels.length > 0) return;
    this.#cells = new Map();
    for (let from = 0; from < cells.length; from += MOST_CELLS) {
      this.#number += 1;
      this.#parcels.push({ number: this.#number, cells: cells.slice(from, from + MOST_CELLS) });
    }
  }

  /** Writes the rest down. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
    if (this.#cells.size > 0) await this.flush();
  }
}
