import { resolve } from 'node:path';
import type { RoutingMode, RoutingSettings } from '../domain/control-state.ts';
import { type ConfigProblem, InvalidConfigError } from '../domain/errors.ts';
import type { EnvironmentReading, EnvironmentSettings } from './environment.ts';
import type { FlagSettings, HybridConfig, RoutingSection } from './model.ts';
import { forbiddenKeys, oncePerPath, problemsOf } from './problems.ts';
import { seal } from './redaction.ts';
import { type FileSettings, fileSchema } from './schema.ts';

/** Settings as they were written, checked; or what is wrong with them. */
export type SettingsReading =
  | { readonly settings: FileSettings; readonly problems?: undefined }
  | { readonly settings?: undefined; readonly problems: readonly ConfigProblem[] };

/** Holds any value against the schema. Never throws. */
export function checkSettings(given: unknown): SettingsReading {
  const forbidden = forbiddenKeys(given);
  const parsed = fileSchema.safeParse(given);
  if (parsed.success && forbidden.length === 0) return { settings: parsed.data };
  return {
    problems: oncePerPath([...forbidden, ...(parsed.success ? [] : problemsOf(parsed.error.issues, given))]),
  };
}

export interface Origin {
  /** How an error names the settings' place. */
  readonly source: string;
  /** Absolute path of the file, or null. */
  readonly file: string | null;
  /** The folder that relative paths start from. */
  readonly cwd: string;
}

/**
 * Puts file and environment together.
 * @throws {InvalidConfigError} with the problems of both
 */
export function resolveSettings(
  reading: SettingsReading,
  environment: EnvironmentReading,
  origin: Origin,
): HybridConfig {
  const sources: string[] = [];
  if (reading.problems) sources.push(origin.source);
  if (environment.problems.length > 0) sources.push(sources.length ? 'the environment' : 'The environment');
  if (!reading.settings || environment.problems.length > 0) {
    throw new InvalidConfigError(sources.join(' and '), [
      ...(reading.problems ?? []),
      ...environment.problems,
    ]);
  }
  const config = merge(reading.settings, environment.settings, origin);
  const conflicts = conflictsIn(config);
  if (conflicts.length > 0) throw new InvalidConfigError(origin.source, conflicts);
  return seal(config);
}

function merge(file: FileSettings, env: EnvironmentSettings, { file: path, cwd }: Origin): HybridConfig {
  const sdkKey = env.LAUNCHDARKLY_SDK_KEY ?? null;
  return {
    file: path,
    ...file,
    namespace: env.HYBRID_NAMESPACE ?? file.namespace,
    redis: { ...file.redis, url: env.REDIS_URL ?? file.redis.url },
    canary: { ...file.canary, redisUrl: env.CELERY_BROKER_URL ?? file.canary.redisUrl },
    routing: mergeRouting(file.routing, env),
    flags: {
      ...file.flags,
      source: resolveFlagSource(file.flags.source, sdkKey),
      file: resolve(cwd, file.flags.file),
      sdkKey,
    },
    worker: {
      ...file.worker,
      processes: env.WORKER_COUNT ?? file.worker.processes,
      concurrency: env.WORKER_CONCURRENCY ?? file.worker.concurrency,
    },
    log: { level: env.CELERY_LOG_LEVEL ?? env.LOG_LEVEL ?? file.log.level },
    app: { module: file.app.module === null ? null : resolve(cwd, file.app.module) },
  };
}

/**
 * CELERY_RATIO goes before USE_CELERY, and that before the file. USE_CELERY is the seed's own switch: false means
 * that nothing goes to canary, so it clears flag mode and single tasks' ratios too. True never raises a ratio that
 * somebody chose: only without any it means what it meant in the seed, everything.
 */
function mergeRouting(file: FileSettings['routing'], env: EnvironmentSettings): RoutingSection {
  const tasks = withoutPrototype(file.tasks);
  if (env.USE_CELERY === false) return { celeryRatio: 0, mode: 'ratio', tasks: withoutPrototype({}) };
  const fallback = env.USE_CELERY === true ? 1 : 0;
  return { celeryRatio: env.CELERY_RATIO ?? file.celeryRatio ?? fallback, mode: file.mode, tasks };
}

function resolveFlagSource(
  source: FileSettings['flags']['source'],
  sdkKey: string | null,
): FlagSettings['source'] {
  if (source !== 'auto') return source;
  return sdkKey === null ? 'file' : 'launchdarkly';
}

/** Each value is fine by itself, but they do not fit together. */
function conflictsIn({ namespace, redis, stable, canary, flags }: HybridConfig): ConfigProblem[] {
  const conflicts: ConfigProblem[] = [];
  if (flags.source === 'launchdarkly' && flags.sdkKey === null) {
    conflicts.push({
      path: 'flags.source',
      given: '"launchdarkly", but LAUNCHDARKLY_SDK_KEY is not set',
      allowed: 'launchdarkly together with the key in the environment; else auto, off or file',
    });
  }
  const isSameRedis = canary.redisUrl === null || canary.redisUrl === redis.url;
  if (isSameRedis && stable.prefix === canary.prefix) {
    conflicts.push({
      path: 'canary.prefix',
      given: `"${canary.prefix}", which is stable.prefix, on the same Redis`,
      allowed: 'two different prefixes, or the keys of both backends mix',
    });
  }
  for (const [path, { prefix }] of Object.entries({ 'stable.prefix': stable, 'canary.prefix': canary })) {
    if (prefix !== `{${namespace}}`) continue;
    conflicts.push({
      path,
      given: `"${prefix}"`,
      allowed: `anything else: {${namespace}}: is where the ledger's own keys are`,
    });
  }
  return conflicts;
}

/** So that a task's name never meets what an object inherits. */
function withoutPrototype<T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null) as Record<string, T>, record);
}

interface Routed {
  readonly routing: {
    readonly celeryRatio?: number | undefined;
    readonly mode: RoutingMode;
    readonly tasks: RoutingSection['tasks'];
  };
}

/** The routing section in the form that the control state has; the ratios of tasks have no prototype. */
export function routingOf({ routing }: Routed): RoutingSettings {
  const ratios = Object.entries(routing.tasks).map(([name, { celeryRatio }]) => [name, celeryRatio] as const);
  return Object.freeze({
    celeryRatio: routing.celeryRatio ?? 0,
    mode: routing.mode,
    taskRatios: Object.freeze(withoutPrototype(Object.fromEntries(ratios))),
  });
}
