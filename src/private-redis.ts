import { spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { InvalidConfigError, RedisUnreachableError } from './domain/errors.ts';
import { withFolderLock } from './folder-lock.ts';
import { freePort } from './free-port.ts';
import { dataFolderOf, findRedisServer, type RedisPlaces, startSupervised } from './redis-supervisor.ts';

const DEFAULT_SILENCE_MS = 30_000;

export interface PrivateRedis {
  readonly url: string;
  readonly pid: number;
  /** Lets go of the server. It ends when no process holds it any more; its data stays in the folder. */
  stop(): Promise<void>;
}

export interface PrivateRedisOptions {
  /** Folder for everything of this library on this machine. @default '.hybrid' */
  readonly dir?: string;
  /** Told one sentence when a server is started. @default nobody */
  readonly log?: (sentence: string) => void;
  /** How long the folder's server is waited for while it runs and says nothing, in milliseconds. @default 30_000 */
  readonly silenceMs?: number;
}

export interface RedisSourceOptions extends PrivateRedisOptions {
  /** REDIS_URL, or null when nobody has set one. */
  readonly url: string | null;
  /**
   * Whether a private server may stand in for a missing URL. `existing`: only one that has run in the folder before,
   * so that whoever operates does not act on an empty server and believe that it was the right one.
   */
  readonly allowPrivate: boolean | 'existing';
  /** Whether scripts/ensure-redis.sh may install a server when the machine has none. @default false */
  readonly mayInstall?: boolean;
}

export interface RedisSource {
  readonly url: string;
  readonly isPrivate: boolean;
  /** Lets go of a private server; does nothing to yours. */
  stop(): Promise<void>;
}

/**
 * The Redis to work with: the given one, else a private one.
 * @throws {InvalidConfigError} no URL, and a private server is not allowed
 * @throws {RedisUnreachableError} no URL, and no private server can be started
 */
export async function resolveRedis(options: RedisSourceOptions): Promise<RedisSource> {
  if (options.url !== null) return { url: options.url, isPrivate: false, stop: async () => {} };
  const dir = resolve(options.dir ?? '.hybrid');
  if (!options.allowPrivate) throw withoutUrl('nothing');
  if (options.allowPrivate === 'existing' && !hasData(dir)) {
    throw withoutUrl(`nothing, and no private Redis has run in ${dir}`);
  }
  const bin = join(dir, 'bin');
  if (options.mayInstall && findRedisServer(bin) === undefined) install();
  const { url, stop } = await startPrivateRedis(options);
  return { url, isPrivate: true, stop };
}

function withoutUrl(given: string): InvalidConfigError {
  const allowed = 'the URL of a Redis, like redis://localhost:6379';
  return new InvalidConfigError('The environment', [{ path: 'REDIS_URL', given, allowed }]);
}

/** Every server leaves its append-only file; the folder alone is made before one starts. */
function hasData(dir: string): boolean {
  try {
    return readdirSync(dataIn(dir)).length > 0;
  } catch {
    return false;
  }
}

/**
 * A Redis for trying things out: a child on loopback with a free port, whose data stays in the folder between runs.
 * Several processes of one folder share one server; it ends with the last of them, also when that one is killed.
 * @throws {RedisUnreachableError} no redis-server or valkey-server on PATH or in `<dir>/bin`; it does not start, or is silent
 */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const dir = resolve(options.dir ?? '.hybrid');
  const home = join(dir, 'redis');
  const places: RedisPlaces = {
    data: dataIn(dir),
    record: join(home, 'server.json'),
    log: join(home, 'server.log'),
    hold: join(home, 'hold'),
  };
  mkdirSync(places.data, { recursive: true, mode: 0o700 });
  return withFolderLock(join(home, 'lock'), async () => {
    const running = await attach(places, options.silenceMs ?? DEFAULT_SILENCE_MS);
    return running ?? (await start(places, join(dir, 'bin'), options.log ?? (() => {})));
  });
}

