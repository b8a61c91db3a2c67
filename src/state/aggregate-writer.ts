import { randomUUID } from 'node:crypto';
import { type Arm, bucketOf, type Counter, type RunMeter, type Timing } from '../domain/aggregates.ts';
import type { Logger } from '../domain/logger.ts';
import type { BackendName } from '../domain/task.ts';
import { AggregateCompactor } from './aggregate-compactor.ts';
import type { ControlRedis } from './control-redis.ts';

const FLUSH_MS = 1_000;
/** How often a process looks whether anybody adds up what all have written. */
const LOOK_MS = 600_000;
/** Figures that nobody has added up for so long have no worker to do it. */
const NEGLECTED_MS = 600_000;
/** A call's cells are no longer than this and the last of them, in characters. */
const PARCEL_LENGTH = 256 * 1024;

/** Tables of numbers that add up. */
type Cell = Record<string, Record<string, number>>;
/** What one call carries; kept until it is answered. */
interface Parcel {
  readonly number: number;
  /** As aggregate.lua takes them. */
  readonly cells: string;
}

/** Counts what this process submits and runs, and writes it down once a second. */
export class AggregateWriter implements RunMeter {
  readonly #redis: ControlRedis;
  readonly #log: Logger;
  readonly #process = randomUUID();
  #timer: NodeJS.Timeout;
  #cells = new Map<string, Cell>();
  #parcels: Parcel[] = [];
  #number = 0;
  #flushing: Promise<void> | undefined;
  readonly #lookMs: number;
  #lookAt: number;
  #looking = Promise.resolve();
  readonly #ending = new AbortController();

  /** @param lookMs how often to look for figures that nobody adds up @default 600_000 (ten minutes) */
  constructor(redis: ControlRedis, log: Logger, lookMs = LOOK_MS) {
    this.#redis = redis;
    this.#log = log;
    this.#lookMs = lookMs;
    // Processes that were started together would all write, and all look, at once.
    this.#lookAt = performance.now() + (0.5 + Math.random()) * lookMs;
    this.#timer = setTimeout(() => {
      this.#timer = setInterval(() => this.#tick(), FLUSH_MS).unref();
      this.#tick();
    }, Math.random() * FLUSH_MS).unref();
  }

  #tick(): void {
    void this.flush();
    if (performance.now() < this.#lookAt) return;
    this.#lookAt = performance.now() + this.#lookMs;
    this.#looking = this.#looking.then(() => this.#compactNeglected());
  }

  /** The workers' janitor does this. Where only others run the tasks, those who submit would fill Redis by the second. */
  async #compactNeglected(): Promise<void> {
    try {
      const { signal } = this.#ending;
      await new AggregateCompactor(this.#redis).pass({ settledMs: NEGLECTED_MS, signal });
    } catch (error) {
      this.#log.debug({}, `figures are added up later: ${(error as Error).message}`);
    }
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
        await this.#redis.run('add-aggregates', [this.#process, parcel.number, parcel.cells]);
        this.#parcels.shift();
      }
    } catch (error) {
      this.#log.debug({}, `figures are written later: ${(error as Error).message}`);
    }
  }

  /** Each parcel is sent under its number until it is answered, so that one whose answer was lost is not counted twice. */
  #pack(): void {
    // While Redis is away everything stays in the cells, which do not grow; only the first parcels wait.
    if (this.#parcels.length > 0) return;
    let cells: string[] = [];
    let length = 0;
    const close = () => {
      if (cells.length === 0) return;
      this.#number += 1;
      this.#parcels.push({ number: this.#number, cells: `[${cells.join(',')}]` });
      cells = [];
      length = 0;
    };
    for (const [key, cell] of this.#cells) {
      const text = JSON.stringify([['runs', ...key.split(' ')], cell]);
      cells.push(text);
      length += text.length;
      if (length > PARCEL_LENGTH) close();
    }
    close();
    this.#cells = new Map();
  }

  /** Writes the rest down. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ending.abort();
    await this.#looking;
    await this.flush();
    if (this.#cells.size > 0) await this.flush();
  }
}
