import { setTimeout as sleep } from 'node:timers/promises';
import { RedisUnreachableError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';

/**
 * Asks until there is an answer. A worker without an answer from the ledger must ask again or end its process: going
 * on would run a task twice or drop an outcome.
 *
 * @param ask may be repeated: the ledger recognises a question it has answered before
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
      if (error instanceof RedisUnreachableError) log.warn({ what, attempt }, problem);
      else log.error({ what, attempt }, problem);
      await sleep(Math.min(100 * 2 ** attempt, 2000), undefined, { signal });
    }
  }
}