/** Joins the folder's running server; undefined when there is none, or no longer. */
async function attach(places: RedisPlaces, silenceMs: number): Promise<PrivateRedis | undefined> {
  const record = readRecord(places.record);
  if (record === undefined) return undefined;
  const hold = openHold(places.hold);
  let isOurs = false;
  try {
    const folder = hold === undefined ? dataFolderOf(record.port) : folderOf(record, silenceMs);
    isOurs = (await folder) === places.data;
  } catch (error) {
    if (hold !== undefined) closeSync(hold);
    throw error;
  }
  if (hold !== undefined && isOurs) {
    let isHeld = true;
    const stop = async (): Promise<void> => {
      if (isHeld) closeSync(hold);
      isHeld = false;
    };
    return { url: urlOf(record.port), pid: record.pid, stop };
  }
  if (hold !== undefined) closeSync(hold);
  // Nobody supervises it, or nobody holds it any more. Two servers on one data folder would destroy the data, so
  // this one has to be gone first.
  if (isOurs) signal(record.pid, 'SIGTERM');
  const isEnding = () => signal(record.supervisor, 0) || (isOurs && signal(record.pid, 0));
  const deadline = performance.now() + 5000; // after a reboot the pid may be another process's
  while (existsSync(places.record) && isEnding() && performance.now() < deadline) await delay(20);
  return undefined;
}

async function start(
  places: RedisPlaces,
  bin: string,
  log: (sentence: string) => void,
): Promise<PrivateRedis> {
  const binary = findRedisServer(bin);
  if (binary === undefined) {
    throw new RedisUnreachableError(
      'this machine',
      `there is neither redis-server nor valkey-server on PATH or in ${bin}`,
      'Install one (bash scripts/ensure-redis.sh does it or says how), or set REDIS_URL.',
    );
  }
  for (let attempt = 1; attempt <= 3; attempt++) {
    const port = await freePort(); // it may be taken before the server has it: hence the attempts
    const server = await startSupervised(places, binary, port);
    if (server === undefined) continue;
    log(
      `Using a private Redis on 127.0.0.1:${port}, its data in ${places.data}: for trying things out, not for production. ` +
        'Set REDIS_URL to use your own.',
    );
    return { url: urlOf(port), pid: server.pid, stop: server.letGo };
  }
  throw new RedisUnreachableError(
    '127.0.0.1',
    `the private server ${binary} does not start`,
    `See the end of ${places.log}; to begin anew, move ${places.data} away.`,
  );
}

/** Does not fail: start() says what is missing, the script says on stderr what it tried. */
function install(): void {
  // Below src/ here, below dist/src/ when built.
  const here = dirname(fileURLToPath(import.meta.url));
  const script = ['../scripts', '../../scripts']
    .map((folder) => resolve(here, folder, 'ensure-redis.sh'))
    .find((path) => existsSync(path));
  if (script !== undefined) spawnSync('bash', [script], { stdio: ['ignore', 2, 2] });
}

interface ServerRecord {
  readonly supervisor: number;
  readonly pid: number;
  readonly port: number;
}

/** Undefined when there is none, or none that the supervisor wrote. */
function readRecord(path: string): ServerRecord | undefined {
  try {
    const { supervisor, pid, port } = JSON.parse(readFileSync(path, 'utf8'));
    const isUsable = [supervisor, pid, port].every((value) => Number.isInteger(value) && value > 1);
    return isUsable ? { supervisor, pid, port } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The data folder of a supervised server. One that is silent stands still for a while, as anything may on
 * a busy machine: it is asked again, because a second server on its folder would destroy the data.
 */
async function folderOf({ supervisor, port }: ServerRecord, silenceMs: number): Promise<string | undefined> {
  const deadline = performance.now() + silenceMs;
  for (;;) {
    const folder = await dataFolderOf(port);
    if (folder !== undefined || !signal(supervisor, 0)) return folder;
    if (performance.now() > deadline) {
      const advice = 'See whether it hangs; once it is ended, another one is started.';
      throw new RedisUnreachableError(
        `127.0.0.1:${port}`,
        "the folder's private server does not answer",
        advice,
      );
    }
    await delay(20);
  }
}

/** Undefined when nobody reads the pipe: there is no supervisor. */
function openHold(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** @returns whether the process is there */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

const dataIn = (dir: string): string => join(dir, 'redis', 'data');

const urlOf = (port: number): string => `redis://127.0.0.1:${port}`;
