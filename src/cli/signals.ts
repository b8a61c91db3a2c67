const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export interface StopSignals {
  /** Resolves with the first signal. */
  readonly first: Promise<NodeJS.Signals>;
  /** Aborted by the first signal. */
  readonly aborted: AbortSignal;
  /** Lets signals end the process at once again. */
  release(): void;
}

/** Takes SIGINT and SIGTERM. @param onSecond called when somebody asks again, because they are in a hurry */
export function onStopSignals(onSecond: () => void): StopSignals {
  const abort = new AbortController();
  let resolveFirst: (signal: NodeJS.Signals) => void = () => {};
  const first = new Promise<NodeJS.Signals>((resolve) => {
    resolveFirst = resolve;
  });
  const listener = (signal: NodeJS.Signals) => {
    if (abort.signal.aborted) return onSecond();
    abort.abort();
    resolveFirst(signal);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    first,
    aborted: abort.signal,
    release() {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}
