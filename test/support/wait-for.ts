import { setTimeout as delay } from 'node:timers/promises';

const SHORTEST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;
/** Asking takes a quarter of the time at most: what is waited for needs the processor, too. */
const PAUSE_PER_QUESTION = 3;

/**
 * For a state that announces itself by no event: asks every few milliseconds, a costly question less often, until the
 * answer is truthy, and returns it.
 * @throws after `timeoutMs` (default 10,000) with `what` was waited for
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { readonly what: string | (() => string); readonly timeoutMs?: number },
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const askedAt = performance.now();
    const value = await condition();
    if (value) return value;
    const now = performance.now();
    if (now > deadline) {
      const what = typeof options.what === 'string' ? options.what : options.what();
      throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}.`);
    }
    const pauseMs = PAUSE_PER_QUESTION * (now - askedAt);
    await delay(Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, pauseMs)));
  }
}
