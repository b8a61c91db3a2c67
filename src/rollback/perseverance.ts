import { setTimeout as sleep } from 'node:timers/promises';
import { BackendError, RedisUnreachableError } from '../domain/errors.ts';

/** How long a Redis that is away is waited for, in milliseconds, before the rollback gives up and may be run again. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 500;
/** Said by a server that is just starting, or a replica that is just taking over. */
const STARTING = /^(LOADING|READONLY|MASTERDOWN|BUSY|TRYAGAIN|CLUSTERDOWN)/;

/**
 * Repeats a step that met a Redis that is away: a restart or a failover in the middle is no reason to stop. Every step
 * of a rollback may be repeated.
 *
 * @throws what the step throws, once the patience is over or it is about something else
 */
export async function persevere<T>(
  step: () => Promise<T>,
  onTrouble: (error: Error) => void,
  signal: AbortSignal | undefined,
): Promise<T> {
  let troubledSince: number | null = null;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      const passes =
        error instanceof RedisUnreachableError ||
        (error instanceof BackendError && STARTING.test(error.problem));
      troubledSince ??= performance.now();
      if (!passes || signal?.aborted || performance.now() - troubledSince > PATIENCE_MS) throw error;
      onTrouble(error);
      await sleep(PAUSE_MS, undefined, signal ? { signal } : {}).catch(() => {});
    }
  }
}
