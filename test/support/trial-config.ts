import type { HybridConfigInput } from '../../src/index.ts';

export interface TrialOptions {
  /** The control Redis as the children reach it. */
  readonly redisUrl: string;
  /** As a test looks at it, where the children go through a proxy. @default redisUrl */
  readonly directUrl?: string;
  /** @default redisUrl */
  readonly canaryUrl?: string;
  /** @default 0.5 */
  readonly ratio?: number;
  readonly worker?: HybridConfigInput['worker'];
  /** @default 1000 */
  readonly commandTimeoutMs?: number;
  /** @default 20 */
  readonly backoffMs?: number;
  /** Notes each task that is given to stable, whoever does it. @default false */
  readonly watchesMoves?: boolean;
}

/** Everything that takes its time takes less. */
export function trialConfig(namespace: string, options: TrialOptions): HybridConfigInput {
  return {
    namespace,
    redis: { url: options.redisUrl, commandTimeoutMs: options.commandTimeoutMs ?? 1000 },
    canary: { redisUrl: options.canaryUrl ?? null },
    routing: { celeryRatio: options.ratio ?? 0.5 },
    flags: { source: 'off' },
    control: { pollMs: 200 },
    worker: {
      concurrency: 5,
      heartbeatMs: 400,
      stallIntervalMs: 1500,
      janitorIntervalMs: 200,
      shutdownGraceMs: 10_000,
      ...options.worker,
    },
    log: { level: 'warn' },
  };
}
