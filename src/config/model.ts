import type { RoutingMode } from '../domain/control-state.ts';
import type { ReportGates } from '../domain/report.ts';

/** pino's levels. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface RedisSettings {
  /** The control Redis: stable's jobs, the ledger, the live ratio, outcomes. null: not said. @default null */
  readonly url: string | null;
  /** Longest wait for one answer of Redis, in milliseconds. @default 3000 */
  readonly commandTimeoutMs: number;
}

export interface StableSettings {
  /** bee-queue's key prefix, on the control Redis. @default 'bq' */
  readonly prefix: string;
}

export interface CanarySettings {
  /** The Redis of BullMQ's jobs. null: the control Redis. @default null */
  readonly redisUrl: string | null;
  /** BullMQ's key prefix. @default 'bull' */
  readonly prefix: string;
}

/** The first value of what is live in Redis. */
export interface RoutingSection {
  /** Share of submissions that go to canary, 0 to 1. @default 0 */
  readonly celeryRatio: number;
  /** @default 'ratio' */
  readonly mode: RoutingMode;
  /** Ratios of single tasks by name, over the global one. Has no prototype. @default {} */
  readonly tasks: Readonly<Record<string, { readonly celeryRatio: number }>>;
}

export interface FlagSettings {
  /** Where flag answers come from. In a file also `auto`, which is resolved here. @default 'auto' */
  readonly source: 'off' | 'file' | 'launchdarkly';
  /** The local flag file, as an absolute path. @default 'config/flags.json' */
  readonly file: string;
  /** A task's own flag is this followed by the task's name. @default 'hybrid-' */
  readonly taskFlagPrefix: string;
  /** The flag of every task that has none of its own. @default 'hybrid-canary' */
  readonly globalFlag: string;
  /** Longest wait for the flag service at the start, in milliseconds. @default 2000 */
  readonly initTimeoutMs: number;
  /** Secret; from LAUNCHDARKLY_SDK_KEY only. null: not set. */
  readonly sdkKey: string | null;
}

/** A command line of the team's own, run by a shell. */
export interface ServiceCommand {
  readonly command: string;
  /** Ended after this time, in seconds. @default 60 */
  readonly timeoutSeconds: number;
}

/** What `./rollback.sh --services` runs. */
export interface ServiceSettings {
  /** Starts the workers of stable, right after the freeze. @default [] */
  readonly startStable: readonly ServiceCommand[];
  /** Stops the workers of canary, after the wait for running tasks. @default [] */
  readonly stopCanary: readonly ServiceCommand[];
}

/** Copies of submissions, so that both backends' results can be compared. Only tasks that say `shadowSafe` have any. */
export interface ParitySettings {
  /** Share of submissions that are copied, 0 to 1. @default 0 */
  readonly sampleRate: number;
  /** Share of the copies that run on the same backend again, to see the task's own noise, 0 to 1. @default 0.1 */
  readonly controlShare: number;
  /** The backend whose submissions are copied to the other one. `both` and `canary` are for ratios near 1. @default 'stable' */
  readonly primary: 'stable' | 'canary' | 'both';
  /** A side without an outcome so long after it was due is missing, in seconds. @default 900 */
  readonly deadlineSeconds: number;
  /** Unfinished copies at once in the namespace; beyond that none are made. @default 10_000 */
  readonly mostCopies: number;
}

export interface WorkerSettings {
  /** Worker processes that one `hybrid worker` starts. @default 1 */
  readonly processes: number;
  /** Tasks at once per process and queue. @default 10 */
  readonly concurrency: number;
  /** How often a worker says that it lives, in milliseconds; after three silent periods it counts as dead. @default 5000 */
  readonly heartbeatMs: number;
  /** A job without a sign of life for this long is delivered again, in milliseconds. @default 30_000 */
  readonly stallIntervalMs: number;
  /** How often a task may lose its worker before it is parked. @default 3 */
  readonly maxLosses: number;
  /** How long a stopping worker waits for running tasks, in milliseconds. @default 30_000 */
  readonly shutdownGraceMs: number;
  /** How often the janitor walks the open tasks, in milliseconds. @default 5000 */
  readonly janitorIntervalMs: number;
}

/**
 * The settings in force: every field present and checked, all of it frozen.
 * Secrets (passwords in URLs, the SDK key) are in the values, but not in its JSON form or in `util.inspect`.
 */
export interface HybridConfig {
  /** The file it was read from, as an absolute path. null: there was none. */
  readonly file: string | null;
  /** Key prefix `{namespace}:` in Redis and salt of the sticky hash. @default 'hybrid' */
  readonly namespace: string;
  readonly redis: RedisSettings;
  readonly stable: StableSettings;
  readonly canary: CanarySettings;
  readonly routing: RoutingSection;
  readonly flags: FlagSettings;
  /** `pollMs`: the longest that a process may miss a change of the live ratio, in milliseconds. @default 1000 */
  readonly control: { readonly pollMs: number };
  readonly worker: WorkerSettings;
  /** How long outcomes stay readable, in seconds. @default 86_400 (a day) and 604_800 (a week) */
  readonly results: { readonly resultTtlSeconds: number; readonly failureTtlSeconds: number };
  /** Largest payload as JSON, in bytes. @default 262_144 (256 KiB) */
  readonly limits: { readonly payloadBytes: number };
  /** How long an idempotency key is remembered, in seconds. @default 604_800 (a week) */
  readonly idempotency: { readonly ttlSeconds: number };
  readonly parity: ParitySettings;
  /** What `hybrid report` judges by. */
  readonly report: { readonly gates: ReportGates };
  readonly services: ServiceSettings;
  /** @default 'info' */
  readonly log: { readonly level: LogLevel };
  /** The ES module that exports the team's definitions as `tasks`, as an absolute path. @default null */
  readonly app: { readonly module: string | null };
}

type Partially<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What a file, or a program, may write: any part of it. Relative paths are relative to the working directory. */
export interface HybridConfigInput {
  readonly namespace?: string;
  readonly redis?: Partially<RedisSettings>;
  readonly stable?: Partially<StableSettings>;
  readonly canary?: Partially<CanarySettings>;
  readonly routing?: Partially<RoutingSection>;
  readonly flags?: Partially<Omit<FlagSettings, 'source' | 'sdkKey'>> & {
    readonly source?: 'auto' | FlagSettings['source'];
  };
  readonly control?: Partially<HybridConfig['control']>;
  readonly worker?: Partially<WorkerSettings>;
  readonly results?: Partially<HybridConfig['results']>;
  readonly limits?: Partially<HybridConfig['limits']>;
  readonly idempotency?: Partially<HybridConfig['idempotency']>;
  readonly parity?: Partially<ParitySettings>;
  readonly report?: { readonly gates?: Partially<ReportGates> | undefined };
  readonly services?: Partially<ServiceSettings>;
  readonly log?: Partially<HybridConfig['log']>;
  readonly app?: Partially<HybridConfig['app']>;
}
