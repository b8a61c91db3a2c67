import type { Backoff } from '../domain/task.ts';

/**
 * How long to wait after a failure, in whole milliseconds.
 * fixed: d = delayMs; exponential: d = delayMs * 2^(failures - 1); both at most maxDelayMs. Jitter takes a random part
 * away, never adds: d * (1 - jitter * random), so that maxDelayMs stays an upper limit.
 *
 * @param failures failed tries so far, this one included, from 1
 * @param random a number in [0, 1)
 */
export function retryDelayMs(backoff: Required<Backoff>, failures: number, random: number): number {
  const grown =
    backoff.type === 'fixed' ? backoff.delayMs : backoff.delayMs * 2 ** Math.min(failures - 1, 40);
  const capped = Math.min(grown, backoff.maxDelayMs);
  return Math.round(capped * (1 - backoff.jitter * random));
}
