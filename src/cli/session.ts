import { hostname, userInfo } from 'node:os';
import type { HybridConfig, SoundConfig } from '../config.ts';
import { InvalidConfigError } from '../domain/errors.ts';
import type { HybridTaskManager, TaskDefinition } from '../index.ts';
import { loadTasks } from './app-module.ts';
import { AppModuleError } from './failure.ts';
import { type CommonOptions, placeArguments } from './options.ts';
import { say } from './output.ts';
import { errorAtPlace } from './suggested-command.ts';
import { terminalLog } from './terminal-log.ts';

// The libraries below take most of a second to load: `--help` and a mistyped option do without them.

/** What a command needs: the settings with a Redis in them, the tasks, and a manager that is connected. */
export interface Session {
  readonly config: HybridConfig;
  readonly tasks: readonly TaskDefinition[];
  readonly manager: HybridTaskManager;
  /** Parts of the config that have a mistake and were left out; only with `toleratesMistakes`. */
  readonly without: ReadonlySet<string>;
}

/** @throws {InvalidConfigError} */
export async function readConfig(options: CommonOptions): Promise<HybridConfig> {
  return (await readSettings(options)).config;
}

/** @returns also what was wrong, where that does not matter */
async function readSettings(
  options: CommonOptions,
  redis = options.redis,
  toleratesMistakes = false,
): Promise<SoundConfig> {
  const { loadConfig, loadSoundConfig } = await import('../config.ts');
  const { namespace } = options;
  const env = {
    ...process.env,
    ...(redis === undefined ? {} : { REDIS_URL: redis }),
    ...(namespace === undefined ? {} : { HYBRID_NAMESPACE: namespace }),
  };
  const from = { file: options.config, env };
  try {
    if (toleratesMistakes) return await loadSoundConfig(from);
    return { config: await loadConfig(from), mistakes: null, without: new Set() };
  } catch (error) {
    throw namingTheOptions(error, options);
  }
}

export interface RedisNeeds {
  /**
   * Whether a private Redis may be made where none was named: for commands that bring work. One that looks or changes
   * something would act on an empty server and report success.
   * @default false
   */
  readonly mayStartRedis?: boolean;
  /**
   * Whether a mistake elsewhere in the config than in namespace and Redis is only told: for looking and for freezing, which
   * cannot wait. @default false
   */
  readonly toleratesMistakes?: boolean;
  /** Sections in which no mistake is tolerated. @default none */
  readonly needsSections?: readonly string[];
}

/** The settings, with the URL of a private Redis in them if nobody has named one. */
export async function withRedisUrl<T>(
  options: CommonOptions,
  run: (config: HybridConfig, redisUrl: string, without: ReadonlySet<string>) => Promise<T>,
  { mayStartRedis = false, toleratesMistakes = false, needsSections = [] }: RedisNeeds = {},
): Promise<T> {
  const { config, mistakes, without } = await readSettings(options, options.redis, toleratesMistakes);
  if (mistakes && needsSections.some((section) => without.has(section))) throw mistakes;
  if (mistakes) say(`warning: ${mistakes.message}\nGoing on without these parts of it.`);
  const { resolveRedis } = await import('../private-redis.ts');
  // In production a forgotten REDIS_URL must not quietly become an empty server.
  const allowPrivate = process.env.NODE_ENV !== 'production' && (mayStartRedis || 'existing');
  const redis = await resolveRedis({ url: config.redis.url, allowPrivate });
  try {
    if (!redis.isPrivate) return await run(config, redis.url, without);
    say(
      `Using a private Redis on ${new URL(redis.url).host}, its data in .hybrid/: for trying things out, not for ` +
        'production. Set REDIS_URL or give --redis to use your own.',
    );
    const { config: whole } = await readSettings(options, redis.url, toleratesMistakes);
    return await run(whole, redis.url, without);
  } finally {
    await redis.stop();
  }
}

export interface ManagerNeeds extends RedisNeeds {
  /**
   * The team's own code: a freeze must not depend on it. `wanted`: without it the command shows less, and says so.
   * @default 'no'
   */
  readonly tasks?: 'no' | 'wanted' | 'needed';
  /** Feature flags: opening them may take seconds, which a freeze does not have. @default false */
  readonly flags?: boolean;
  /** Which of the library's messages are told. @default 'warn' */
  readonly log?: 'warn' | 'error';
  /**
   * A typo in the namespace must not become a success on an empty one.
   * @default only for one that was typed with the command, and if that brings no work
   */
  readonly mustExist?: boolean;
}

/** Opens a manager for one command and closes it again, also when the command fails. */
export async function withManager<T>(
  options: CommonOptions,
  run: (session: Session) => Promise<T>,
  needs: ManagerNeeds = {},
): Promise<T> {
  const act = async (config: HybridConfig, _url: string, without: ReadonlySet<string>): Promise<T> => {
    const tasks = await tasksFor(options, config, needs.tasks ?? 'no');
    const { HybridTaskManager } = await import('../hybrid-task-manager.ts');
    const manager = await HybridTaskManager.open({
      config,
      tasks,
      log: terminalLog(needs.log),
      actor: `cli:${user()}@${hostname()}`,
      followConfigFile: false,
      mustExist: needs.mustExist ?? (options.namespace !== undefined && !needs.mayStartRedis),
      asksFlags: needs.flags ?? false,
    });
    try {
      return await run({ config, tasks, manager, without });
    } catch (error) {
      throw errorAtPlace(error, placeArguments(options));
    } finally {
      await manager.close();
    }
  };
  return withRedisUrl(options, act, needs);
}

async function tasksFor(
  options: CommonOptions,
  config: HybridConfig,
  need: 'no' | 'wanted' | 'needed',
): Promise<readonly TaskDefinition[]> {
  if (need === 'no') return [];
  try {
    return await loadTasks(options.app, config);
  } catch (error) {
    if (need === 'needed' || options.app !== undefined || !(error instanceof AppModuleError)) throw error;
    say(`warning: ${error.message}`);
    return [];
  }
}

/** Which Redis and namespace a command has acted on, without the password. */
export function placeOf(config: HybridConfig): string {
  const host = config.redis.url === null ? '' : ` on ${new URL(config.redis.url).host}`;
  return `namespace ${config.namespace}${host}`;
}

function user(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user id may have no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** A value came in as REDIS_URL or HYBRID_NAMESPACE, but that is not what was typed. */
function namingTheOptions(error: unknown, { redis, namespace }: CommonOptions): unknown {
  if (!(error instanceof InvalidConfigError) || (redis ?? namespace) === undefined) return error;
  const typed: Readonly<Record<string, string>> = {
    ...(redis === undefined ? {} : { REDIS_URL: '--redis' }),
    ...(namespace === undefined ? {} : { HYBRID_NAMESPACE: '--namespace' }),
  };
  const problems = error.problems.map((problem) => ({
    ...problem,
    path: typed[problem.path] ?? problem.path,
  }));
  return new InvalidConfigError(
    error.source.replace(/environment/, 'command line and environment'),
    problems,
  );
}
