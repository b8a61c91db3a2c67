import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HybridTaskError } from '../../src/index.ts';
import type { Injection } from './injection.ts';

/** The worker processes do not start, or keep ending. */
export class WorkersEndedError extends HybridTaskError {
  readonly code = 'E_WORKERS_ENDED';
  constructor(problem: string, complaint: string) {
    super(`The demo's worker processes ${problem}${complaint === '' ? '.' : `: ${complaint}`}`);
  }
}

export interface WorkersOptions {
  readonly processes: number;
  readonly configFile: string;
  readonly redisUrl: string;
  readonly namespace: string;
  /** What goes wrong on canary; null: nothing. */
  readonly injection: Injection | null;
  /** Told what a worker complains about, and that one was started again. */
  readonly note: (line: string) => void;
  /** Called once, when a worker has ended and none is started again in its place. */
  readonly onLost: (error: WorkersEndedError) => void;
}

const MOST_RESTARTS = 3;
/** A worker that was told to stop finishes what it runs; one that hangs is killed. */
const STOP_WITHIN_MS = 10_000;

/** Worker processes beside this one. They end with it, also when it is killed: their channel to it closes. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #children = new Set<ChildProcess>();
  #restarts = 0;
  #isStopping = false;
  #complaint = '';

  private constructor(options: WorkersOptions) {
    this.#options = options;
  }

  /** Resolves when all of them take tasks. @throws {WorkersEndedError} */
  static async start(options: WorkersOptions): Promise<Workers> {
    const workers = new Workers(options);
    try {
      await Promise.all(Array.from({ length: options.processes }, () => workers.#startOne()));
    } catch (error) {
      await workers.stop();
      throw error;
    }
    return workers;
  }

  async #startOne(): Promise<void> {
    const { configFile, redisUrl, namespace, injection, note } = this.#options;
    const program = new URL(`./demo-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
    const child = fork(program, [configFile, injection ?? ''], {
      // In the environment and not in the arguments, which every user of the machine can read.
      env: { ...process.env, REDIS_URL: redisUrl, HYBRID_NAMESPACE: namespace },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#children.add(child);
    child.on('error', () => {}); // it never ran, or its channel is gone: `exit` or the race below tells
    if (child.stderr) {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#complaint = line;
        if (!this.#isStopping) note(line);
      });
    }
    // `close`, not `exit`: what it complained about has been read by then.
    const closed = once(child, 'close');
    const isReady = await Promise.race([once(child, 'message').then(() => true), closed.then(() => false)]);
    closed.then(
      ([code, signal]) => this.#ended(child, isReady, code ?? signal),
      () => {},
    );
    if (!isReady) throw new WorkersEndedError('do not start', this.#complaint);
  }

  #ended(child: ChildProcess, wasReady: boolean, how: unknown): void {
    this.#children.delete(child);
    if (this.#isStopping || !wasReady) return;
    const { note, onLost } = this.#options;
    if (this.#restarts === MOST_RESTARTS) {
      onLost(
        new WorkersEndedError(`ended ${MOST_RESTARTS + 1} times, the last with ${how}`, this.#complaint),
      );
      return;
    }
    this.#restarts++;
    note(`warning: worker process ${child.pid} ended (${how}); another one is started.`);
    this.#startOne().catch(onLost);
  }

  /** They finish what they run; repeating it is harmless. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#children].map(stopOne));
  }
}

async function stopOne(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = new AbortController();
  const tooLong = delay(STOP_WITHIN_MS, true, { signal: patience.signal }).catch(() => false);
  if ((await Promise.race([exited.then(() => false), tooLong])) === true) child.kill('SIGKILL');
  await exited;
  patience.abort();
}
