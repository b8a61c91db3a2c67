import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { commandFailure } from '../../src/domain/redis-failure.ts';
import type { HybridConfig } from '../../src/index.ts';
import { generateMetadata } from './task.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** How long minutes and hours are kept, and a little more. */
const MINUTES_KEPT = 26 * 60;
const HOURS_KEPT = 32 * 24;
const MARK_KEPT_SECONDS = 32 * 86_400;
const LOOK_EVERY_MS = 250;

/**
 * What is counted and compared in the demo's namespace. The library keeps figures by the minute, and rightly never forgets
 * them; of two runs in one minute, though, the second is to show its own only.
 */
export class Figures {
  readonly #redis: Redis;
  readonly #config: HybridConfig;
  readonly #prefix: string;

  constructor(config: HybridConfig) {
    this.#config = config;
    this.#redis = new Redis(config.redis.url ?? '', {
      maxRetriesPerRequest: 3,
      commandTimeout: config.redis.commandTimeoutMs,
    });
    // What it has to say, the manager's own connection says, too.
    this.#redis.on('error', () => {});
    this.#prefix = `{${config.namespace}}:`;
  }

  /** The clock of Redis, which the figures go by: milliseconds since 1970. @throws {HybridTaskError} */
  async now(): Promise<number> {
    const [seconds, micros] = await this.#ask((redis) => redis.time());
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  /** Forgets what other runs have left, if there was any since this one began. @throws {HybridTaskError} */
  async belongTo(runId: string): Promise<void> {
    const mark = `${this.#prefix}demo:run`;
    if ((await this.#ask((redis) => redis.get(mark))) === runId) return;
    const now = await this.now();
    const slices = (span: 'm' | 'h', ms: number, kept: number) =>
      Array.from({ length: kept }, (_, i) => `${this.#prefix}agg:${span}:${Math.floor(now / ms) - i}`);
    const keys = [
      ...slices('m', MINUTE_MS, MINUTES_KEPT),
      ...slices('h', HOUR_MS, HOURS_KEPT),
      `${this.#prefix}mismatches`,
      this.#pairs,
    ];
    await this.#ask((redis) => redis.unlink(keys));
    await this.#ask((redis) => redis.set(mark, runId, 'EX', MARK_KEPT_SECONDS));
  }

  /**
   * Waits until no pair waits to be compared.
   * @param enough ends the wait early
   * @param onWaiting told once, with their number, if there are any
   * @returns how many are left
   * @throws {HybridTaskError}
   */
  async compared(withinMs: number, enough: AbortSignal, onWaiting: (pairs: number) => void): Promise<number> {
    const endAt = performance.now() + withinMs;
    let wasEmpty = false;
    for (let looks = 0; ; looks++) {
      const left = await this.#ask((redis) => redis.zcard(this.#pairs));
      // Twice in a row: a copy may just be on its way to Redis.
      if (left === 0 && wasEmpty) return 0;
      wasEmpty = left === 0;
      if (looks === 0 && left > 0) onWaiting(left);
      if (enough.aborted || performance.now() > endAt) return left;
      await delay(LOOK_EVERY_MS, undefined, { signal: enough }).catch(() => {});
    }
  }

  async #ask<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await command(this.#redis);
    } catch (error) {
      const { url, commandTimeoutMs: timeoutMs } = this.#config.redis;
      const target = new URL(url ?? '').host;
      throw commandFailure(error, { backend: 'redis', operation: 'figures', target, timeoutMs });
    }
  }

  close(): void {
    this.#redis.disconnect();
  }

  get #pairs(): string {
    return `${this.#prefix}pairs:${generateMetadata.name}`;
  }
}
