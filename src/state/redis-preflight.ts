import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { RedisUnsuitableError } from '../domain/errors.ts';
import { ioredisOptions, type RedisAddress, readRedisAddress, targetOf } from '../domain/redis-address.ts';
import { connectionFailure } from '../domain/redis-failure.ts';

export interface PreflightOptions {
  /** For the whole look, in milliseconds; a server that is loading its data is waited for that long. @default 3000 */
  readonly deadlineMs?: number;
  /** Which Redis this is, so that advice names the right setting. @default 'stable' */
  readonly role?: 'stable' | 'canary';
  /** Go on with a server that may throw keys away: only for development. @default false */
  readonly allowEviction?: boolean;
}

export interface PreflightReport {
  /** Like `7.0.15`; undefined when the server does not tell this user. */
  readonly version: string | undefined;
  /** Changes with every start of the server; undefined when the server does not tell this user. */
  readonly runId: string | undefined;
  /** The server may throw keys away when its memory is full. */
  readonly evicts: boolean;
  /** One sentence each: what could not be checked, and what to keep in mind. */
  readonly notes: readonly string[];
}

const OLDEST_VERSION = [6, 2] as const;

/** What is known about a Redis while it is looked at. */
interface Look {
  readonly address: RedisAddress;
  /** The environment variable to correct. */
  readonly setting: string;
  readonly deadlineMs: number;
  hasConnected: boolean;
  isLoading: boolean;
  isLate: boolean;
}

/**
 * Looks once, on a connection of its own that is closed again, whether a Redis can be used. The client libraries
 * themselves stay silent, crash or wait for ever on most of what is found here.
 * @throws {InvalidConfigError} the URL cannot be read
 * @throws {RedisUnreachableError} down, unknown host, wrong password, TLS mismatch, not Redis, still loading
 * @throws {RedisUnsuitableError} too old, a read-only replica, no such database, or evicts keys
 */
export async function preflight(url: string, options: PreflightOptions = {}): Promise<PreflightReport> {
  const address = readRedisAddress(url);
  const deadlineMs = options.deadlineMs ?? 3000;
  const look: Look = {
    address,
    setting: options.role === 'canary' ? 'CELERY_BROKER_URL' : 'REDIS_URL',
    deadlineMs,
    hasConnected: false,
    isLoading: false,
    isLate: false,
  };
  const redis = open(address, deadlineMs);
  let firstError: unknown;
  redis.on('error', (error) => {
    firstError ??= error;
  });
  const ended = new Promise<void>((resolve) => redis.once('end', resolve));
  const timer = setTimeout(() => {
    look.isLate = true;
    redis.disconnect(); // whatever is waited for now fails
  }, deadlineMs);

  try {
    await redis.connect();
    look.hasConnected = true;
    const notes = await logIn(redis, address);
    return judge(await readInfo(redis, look, notes), notes, look, options);
  } catch (error) {
    throw connectionFailure(firstError ?? error, look);
  } finally {
    clearTimeout(timer);
    if (redis.status !== 'end') redis.disconnect();
    await ended;
  }
}

/** Without user and password: ioredis's own handshake hides which step of it failed. */
function open(address: RedisAddress, deadlineMs: number): Redis {
  return new Redis({
    ...ioredisOptions({ ...address, username: undefined, password: undefined, db: 0 }),
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    lazyConnect: true,
    connectTimeout: deadlineMs + 1000, // the deadline comes first
    disconnectTimeout: 50,
    maxRetriesPerRequest: null,
    retryStrategy: () => null,
  });
}

async function logIn(redis: Redis, { username, password, db }: RedisAddress): Promise<string[]> {
  const notes: string[] = [];
  try {
    if (username !== undefined) await redis.auth(username, password ?? '');
    else if (password !== undefined) await redis.auth(password);
  } catch (error) {
    if (!/without any password configured|no password is set/.test(String(error))) throw error;
    notes.push('The URL has a password, but the server asks for none.');
  }
  if (db > 0) await redis.select(db);
  return notes;
}

type Info = ReadonlyMap<string, string>;

/** INFO as a map; empty if this user may not see it. Waits until the server has loaded its data. */
async function readInfo(redis: Redis, look: Look, notes: string[]): Promise<Info> {
  for (;;) {
    const info = await allowed(redis.info());
    if (info === undefined) {
      notes.push('The user may not run INFO, so version and role are unchecked; BullMQ needs INFO.');
      await allowed(redis.ping());
    }
    const fields = new Map(
      (info ?? '').split(/\r?\n/).flatMap((line) => {
        const [, name, value] = /^(\w+):(.*)$/.exec(line) ?? [];
        return name === undefined || value === undefined ? [] : [[name, value] as const];
      }),
    );
    look.isLoading = fields.get('loading') === '1';
    if (!look.isLoading) return withPolicy(redis, fields, notes);
    await delay(50);
  }
}

async function withPolicy(redis: Redis, fields: Map<string, string>, notes: string[]): Promise<Info> {
  if (fields.has('maxmemory_policy')) return fields;
  const answer = await allowed(redis.config('GET', 'maxmemory-policy') as Promise<string[]>);
  if (answer?.[1] !== undefined) fields.set('maxmemory_policy', answer[1]);
  else notes.push('The eviction policy could not be read; see that maxmemory-policy is noeviction.');
  return fields;
}

/** Undefined when the server has the command but not for this user, or has renamed it away. */
async function allowed<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (/^(NOPERM|ERR unknown command)/.test((error as Error).message)) return undefined;
    throw error;
  }
}

function judge(info: Info, notes: string[], look: Look, options: PreflightOptions): PreflightReport {
  const unsuitable = (problem: string, advice: string) =>
    new RedisUnsuitableError(targetOf(look.address), problem, advice);
  const version = info.get('redis_version');
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  if (version !== undefined && (major < oldestMajor || (major === oldestMajor && minor < oldestMinor))) {
    throw unsuitable(
      `its version is ${version.slice(0, 20)}, and ${OLDEST_VERSION.join('.')} is the oldest that works`,
      'Use a newer Redis or Valkey.',
    );
  }
  if (info.get('role') === 'slave' && info.get('slave_read_only') !== '0') {
    throw unsuitable(
      `it is a read-only replica of ${info.get('master_host')}:${info.get('master_port')}`,
      `Let ${look.setting} name the primary.`,
    );
  }
  if (info.get('cluster_enabled') === '1') {
    notes.push('The server runs in cluster mode, which bee-queue does not know.');
  }
  const policy = info.get('maxmemory_policy');
  const evicts = policy !== undefined && policy !== 'noeviction';
  if (evicts && !options.allowEviction) {
    throw unsuitable(
      `its maxmemory-policy is ${policy}, so it may throw accepted tasks away`,
      'Set it to noeviction: redis-cli CONFIG SET maxmemory-policy noeviction (and in its config file).',
    );
  }
  if (evicts) notes.push(`The maxmemory-policy is ${policy}: accepted tasks may be thrown away.`);
  return { version, runId: info.get('run_id'), evicts, notes };
}
