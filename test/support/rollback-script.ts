import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { plainClient, uniqueName } from './redis.ts';

export const QUESTION = 'Stop sending tasks to BullMQ and bring all of them back to bee-queue? [y/N] ';
const PARTS = ['rollback.sh', 'scripts/freeze-with-redis-cli.sh'];
const LUA = 'src/state/lua/set-control.lua';
/** What the script may call on any machine, but for node, timeout and redis-cli. */
const TOOLS =
  'awk cat dirname grep head hostname id paste readlink sed sleep sort tail tr true uname wc'.split(' ');

export interface RunOptions {
  readonly cwd?: string;
  /** What the script is called as. @default its own path */
  readonly as?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the stubbed commands do. */
  readonly cli?: Readonly<Record<string, { code?: number; out?: string; err?: string; neverEnds?: boolean }>>;
  /** PATH; @default without a change */
  readonly path?: string;
}

export interface Call {
  readonly cwd: string;
  readonly args: readonly string[];
}

/** A copy of the script beside a CLI that only does as it is told, new for each test; blanks in its folder's name. */
export class RollbackScript {
  readonly redis = plainClient();
  project = '';
  /** A folder that says nothing. */
  caller = '';
  /** It exists on the Redis of the tests. */
  namespace = '';
  #root = '';
  #count = 0;

  /** To be called once by a test file, at its top. */
  static forThisFile(): RollbackScript {
    const script = new RollbackScript();
    beforeAll(() => {
      script.#root = mkdtempSync(join(tmpdir(), 'hybrid-rollback-'));
    });
    beforeEach(() => script.#renew());
    afterAll(() => rmSync(script.#root, { recursive: true, force: true }));
    return script;
  }

  async #renew(): Promise<void> {
    this.project = join(this.#root, `a project ${++this.#count}`);
    this.caller = join(this.#root, `caller ${this.#count}`);
    for (const folder of ['dist/src/cli', 'config', 'scripts']) {
      mkdirSync(join(this.project, folder), { recursive: true });
    }
    mkdirSync(this.caller);
    for (const part of PARTS) copyFileSync(part, join(this.project, part));
    chmodSync(join(this.project, 'rollback.sh'), 0o755);
    this.copyLua('dist');
    writeFileSync(
      join(this.project, 'dist/src/cli/main.js'),
      `const { appendFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(this.#callsFile)}, JSON.stringify({ cwd: process.cwd(), args }) + '\\n');
const { code = 0, out = '', err = '', neverEnds } = JSON.parse(process.env.CLI ?? '{}')[args[0]] ?? {};
process.stdout.write(out);
process.stderr.write(err);
process.exitCode = code;
if (neverEnds) setInterval(() => {}, 1000);
`,
    );
    this.namespace = uniqueName('sh');
    await this.redis.hset(`{${this.namespace}}:control`, {
      epoch: 7,
      celeryRatio: 0.5,
      mode: 'ratio',
      taskRatios: '{}',
      frozen: '',
    });
  }

  get #callsFile(): string {
    return join(this.project, 'calls');
  }

  /** Puts the script of the freeze where a build has it, or the sources. */
  copyLua(to: 'dist' | 'sources'): void {
    const path = join(this.project, to === 'dist' ? `dist/${LUA}` : LUA);
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(LUA, path);
  }

  /** Which commands of the CLI were run until now. */
  get calls(): readonly Call[] {
    const lines = existsSync(this.#callsFile) ? readFileSync(this.#callsFile, 'utf8').trim().split('\n') : [];
    return lines.map((line) => JSON.parse(line) as Call);
  }

  writeConfig(text: string, folder = this.project): void {
    mkdirSync(join(folder, 'config'), { recursive: true });
    writeFileSync(join(folder, 'config/hybrid.yaml'), text);
  }

  control(name = this.namespace, client = this.redis): Promise<Record<string, string>> {
    return client.hgetall(`{${name}}:control`);
  }

  run(args: readonly string[], options: RunOptions = {}) {
    const { status, stdout, stderr } = spawnSync(options.as ?? this.#path, args, {
      cwd: options.cwd ?? this.project,
      env: environment(options),
      encoding: 'utf8',
    });
    return { status, stdout, stderr, calls: this.calls };
  }

  /** On a pseudo-terminal; everything it says is in stdout. */
  onTerminal(command: string, input: string, options: RunOptions = {}) {
    const { status, stdout, stderr } = spawnSync('script', ['-qec', command, '/dev/null'], {
      cwd: this.project,
      env: { ...environment(options), SHELL: pathOf('bash') },
      input,
      encoding: 'utf8',
    });
    return { status, stdout, stderr, calls: this.calls };
  }

  /** Without waiting for its end. */
  startOnTerminal(command: string, options: RunOptions = {}): ChildProcessWithoutNullStreams {
    return spawn('script', ['-qec', command, '/dev/null'], {
      cwd: this.project,
      env: { ...environment(options), SHELL: pathOf('bash') },
      stdio: 'pipe',
    });
  }

  /** Without waiting for its end, in a process group of its own. */
  start(args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
    return spawn(this.#path, args, {
      cwd: this.project,
      env: environment(options),
      detached: true,
      stdio: 'pipe',
    });
  }

  get #path(): string {
    return join(this.project, 'rollback.sh');
  }

  /** A PATH with the tools that any machine has and those named. */
  machineWith(...names: string[]): string {
    const bin = mkdtempSync(join(this.#root, 'bin-'));
    for (const name of ['bash', 'env', ...TOOLS, ...names]) symlinkSync(pathOf(name), join(bin, name));
    return bin;
  }

  /** A PATH with all that the script can use, but for node. */
  withoutNode(): string {
    return this.machineWith('redis-cli', 'timeout');
  }
}

export const argsOf = (calls: readonly Call[]) => calls.map(({ args }) => args);

export function environment(options: RunOptions): Record<string, string> {
  const {
    NODE_OPTIONS: _jest,
    REDIS_URL: _url,
    HYBRID_NAMESPACE: _namespace,
    ...inherited
  } = process.env as Record<string, string>;
  return {
    ...inherited,
    ...(options.path === undefined ? {} : { PATH: options.path }),
    CLI: JSON.stringify(options.cli ?? {}),
    ...options.env,
  };
}

export function pathOf(name: string): string {
  const folder = (process.env.PATH ?? '').split(delimiter).find((each) => existsSync(join(each, name)));
  if (folder === undefined) throw new Error(`${name} is not on PATH`);
  return join(folder, name);
}

/** An executable for a PATH of the test's own. @param lines of bash */
export function writeTool(folder: string, name: string, ...lines: string[]): void {
  writeFileSync(join(folder, name), [`#!${pathOf('bash')}`, ...lines, ''].join('\n'), { mode: 0o755 });
}
