import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../src/free-port.ts';

export interface RedisServerOptions {
  /** @default a free port */
  readonly port?: number;
  /** Append-only file with everysec, so that restart() finds the data again. @default false */
  readonly aof?: boolean;
  /** Data folder. @default a temporary folder that stop() removes */
  readonly dir?: string;
  readonly requirepass?: string;
  /** Like `10mb`. @default no limit */
  readonly maxmemory?: string;
  /** @default 'noeviction' */
  readonly maxmemoryPolicy?: string;
  /** Speak only TLS on the port, with these files; client certificates are not asked for. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** More command line arguments of redis-server, like `['--replicaof', '127.0.0.1 1234']`. */
  readonly args?: readonly string[];
}

/** A redis-server child that belongs to the test and dies with its process, even on SIGKILL. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Of redis-server itself; another one after restart(). */
  readonly pid: number;
  /** SIGTERM, wait for the end, remove a temporary folder. */
  stop(): Promise<void>;
  /** SIGKILL, as a power cut does it; the folder stays for restart(). */
  kill(): Promise<void>;
  /** Same port and folder; stops it first (SIGTERM) if it runs. Without `aof` the data is gone. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

/** `sh` starts the server, says its pid, and kills it when stdin ends: when this process is gone, for whatever reason. */
const SUPERVISOR = `
exec 3<&0
"$@" </dev/null 3<&- 2>&1 &
server=$!
echo "pid $server"
{ cat <&3 >/dev/null; kill -KILL "$server" 2>/dev/null; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$server"
kill "$watcher" 2>/dev/null
`;

export function findRedisBinary(): string | undefined {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (folder !== '' && existsSync(path)) return path;
    }
  }
  return undefined;
}

/** The binary; installs it with scripts/ensure-redis.sh when the machine has none. */
export function ensureRedisBinary(): string {
  const found = findRedisBinary();
  if (found !== undefined) return found;
  execFileSync('bash', [join(process.cwd(), 'scripts/ensure-redis.sh')], { stdio: 'inherit' });
  const installed = findRedisBinary();
  if (installed === undefined)
    throw new Error('scripts/ensure-redis.sh ran, but redis-server is not on PATH.');
  return installed;
}

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<unknown>;
}

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const binary = ensureRedisBinary();
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'hybrid-test-redis-'));
  let port = options.port ?? (await freePort());
  let running: Running | undefined;

  for (let attempt = 1; running === undefined; attempt++) {
    try {
      running = await launch(binary, redisArguments(options, port, dir));
    } catch (error) {
      // Between freePort() and here somebody else may have taken the port.
      if (options.port !== undefined || attempt === 5) throw error;
      port = await freePort();
    }
  }

  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (running === undefined) return;
    const { child, pid, ended } = running;
    running = undefined;
    child.ref(); // or a process with nothing else to do would be gone before its server
    send(pid, 'SIGCONT');
    send(pid, signal);
    await ended;
  };
  const pidOfRunning = (): number => {
    if (running === undefined) throw new Error('This redis-server is not running.');
    return running.pid;
  };
  const userinfo = options.requirepass === undefined ? '' : `:${encodeURIComponent(options.requirepass)}@`;
  return {
    url: `${options.tls ? 'rediss' : 'redis'}://${userinfo}127.0.0.1:${port}`,
    port,
    get pid() {
      return pidOfRunning();
    },
    async stop() {
      await end('SIGTERM');
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      running = await launch(binary, redisArguments(options, port, dir));
    },
    pause: () => send(pidOfRunning(), 'SIGSTOP'),
    resume: () => send(pidOfRunning(), 'SIGCONT'),
  };
}

function redisArguments(options: RedisServerOptions, port: number, dir: string): string[] {
  const args = ['--bind', '127.0.0.1', '--dir', dir, '--save', ''];
  args.push('--appendonly', options.aof ? 'yes' : 'no', '--appendfsync', 'everysec');
  args.push('--maxmemory-policy', options.maxmemoryPolicy ?? 'noeviction');
  if (options.maxmemory !== undefined) args.push('--maxmemory', options.maxmemory);
  if (options.requirepass !== undefined) args.push('--requirepass', options.requirepass);
  if (options.tls) {
    args.push('--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no');
    args.push('--tls-cert-file', options.tls.certFile, '--tls-key-file', options.tls.keyFile);
  } else {
    args.push('--port', String(port));
  }
  return [...args, ...(options.args ?? [])];
}

/** Resolves when the server has loaded its data and takes connections. */
async function launch(binary: string, args: readonly string[]): Promise<Running> {
  const child = spawn('sh', ['-c', SUPERVISOR, 'redis-supervisor', binary, ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const ended = once(child, 'exit');
  const output: string[] = [];
  let pid = 0;
  let isReady = false;
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`redis-server did not start:\n${output.join('\n')}`)));
    lines.on('line', (line) => {
      output.push(line);
      if (line.startsWith('pid ')) pid = Number(line.slice(4));
      if (line.includes('Ready to accept connections')) isReady = true;
      // The server may be quicker than the shell that says its pid; pid 0 would be this process and its group.
      if (isReady && pid > 0) resolve();
    });
  });
  // From here on its log is only drained, and neither the child nor its pipes keep this process alive.
  output.length = 0;
  lines.removeAllListeners('line');
  child.unref();
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref(): void }).unref();
  return { child, pid, ended };
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
