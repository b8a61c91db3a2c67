import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackendError, RedisUnreachableError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';

/** Refused this often in a row, about ten seconds, a question is wrong, not early. */
const MOST_REFUSALS = 8;
/** Refusals that are about the server and pass: full, read-only, loading, busy, unable to save. */
const SERVER_STATE = /^(OOM|READONLY|LOADING|BUSY|MISCONF|NOAUTH|NOPERM|CLUSTERDOWN|TRYAGAIN|MASTERDOWN)/;

/**
 * Asks until there is an answer. A worker without an answer from the ledger must ask again or end its process: going
 * on would run a task twice or drop an outcome.
 *
 * @param ask may be repeated: the ledger recognises a question it has answered before
 * @throws {BackendError} Redis refuses this very question again and again
 * @param signal aborts when the process gives up; the returned promise then rejects
 */
export async function askUntilAnswered<T>(
  what: string,
  ask: () => Promise<T>,
  signal: AbortSignal,
  log: Logger,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      const problem = (error as Error).message;
      // A record that no script can read: asking for ever would hold a place that other tasks need.
      if (error instanceof BackendError && !SERVER_STATE.test(error.problem) && attempt >= MOST_REFUSALS)
        throw error;
      if (error instanceof RedisUnreachableError) log.warn({ what, attempt }, problem);
      else log.error({ what, attempt }, problem);
      // In an outage each run under way listens; Node would take more than ten for a leak.
      setMaxListeners(0, signal);
      await sleep(Math.min(100 * 2 ** attempt, 2000), undefined, { signal });
    }
  }
}
