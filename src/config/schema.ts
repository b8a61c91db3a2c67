import { z } from 'zod';
import { REDIS_URL_ALLOWED, readRedisAddress } from '../domain/redis-address.ts';

/*
 * Every message here is the `allowed` half of an error, so each field carries one sentence for whatever is wrong
 * with it. An unknown key's message is the list of the known ones.
 */

/** The longest delay that a Node timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const TEN_YEARS_SECONDS = 315_360_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

const text = (pattern: RegExp, allowed: string) =>
  z.string({ error: allowed }).regex(pattern, { error: allowed });

export const whole = (what: string, min: number, max: number) => {
  const error = `${what} from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};

const milliseconds = (min = 1) => whole('a whole number of milliseconds', min, MAX_TIMER_MS);
const seconds = () => whole('a whole number of seconds', 1, TEN_YEARS_SECONDS);
export const processCount = () => whole('a whole number of processes', 1, 1024);
export const taskCount = () => whole('a whole number of tasks', 1, 10_000);

const RATIO_ALLOWED = 'a number from 0 (all to stable) to 1 (all to canary), without quotes or %, like 0.05';
export const ratio = (error = RATIO_ALLOWED) => z.number({ error }).min(0, { error }).max(1, { error });

/** Without its query: one that is accepted at all means nothing here, and ioredis would read it as options. */
export const redisUrl = (error = REDIS_URL_ALLOWED) =>
  z
    .string({ error })
    .refine(isRedisUrl, { error })
    .transform((given) => given.replace(/\?.*$/, ''));

function isRedisUrl(given: string): boolean {
  try {
    readRedisAddress(given);
    return true;
  } catch {
    return false;
  }
}

const share = () => ratio('a number from 0 to 1, without quotes or %, like 0.1');
const RATIO_OF_TIMES = 'a number of 1 or more, like 1.25: so many times as long as on stable';

const path = (what: string) => text(/^[^\0]*[^\0\s][^\0]*$/, `the path of ${what}`);
const prefix = () =>
  text(/^[A-Za-z0-9._:{}-]{1,64}$/, '1 to 64 letters, digits, ".", "_", "-", ":" or braces');
const flagKey = () => text(/^[A-Za-z0-9._-]{1,100}$/, '1 to 100 letters, digits, ".", "_" or "-"');
const choice = <T extends string>(values: readonly [T, ...T[]]) =>
  z.enum(values, { error: `one of ${values.join(', ')}` });

/** A mapping of known keys. One that is left empty (all lines commented out) has its defaults. */
const section = <S extends z.ZodRawShape>(shape: S) => {
  const known = Object.keys(shape).join(', ');
  return z.preprocess(
    (given) => given ?? {},
    z.strictObject(shape, {
      error: (issue) => (issue.code === 'unrecognized_keys' ? known : `a mapping with the keys ${known}`),
    }),
  );
};

const COMMAND_ALLOWED = 'a command line, like { command: docker compose stop canary, timeoutSeconds: 60 }';
const commands = () =>
  z.preprocess(
    (given) => given ?? [],
    z.array(
      z.strictObject(
        {
          command: text(/^[^\0]*[^\0\s][^\0]*$/, COMMAND_ALLOWED),
          timeoutSeconds: whole('a whole number of seconds', 1, 3600).default(60),
        },
        {
          error: (issue) =>
            issue.code === 'unrecognized_keys' ? 'command, timeoutSeconds' : COMMAND_ALLOWED,
        },
      ),
      { error: `a list, each of it ${COMMAND_ALLOWED}` },
    ),
  );

const TASK_ALLOWED = 'a mapping like { celeryRatio: 0.05 }';
const TASK_NAME_ALLOWED =
  'a task name: letters, digits, ".", "_" and "-", starting with a letter or digit, at most 100 characters';
const tasks = z.preprocess(
  (given) => given ?? {},
  z.record(
    text(NAME, TASK_NAME_ALLOWED),
    z.strictObject(
      { celeryRatio: ratio() },
      { error: (issue) => (issue.code === 'unrecognized_keys' ? 'celeryRatio' : TASK_ALLOWED) },
    ),
    { error: `task names, each with ${TASK_ALLOWED}` },
  ),
);

export const namespaceName = () => text(/^[A-Za-z0-9._-]{1,64}$/, '1 to 64 letters, digits, "-", "_" or "."');

/** What the file may hold, with the defaults. The same defaults stand in `config/hybrid.yaml` for the reader. */
export const fileSchema = section({
  namespace: namespaceName().default('hybrid'),
  redis: section({
    url: redisUrl(`${REDIS_URL_ALLOWED}, or null`).nullable().default(null),
    commandTimeoutMs: milliseconds().default(3000),
  }),
  stable: section({ prefix: prefix().default('bq') }),
  canary: section({
    redisUrl: redisUrl(`${REDIS_URL_ALLOWED}, or null`).nullable().default(null),
    prefix: prefix().default('bull'),
  }),
  routing: section({
    // No default: USE_CELERY=true needs to know whether the file says a ratio at all.
    celeryRatio: ratio().optional(),
    mode: choice(['ratio', 'flag']).default('ratio'),
    tasks,
  }),
  flags: section({
    source: choice(['auto', 'off', 'file', 'launchdarkly']).default('auto'),
    file: path('a JSON file').default('config/flags.json'),
    taskFlagPrefix: flagKey().default('hybrid-'),
    globalFlag: flagKey().default('hybrid-canary'),
    initTimeoutMs: milliseconds().default(2000),
  }),
  control: section({ pollMs: milliseconds(10).default(1000) }),
  worker: section({
    processes: processCount().default(1),
    concurrency: taskCount().default(10),
    heartbeatMs: milliseconds(10).default(5000),
    stallIntervalMs: milliseconds(10).default(30_000),
    maxLosses: whole('a whole number', 1, 1000).default(3),
    shutdownGraceMs: milliseconds(0).default(30_000),
    janitorIntervalMs: milliseconds(10).default(5000),
  }),
  results: section({
    resultTtlSeconds: seconds().default(86_400),
    failureTtlSeconds: seconds().default(604_800),
  }),
  limits: section({ payloadBytes: whole('a whole number of bytes', 1, 2 ** 29).default(262_144) }),
  idempotency: section({ ttlSeconds: seconds().default(604_800) }),
  parity: section({
    sampleRate: share().default(0),
    controlShare: share().default(0.1),
    primary: choice(['stable', 'canary', 'both']).default('stable'),
    deadlineSeconds: whole('a whole number of seconds', 1, 86_400).default(900),
    mostCopies: whole('a whole number', 1, 10_000_000).default(10_000),
  }),
  report: section({
    gates: section({
      errorRateDifference: share().default(0.01),
      mismatchRate: share().default(0.01),
      latencyRatio: z.number({ error: RATIO_OF_TIMES }).min(1, { error: RATIO_OF_TIMES }).default(1.25),
      latencyFloorMs: milliseconds(0).default(10),
      minimumPairs: whole('a whole number', 1, 1_000_000).default(100),
      minimumTasks: whole('a whole number', 1, 1_000_000).default(100),
    }),
  }),
  services: section({ startStable: commands(), stopCanary: commands() }),
  log: section({
    level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  }),
  app: section({ module: path('an ES module, or null').nullable().default(null) }),
});

/** A file's settings, checked, before environment and working directory have their say. */
export type FileSettings = z.output<typeof fileSchema>;
