import { inspect } from 'node:util';
import { hideSecrets } from '../domain/secrets.ts';
import type { HybridConfig } from './model.ts';

/** The settings for a log line or `hybrid status`: passwords and the SDK key are replaced by `***`. */
export function describeConfig(config: HybridConfig): HybridConfig {
  const { redis, canary, flags } = config;
  return {
    ...config,
    redis: { ...redis, url: redis.url && hideSecrets(redis.url) },
    canary: { ...canary, redisUrl: canary.redisUrl && hideSecrets(canary.redisUrl) },
    flags: { ...flags, sdkKey: flags.sdkKey && '***' },
  };
}

/**
 * Freezes the settings all the way down. The parts that hold secrets, and the whole, get a JSON form and an
 * `inspect` form without them, so that logging one by mistake tells nothing.
 */
export function seal(config: HybridConfig): HybridConfig {
  const shown = describeConfig(config);
  for (const part of ['redis', 'canary', 'flags'] as const) showInstead(config[part], shown[part]);
  showInstead(config, shown);
  freezeDeep(shown);
  return freezeDeep(config);
}

/** The same settings with the queues under other prefixes. */
export function withPrefixes(
  { redis, stable, canary, flags, ...rest }: HybridConfig,
  prefixes: { readonly stable: string; readonly canary: string },
): HybridConfig {
  return seal({
    ...rest,
    redis: { ...redis },
    stable: { ...stable, prefix: prefixes.stable },
    canary: { ...canary, prefix: prefixes.canary },
    flags: { ...flags },
  });
}

function showInstead(real: object, shown: object): void {
  const value = () => shown;
  Object.defineProperty(real, 'toJSON', { value });
  Object.defineProperty(real, inspect.custom, { value });
}

function freezeDeep<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freezeDeep(part);
  return Object.freeze(value);
}
