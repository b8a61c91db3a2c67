import { setTimeout as sleep } from 'node:timers/promises';
import type { RollbackLedger, RollbackListener } from '../domain/rollback.ts';
import type { Evacuation } from './evacuation.ts';

/** How often the running tasks are looked at, in milliseconds. */
const LOOK_MS = 200;

export interface WaitOptions {
  /** Running tasks may finish for so long; then they are aborted. Milliseconds. */
  readonly graceMs: number;
  /** After the abort: for handlers to end, and for the heartbeats of dead workers to run out. Milliseconds. */
  readonly settleMs: number;
  readonly emit: RollbackListener;
  readonly signal: AbortSignal | undefined;
}

export interface WaitResult {
  /** Still running under live workers, when the patience was over. */
  readonly left: readonly string[];
  /** Were asked to end. */
  readonly askedToEnd: ReadonlySet<string>;
  readonly isThawed: boolean;
}

/**
 * Waits for the running tasks: what ends well is canary's, what fails or is aborted goes to stable by its own worker,
 * and what loses its worker is moved by the walk.
 */
export async function waitForRunning(
  evacuation: Evacuation,
  ledger: RollbackLedger,
  options: WaitOptions,
): Promise<WaitResult> {
  const { graceMs, settleMs, emit, signal } = options;
  const askedToEnd = new Set<string>();
  const startedAt = performance.now();
  for (;;) {
    const { left, moved, isThawed } = await evacuation.pass(signal);
    const waitedMs = performance.now() - startedAt;
    if (isThawed || signal?.aborted || (left.length === 0 && moved === 0))
      return { left, askedToEnd, isThawed };
    if (left.length === 0) continue;
    emit({ type: 'waiting', running: left.length, abortInMs: Math.max(0, graceMs - waitedMs) });
    if (waitedMs >= graceMs) {
      // Again with every look: a message to a worker may get lost.
      for (const id of left) askedToEnd.add(id);
      await ledger.requestAbort(left);
      if (waitedMs >= graceMs + settleMs) return { left, askedToEnd, isThawed };
    }
    const untilAbort = waitedMs < graceMs ? graceMs - waitedMs : LOOK_MS;
    await sleep(Math.min(LOOK_MS, untilAbort), undefined, signal ? { signal } : {}).catch(() => {});
  }
}
