import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll } from '@jest/globals';
import { compiled } from './compiled.ts';

// Now, and not in the middle of a test, whose servers and timers would stand still meanwhile.
compiled('.');
const children = new Set<ChildProcess>();

/** A node process of the test's own; killed at the end of the test file at the latest. */
export interface TestChild {
  readonly pid: number;
  /**
   * The next line of its stdout, from the start on; each line is given once.
   * @throws when stdout ends first, with what it wrote to stderr
   */
  nextLine(): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** What it wrote to stderr until now. */
  complaints(): string;
  /** Resolves when it has ended: its exit code, or the signal's name. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Runs a TypeScript file of this project (compiled) or JavaScript text (as a module) in a node process. */
export function runTypeScript(
  source: { readonly file: string } | { readonly code: string },
  options: {
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
  } = {},
): TestChild {
  const program =
    'file' in source ? [compiled(source.file)] : ['--input-type=module', '--eval', source.code, '--'];
  const { NODE_OPTIONS: _jest, ...inherited } = process.env;
  const child = spawn(process.execPath, [...program, ...(options.args ?? [])], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...inherited, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaints += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close').then(([code, signal]) => {
    children.delete(child);
    return (code ?? signal) as number | NodeJS.Signals;
  });
  return {
    pid: child.pid ?? 0,
    async nextLine() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`The child ended with ${await ended} and wrote to stderr:\n${complaints}`);
      return value;
    },
    kill: (signal) => void child.kill(signal),
    complaints: () => complaints,
    ended,
  };
}

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});
