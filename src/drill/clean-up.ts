import type { Redis } from 'ioredis';
import type { HybridConfig } from '../config.ts';
import { connectRedis, explain } from '../state/redis-connection.ts';
import { beginOf, drillOfKey, serversOf } from './place.ts';

/** Left-overs of a killed drill go when they are older than this: a younger one may still be running. */
const LEFT_OVER_MS = 3_600_000;
/** Keys that one SCAN looks at. */
const SCAN_COUNT = 1000;

export interface CleanUp {
  /** Keys of this drill that were removed. */
  readonly removed: number;
  /** Keys of drills that were killed more than an hour ago, removed as well. */
  readonly leftOvers: number;
  /** Keys of this drill that a second look has found: 0, if all is well. */
  readonly remaining: number;
}

/**
 * Removes what a drill has made, by its prefixes alone, on every server of it. SCAN and UNLINK: neither holds Redis up.
 * @throws {RedisUnreachableError | BackendError}
 */
export async function cleanUp(config: HybridConfig, drill: string, now = Date.now()): Promise<CleanUp> {
  let [removed, leftOvers, remaining] = [0, 0, 0];
  for (const url of serversOf(config)) {
    await onServer(config, url, async (redis) => {
      await walk(redis, async (keys) => {
        const own = keys.filter((key) => drillOfKey(key) === drill);
        const old = keys.filter((key) => now - beginOf(drillOfKey(key) ?? '') > LEFT_OVER_MS);
        if (own.length > 0) removed += await redis.unlink(...own);
        if (old.length > 0) leftOvers += await redis.unlink(...old);
      });
      await walk(redis, async (keys) => {
        remaining += keys.filter((key) => drillOfKey(key) === drill).length;
      });
    });
  }
  return { removed, leftOvers, remaining };
}

async function onServer(
  { redis: { commandTimeoutMs } }: HybridConfig,
  url: string,
  act: (redis: Redis) => Promise<void>,
): Promise<void> {
  const options = { url, commandTimeoutMs, name: 'hybrid:drill' };
  const redis = connectRedis(options);
  try {
    await act(redis);
  } catch (error) {
    throw explain(error, options, 'clean up after the drill');
  } finally {
    redis.disconnect();
  }
}

/** Every key that some drill has made, a page at a time. A key may come twice. */
async function walk(redis: Redis, take: (keys: readonly string[]) => Promise<void>): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', '*drill-*', 'COUNT', SCAN_COUNT);
    const keys = found.filter((key) => drillOfKey(key) !== null);
    if (keys.length > 0) await take(keys);
    cursor = next;
  } while (cursor !== '0');
}
