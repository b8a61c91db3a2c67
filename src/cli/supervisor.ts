import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { say } from './output.ts';
import { onStopSignals } from './signals.ts';
import { duration } from './words.ts';

/** What supervisor and worker processes say to each other. A child that has sent `ready` takes tasks. */
export type SupervisorMessage = 'ready' | 'stop' | 'abort';

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
/** A process that lived this long has not crashed because of how it was started. */
const HEALTHY_MS = 60_000;

export interface SupervisorOptions {
  readonly processes: number;
  /** The command line of one worker process. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Keeps a number of worker processes running: starts a crashed one again, after a delay that grows with every crash in
 * a row. They are told to stop by message and not by signal, because Ctrl-C and systemd signal all of them already.
 *
 * @returns the exit code: 0 when all ended cleanly; that of a process that could not even start
 */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const children = new Set<ChildProcess>();
  const tellAll = (message: SupervisorMessage) => {
    for (const child of children) if (child.connected) child.send(message);
  };
  const signals = onStopSignals(() => {
    tellAll('abort');
    process.exit(1);
  });
  const stop = new AbortController();
  signals.first.then(
    (signal) => {
      say(`${signal}: ${children.size} worker processes stop. Again to end at once.`);
      stop.abort();
    },
    () => {},
  );
  stop.signal.addEventListener('abort', () => tellAll('stop'));

  const codes = await Promise.all(
    Array.from({ length: options.processes }, (_, i) => keepRunning(i + 1, options, children, stop)),
  );
  signals.release();
  return codes.find((code) => code !== 0) ?? 0;
}

async function keepRunning(
  number: number,
  options: SupervisorOptions,
  children: Set<ChildProcess>,
  stop: AbortController,
): Promise<number> {
  let hasBeenReady = false;
  let delayMs = FIRST_DELAY_MS;
  while (!stop.signal.aborted) {
    const startedAt = performance.now();
    const { code, wasReady } = await runChild(options, children);
    hasBeenReady ||= wasReady;
    if (stop.signal.aborted) return code;
    if (!hasBeenReady) {
      // It has said why: a wrong setting, no Redis. Another try would say the same.
      stop.abort();
      return code === 0 ? 1 : code;
    }
    if (performance.now() - startedAt > HEALTHY_MS) delayMs = FIRST_DELAY_MS;
    say(`Worker process ${number} ended (${code}); a new one starts in ${duration(delayMs)}.`);
    await pause(delayMs, stop.signal);
    delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
  }
  return 0;
}

async function runChild(
  { argv, env }: SupervisorOptions,
  children: Set<ChildProcess>,
): Promise<{ code: number; wasReady: boolean }> {
  const child = fork(process.argv[1] ?? '', argv, { env: { ...process.env, ...env } });
  children.add(child);
  let wasReady = false;
  child.on('message', (message) => {
    wasReady ||= message === 'ready';
  });
  // Without a listener a child that cannot be started would end this process.
  child.on('error', (error) => say(`error: ${error.message}`));
  const [code] = (await once(child, 'exit')) as [number | null];
  children.delete(child);
  return { code: code ?? 1, wasReady };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The worker's end of it: calls back when the supervisor wants it to stop, or has died. */
export function onSupervisor(handlers: { stop(why: string): void; abort(): void }): void {
  process.on('message', (message) => {
    if (message === 'stop') handlers.stop('the supervisor');
    if (message === 'abort') handlers.abort();
  });
  process.on('disconnect', () => handlers.stop('the end of the supervisor'));
}
