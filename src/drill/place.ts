import { randomBytes } from 'node:crypto';
import { type HybridConfig, resolveConfig } from '../config.ts';
import { DEFAULT_REDIS_URL } from '../manager/connections.ts';

/** What a drill's records live at most, should nobody ever clean up. Seconds. */
const KEEP_SECONDS = 3600;
/** `drill-20261121T221531-0a1b2c3d`: when it began (UTC), then chance. */
const NAME = String.raw`drill-\d{8}T\d{6}-[0-9a-f]{8}`;
/** The only keys that a drill ever makes: of the ledger, of bee-queue, of BullMQ. */
const KEY = new RegExp(String.raw`^(?:\{(${NAME})\}|(${NAME})-(?:bq|bull)):`);

/** A namespace that nobody else has. */
export function drillName(now = new Date()): string {
  const time = now.toISOString().replace(/[-:]|\.\d+Z$/g, '');
  return `drill-${time}-${randomBytes(4).toString('hex')}`;
}

/** Which drill a key of Redis belongs to; null: none, so it is not ours to touch. */
export function drillOfKey(key: string): string | null {
  const [, ledger, queue] = KEY.exec(key) ?? [];
  return ledger ?? queue ?? null;
}

/** When a drill began, milliseconds since 1970. */
export function beginOf(drill: string): number {
  const [, date = '', time = ''] = /^drill-(\d+)T(\d+)-/.exec(drill) ?? [];
  const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)].map(Number);
  const [hour, minute, second] = [time.slice(0, 2), time.slice(2, 4), time.slice(4)].map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

/** The team's two Redis servers, control first; one, where canary is on the same. */
export function serversOf({ redis, canary }: HybridConfig): readonly string[] {
  const control = redis.url ?? DEFAULT_REDIS_URL;
  return [...new Set([control, canary.redisUrl ?? control])];
}

/**
 * The team's Redis servers with everything else replaced: no file, no flags, no services, a namespace and prefixes of
 * the drill's own. The janitor sleeps: the rollback has to do it alone.
 */
export function drillConfig(config: HybridConfig, drill: string): HybridConfig {
  const { commandTimeoutMs } = config.redis;
  return resolveConfig({
    namespace: drill,
    redis: { url: config.redis.url ?? DEFAULT_REDIS_URL, commandTimeoutMs },
    stable: { prefix: `${drill}-bq` },
    canary: { redisUrl: config.canary.redisUrl, prefix: `${drill}-bull` },
    flags: { source: 'off' },
    control: { pollMs: 200 },
    worker: { heartbeatMs: 1000, janitorIntervalMs: 600_000, shutdownGraceMs: 1000 },
    results: { resultTtlSeconds: KEEP_SECONDS, failureTtlSeconds: KEEP_SECONDS },
    idempotency: { ttlSeconds: KEEP_SECONDS },
  });
}

/** The same place as it looks to a process for which BullMQ's Redis is gone. @param port where nobody listens */
export function withoutCanary(config: HybridConfig, port: number): HybridConfig {
  const { namespace, redis, stable, canary, control, worker, results, idempotency } = config;
  const dead = { redisUrl: `redis://127.0.0.1:${port}`, prefix: canary.prefix };
  const flags = { source: 'off' } as const;
  return resolveConfig({
    ...{ namespace, redis: { ...redis }, stable, canary: dead, flags, control, worker, results, idempotency },
  });
}
