import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Where a private Redis keeps its things; all paths absolute. */
export interface RedisPlaces {
  readonly data: string;
  /** JSON with supervisor, pid and port; removed when the server has ended. */
  readonly record: string;
  readonly log: string;
  /** Named pipe: whoever holds its writing end keeps the server alive. */
  readonly hold: string;
}

export interface SupervisedRedis {
  readonly pid: number;
  /** Waits for the server's end if nobody else holds it; else returns after a second. */
  letGo(): Promise<void>;
}

/**
 * Starts the server, and ends it when the last holder is gone, however that came about: the kernel closes a dead
 * process's pipes, also after SIGKILL. The starter's own pipe (stdin) is relayed to the named one, which others open.
 */
const SUPERVISOR = `
hold=$1 record=$2 log=$3 port=$4; shift 4
umask 077
rm -f "$hold"
mkfifo "$hold" || exit 1
exec 3<&0 </dev/null
"$@" >>"$log" 2>&1 3<&- &
server=$!
printf '{"supervisor":%s,"pid":%s,"port":%s}\\n' "$$" "$server" "$port" >"$record"
cat <&3 >"$hold" &
{ cat "$hold" >/dev/null; rm -f "$hold"; kill "$server"; sleep 10; kill -KILL "$server"; } >/dev/null 2>&1 3<&- &
watcher=$!
exec 3<&-
echo "$server"
exec >/dev/null 2>&1
wait "$server"
rm -f "$hold" "$record"
kill "$watcher"
`;

/** @returns undefined when the server has ended instead of taking connections; its log says why */
export async function startSupervised(
  places: RedisPlaces,
  binary: string,
  port: number,
): Promise<SupervisedRedis | undefined> {
  const server = [binary, '--bind', '127.0.0.1', '--port', String(port), '--dir', places.data];
  server.push('--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '');
  server.push('--maxmemory-policy', 'noeviction', '--daemonize', 'no');
  const files = [places.hold, places.record, places.log];
  const child = spawn('sh', ['-c', SUPERVISOR, 'hybrid-redis', ...files, String(port), ...server], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true, // Ctrl-C is for this process: it closes its work first
  });
  const ended = once(child, 'exit').catch(() => []);
  child.stdin.on('error', () => {});
  const [said] = await Promise.race([once(child.stdout, 'data'), ended]);
  child.unref();
  for (const pipe of [child.stdin, child.stdout]) (pipe as unknown as { unref(): void }).unref();

  const pid = Number(String(said));
  if (!Number.isInteger(pid) || pid < 2 || !(await isReady(child, port))) {
    child.stdin.destroy();
    return undefined;
  }
  return {
    pid,
    async letGo() {
      if (hasEnded(child)) return;
      const patience = new AbortController();
      child.stdin.end();
      const enough = delay(1000, undefined, { signal: patience.signal }).catch(() => {});
      await Promise.race([ended, enough]);
      patience.abort();
    },
  };
}

/** Has no time limit but the server's own end: it may have much to load. */
async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  while (!hasEnded(child)) {
    if ((await dataFolderOf(port)) !== undefined) return true;
    await delay(20);
  }
  return false;
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** The data folder of the server on that loopback port, so whose it is; undefined when none answers. */
export async function dataFolderOf(port: number): Promise<string | undefined> {
  const redis = new Redis(port, '127.0.0.1', {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 1000,
    commandTimeout: 1000,
    disconnectTimeout: 50,
  });
  redis.on('error', () => {});
  try {
    await redis.connect();
    const [, folder] = (await redis.config('GET', 'dir')) as string[];
    return folder;
  } catch {
    return undefined;
  } finally {
    redis.disconnect();
  }
}

/** Path of redis-server or valkey-server, on PATH or in `binFolder`. */
export function findRedisServer(binFolder?: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), binFolder ?? ''].filter((f) => f !== '');
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of folders) {
      const path = resolve(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // look further
      }
    }
  }
  return undefined;
}
