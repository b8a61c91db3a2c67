import { setTimeout as sleep } from 'node:timers/promises';
import type { RollbackLedger } from '../domain/rollback.ts';
import type { Evacuation } from './evacuation.ts';
import type { Steps } from './steps.ts';

/** How often the running tasks are looked at, in milliseconds. */
export const LOOK_MS = 200;

export interface Patience {
  /** Running tasks may finish for so long; then they are aborted. Milliseconds. */
  readonly graceMs: number;
  /** After the abort: for handlers to end, and for the heartbeats of dead workers to run out. Milliseconds. */
  readonly settleMs: number;
}

export interface WaitResult {
  /** Still running under live workers, when the patience was over. */
  readonly left: readonly string[];
  readonly isThawed: boolean;
}

/**
 * Waits for the running tasks: what ends well is canary's, what fails or is aborted goes to stable by its own worker,
 * and what loses its worker is moved by the walk. A Redis that is away for a moment does not begin the patience anew.
 *
 * @param onAsked told of each task that is asked to end
 */
export async function waitForRunning(
  evacuation: Evacuation,
  ledger: RollbackLedger,
  { graceMs, settleMs }: Patience,
  steps: Steps,
  onAsked: (id: string) => void,
): Promise<WaitResult> {
  const { signal, emit, persevere } = steps;
  const startedAt = performance.now();
  for (;;) {
    const { left, moved, isThawed } = await persevere(() => evacuation.pass(signal));
    const waitedMs = performance.now() - startedAt;
    if (isThawed || signal?.aborted || (left.length === 0 && moved === 0)) return { left, isThawed };
    if (left.length === 0) continue;
    emit({ type: 'waiting', running: left.length, abortInMs: Math.max(0, graceMs - waitedMs) });
    if (waitedMs >= graceMs) {
      // Again with every look: a message to a worker may get lost.
      left.forEach(onAsked);
      await persevere(() => ledger.requestAbort(left));
      if (waitedMs >= graceMs + settleMs) return { left, isThawed };
    }
    const untilAbort = waitedMs < graceMs ? graceMs - waitedMs : LOOK_MS;
    await sleep(Math.min(LOOK_MS, untilAbort), undefined, signal ? { signal } : {}).catch(() => {});
  }
}
