import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { HybridConfig } from '../../src/index.ts';
import { generateMetadata } from './task.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** How long minutes and hours are kept, and a little more. */
const MINUTES_KEPT = 26 * 60;
const HOURS_KEPT = 32 * 24;
const LOOK_EVERY_MS = 250;

/**
 * What is counted and compared in the demo's namespace. The library keeps figures by the minute, and rightly never forgets
 * them; of two runs in one minute, though, the second is to show its own only.
 */
export class Figures {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(config: HybridConfig) {
    this.#redis = new Redis(config.redis.url ?? '', { maxRetriesPerRequest: 3 });
    // What it has to say, the manager's own connection says, too.
    this.#redis.on('error', () => {});
    this.#prefix = `{${config.namespace}}:`;
  }

  /** The clock of Redis, which the figures go by: milliseconds since 1970. */
  async now(): Promise<number> {
    const [seconds, micros] = await this.#redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  /** Makes the next run the first one that is counted here. */
  async forget(): Promise<void> {
    const now = await this.now();
    const slices = (span: 'm' | 'h', ms: number, kept: number) =>
      Array.from({ length: kept }, (_, i) => `${this.#prefix}agg:${span}:${Math.floor(now / ms) - i}`);
    await this.#redis.unlink([
      ...slices('m', MINUTE_MS, MINUTES_KEPT),
      ...slices('h', HOUR_MS, HOURS_KEPT),
      `${this.#prefix}mismatches`,
      this.#pairs,
    ]);
  }

  /**
   * Waits until no pair waits to be compared.
   * @param onWaiting told once, with their number, if there are any
   * @returns how many are left when `signal` or the time ends the wait
   */
  async compared(withinMs: number, signal: AbortSignal, onWaiting: (pairs: number) => void): Promise<number> {
    const endAt = performance.now() + withinMs;
    let wasEmpty = false;
    for (let looks = 0; ; looks++) {
      const left = await this.#redis.zcard(this.#pairs);
      // Twice in a row: a copy may just be on its way to Redis.
      if (left === 0 && wasEmpty) return 0;
      wasEmpty = left === 0;
      if (looks === 0 && left > 0) onWaiting(left);
      if (signal.aborted || performance.now() > endAt) return left;
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  close(): void {
    this.#redis.disconnect();
  }

  get #pairs(): string {
    return `${this.#prefix}pairs:${generateMetadata.name}`;
  }
}
