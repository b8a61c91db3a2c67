import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { z } from 'zod';
import { type ConfigProblem, InvalidConfigError } from '../domain/errors.ts';
import type { LogLevel } from './model.ts';
import { problemsOf } from './problems.ts';
import { namespaceName, processCount, ratio, redisUrl, taskCount } from './schema.ts';

/** Python's names, as in a Celery `.env`, beside pino's own. */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  fatal: 'fatal',
  critical: 'fatal',
  silent: 'silent',
};
const LEVEL_ALLOWED =
  'DEBUG, INFO, WARNING, ERROR or CRITICAL (or trace, debug, info, warn, error, fatal, silent), in capitals or not';
const RATIO_ALLOWED = 'a number from 0 (all to stable) to 1 (all to canary), without %, like 0.05';

const level = z
  .string()
  .refine((given) => Object.hasOwn(LEVELS, given.toLowerCase()), { error: LEVEL_ALLOWED })
  .transform((given) => LEVELS[given.toLowerCase()] as LogLevel);
/** A whole number in digits only: Number() alone would also take 0x10, 1e3 and blanks. */
const digits = (schema: ReturnType<typeof processCount>, error: string) =>
  z.string().regex(/^\d+$/, { error }).transform(Number).pipe(schema);

const environmentSchema = z.object({
  HYBRID_NAMESPACE: namespaceName().optional(),
  REDIS_URL: redisUrl().optional(),
  CELERY_BROKER_URL: redisUrl().optional(),
  CELERY_RATIO: z
    .string()
    .regex(/^(\d+(\.\d*)?|\.\d+)$/, { error: RATIO_ALLOWED })
    .transform(Number)
    .pipe(ratio(RATIO_ALLOWED))
    .optional(),
  USE_CELERY: z
    .string()
    .regex(/^(true|false)$/i, { error: 'true or false' })
    .transform((given) => given.toLowerCase() === 'true')
    .optional(),
  WORKER_COUNT: digits(processCount(), 'a whole number of processes from 1 to 1024').optional(),
  WORKER_CONCURRENCY: digits(taskCount(), 'a whole number of tasks from 1 to 10000').optional(),
  CELERY_LOG_LEVEL: level.optional(),
  LOG_LEVEL: level.optional(),
  LAUNCHDARKLY_SDK_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, { error: 'a LaunchDarkly SDK key, at most 200 characters without blanks' })
    .optional(),
});

/** Their names. */
export const VARIABLES = Object.keys(environmentSchema.shape) as (keyof typeof environmentSchema.shape)[];

/** The variables that are set, checked and in their own types. */
export type EnvironmentSettings = z.output<typeof environmentSchema>;

export interface EnvironmentReading {
  readonly settings: EnvironmentSettings;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Reads this project's variables and no others. `env` goes before `dotenv`, also where it sets a variable to nothing:
 * `CELERY_RATIO= hybrid status` is how a shell says "without it". An empty variable counts as not set.
 */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  dotenv: Readonly<Record<string, string>> = {},
): EnvironmentReading {
  const given: Record<string, string> = {};
  const fromDotenv = new Set<string>();
  for (const name of VARIABLES) {
    const text = (env[name] ?? dotenv[name])?.trim();
    if (!text) continue;
    given[name] = text;
    if (env[name] === undefined) fromDotenv.add(name);
  }
  const parsed = environmentSchema.safeParse(given);
  const problems = parsed.success ? [] : problemsOf(parsed.error.issues, given);
  const settings = parsed.success ? parsed.data : {};
  if (settings.USE_CELERY === false && (settings.CELERY_RATIO ?? 0) > 0) {
    problems.push({
      path: 'USE_CELERY',
      given: `false, together with CELERY_RATIO=${given.CELERY_RATIO}`,
      allowed: 'only one of them, USE_CELERY=true, or CELERY_RATIO=0',
    });
  }
  const located = problems.map((problem) =>
    fromDotenv.has(problem.path) ? { ...problem, given: `${problem.given} (in .env)` } : problem,
  );
  return { settings, problems: located };
}

/**
 * The `.env` file of a folder, read and not put into `process.env`. No file: nothing.
 * @throws {InvalidConfigError} it is there and cannot be read
 */
export async function readDotenv(cwd: string): Promise<Readonly<Record<string, string>>> {
  try {
    return parse(await readFile(join(cwd, '.env')));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new InvalidConfigError('.env', [
      { path: 'file', given: `one that cannot be read (${code})`, allowed: 'a readable file, or none' },
    ]);
  }
}
