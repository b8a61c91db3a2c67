import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Question {
  readonly number: number;
  readonly call: string;
  readonly argument: unknown;
}

type Answer = { readonly number: number } & ({ readonly value: unknown } | { readonly problem: string });

/** A node process that answers questions. It ends with its parent. */
export interface BenchChild {
  /** @throws when the child throws or ends */
  ask<T>(call: string, argument?: unknown): Promise<T>;
  end(): Promise<void>;
}

/** @param script name of a file of this folder, without extension; its children have the same one as this file */
export function startChild(script: string): BenchChild {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const child = fork(fileURLToPath(new URL(`./${script}${extension}`, import.meta.url)), {
    // For a collection before every timed run: the garbage of the last one is no part of the next.
    execArgv: [...process.execArgv, '--expose-gc'],
    // stdout is this process's own: with --json it holds one JSON text.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const open = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  const ended = once(child, 'exit').catch(() => []);
  let asked = 0;
  const failAll = (problem: string): void => {
    for (const { reject } of open.values()) reject(new Error(`${script}: ${problem}`));
    open.clear();
  };
  child.on('error', (error) => failAll(error.message));
  child.on('exit', (code, signal) => failAll(`ended with ${code ?? signal}`));
  child.on('message', (message) => {
    const answer = message as Answer;
    const waiting = open.get(answer.number);
    open.delete(answer.number);
    if ('problem' in answer) waiting?.reject(new Error(`${script}: ${answer.problem}`));
    else waiting?.resolve(answer.value as never);
  });
  return {
    ask: (call, argument) =>
      new Promise((resolve, reject) => {
        const number = ++asked;
        open.set(number, { resolve, reject });
        child.send({ number, call, argument } satisfies Question, (error) => {
          if (error) failAll(error.message);
        });
      }),
    end: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** The child's side. `close` runs when the parent lets go, or is gone. */
export function answerParent(
  calls: Readonly<Record<string, (argument: never) => Promise<unknown>>>,
  close: () => Promise<unknown>,
): void {
  process.on('message', (message) => {
    const { number, call, argument } = message as Question;
    const answer = async (): Promise<Answer> => {
      try {
        return { number, value: (await calls[call]?.(argument as never)) ?? null };
      } catch (error) {
        return { number, problem: error instanceof Error ? error.message : String(error) };
      }
    };
    void answer().then((result) => process.send?.(result));
  });
  process.on('disconnect', () => {
    void close().finally(() => process.exit());
  });
}

export interface Timing {
  readonly elapsedMs: number;
  readonly cpuMicros: number;
}

/** A clock of wall time and of this process's CPU time. */
export function startClock(): () => Timing {
  const cpu = process.cpuUsage();
  const start = performance.now();
  return () => {
    const elapsedMs = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    return { elapsedMs, cpuMicros: user + system };
  };
}
