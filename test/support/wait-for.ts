import { setTimeout as delay } from 'node:timers/promises';

/**
 * For a state that announces itself by no event: asks every few milliseconds until the answer is truthy, and returns it.
 * @throws after `timeoutMs` (default 10,000) with `what` was waited for
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { readonly what: string; readonly timeoutMs?: number },
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for: ${options.what}.`);
    await delay(5);
  }
}
