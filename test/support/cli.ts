import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { HybridTaskManager, loadConfig } from '../../src/index.ts';
import { tasks } from './app.ts';
import { compiled } from './compiled.ts';
import { RecordingLog } from './recording-log.ts';
import { redisUrl, uniqueName } from './redis.ts';

const children = new Set<ChildProcess>();
const folders = new Set<string>();

/** The module with the tasks of test/support/app.ts, for --app. */
export const APP = compiled('test/support/app.ts');

export interface CliOptions {
  /** Over this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Standard input. */
  readonly input?: string;
  /** Another installation's `hybrid`. @default compiled from the present sources */
  readonly main?: string;
}

export interface CliResult {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly pid: number;
  /** Resolves when the output so far has the text in it. @throws when the command ends first */
  says(text: string, times?: number): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Closes our end of its standard output, as `| head -1` does. */
  closeStdout(): void;
  readonly ended: Promise<CliResult>;
}

/**
 * Runs `hybrid`, compiled from the present sources. Killed at the end of the test file at the latest.
 * @param args the command and its options
 */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const { NODE_OPTIONS: _jest, REDIS_URL: _url, ...inherited } = process.env;
  const child = spawn(process.execPath, [options.main ?? compiled('src/cli/main.ts'), ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...inherited, ...options.env },
    stdio: 'pipe',
  });
  children.add(child);
  child.stdin.on('error', () => {}); // a command that reads nothing may have ended already
  child.stdin.end(options.input ?? '');
  const output = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const look of watchers) look();
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => {
    children.delete(child);
    return { code: (code ?? signal) as number | NodeJS.Signals, ...output };
  });
  const says = async (text: string, times = 1): Promise<string> => {
    const all = () => output.stdout + output.stderr;
    const seen = new Promise<void>((resolve) => {
      const look = () => {
        if (all().split(text).length > times) resolve();
      };
      watchers.add(look);
      look();
    });
    const end = ended.then(({ code }) => {
      throw new Error(`It ended with ${code} and never said ${JSON.stringify(text)}:\n${all()}`);
    });
    await Promise.race([seen, end]);
    return all();
  };
  return {
    pid: child.pid ?? 0,
    says,
    kill: (signal) => void child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
    ended,
  };
}

/** Runs a command to its end. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).ended;
}

export interface CliPlace {
  readonly dir: string;
  readonly namespace: string;
  /** Redis, config and app module of this place: the last arguments of a command. */
  readonly at: readonly string[];
  /** Runs a command here. */
  run(...args: string[]): Promise<CliResult>;
  /** The same, and its standard output read as JSON. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>;
  start(...args: string[]): RunningCli;
  write(name: string, text: string): string;
  /** A manager of this place in the test's own process. Commands that operate refuse a namespace without any. */
  manager(): Promise<HybridTaskManager>;
  /** Makes the namespace known, as the first process of a team does. */
  begin(): Promise<void>;
}

/** A folder, a namespace and queues of a test's own. @param url default: the Redis that all tests share */
export function cliPlace(config = '', url = redisUrl()): CliPlace {
  const dir = mkdtempSync(join(tmpdir(), 'hybrid-cli-'));
  folders.add(dir);
  const namespace = uniqueName('cli');
  const write = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  // Queues have fixed names in the app; own prefixes keep places apart.
  const file = write(
    'hybrid.yaml',
    [
      `namespace: ${namespace}`,
      `stable: { prefix: bq-${namespace} }`,
      `canary: { prefix: bull-${namespace} }`,
      `flags: { file: ${JSON.stringify(join(dir, 'flags.json'))} }`,
      `app: { module: ${JSON.stringify(APP)} }`,
      config,
    ].join('\n'),
  );
  write('flags.json', '{"flags":{}}\n');
  const at = ['--config', file, '--redis', url];
  const start = (...args: string[]) => startCli([...args, ...at], { cwd: dir });
  const run = (...args: string[]) => start(...args).ended;
  const manager = async () =>
    HybridTaskManager.open({
      config: await loadConfig({ file, cwd: dir, env: { REDIS_URL: url } }),
      tasks,
      log: new RecordingLog(),
      followConfigFile: false,
    });
  return {
    dir,
    namespace,
    at,
    run,
    start,
    write,
    manager,
    begin: async () => (await manager()).close(),
    async json(...args) {
      const { stdout, stderr, code } = await run(...args, '--json');
      try {
        return JSON.parse(stdout);
      } catch {
        throw new Error(`No JSON, exit code ${code}:\n${stdout}\n${stderr}`);
      }
    },
  };
}

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
