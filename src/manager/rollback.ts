import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidConfigError } from '../domain/errors.ts';
import type { RollbackListener, RollbackPlan, RollbackReport } from '../domain/rollback.ts';
import { copiesQueueOf, movedQueueOf } from '../domain/task-backend.ts';
import { heartbeatTtlOf } from '../execution/heartbeat.ts';
import type { Freeze, RollbackHouse } from '../rollback/house.ts';
import { planRollback } from '../rollback/plan.ts';
import { Rollback } from '../rollback/rollback.ts';
import { noteInAudit } from '../state/audit-log.ts';
import { hasQueueConsumers } from '../state/plain-consumers.ts';
import type { Connections } from './connections.ts';
import { persistFreeze } from './freeze-persistence.ts';
import { deliveryToMovedQueues, deliveryToPlainQueues } from './moved-delivery.ts';
import { runServices } from './services.ts';

const DEFAULT_GRACE_MS = 30_000;
/** For handlers that heed their signal to come to their end. */
const ABORT_MS = 5_000;

export interface RollbackOptions {
  /** Why, for the audit log and the report. */
  readonly reason: string;
  /** How long running tasks may go on before they are aborted through their signal, in milliseconds. @default 30_000 */
  readonly graceMs?: number;
  /**
   * For teams whose workers of stable are plain bee-queue: what comes back goes into the plain queues, and the ledger lets
   * go of it. @default false
   */
  readonly plainStable?: boolean;
  /** Makes config file, local flag file and `.env` agree, so that a restart does. @default true */
  readonly persist?: boolean;
  /** Runs the config's `services` commands. @default false */
  readonly services?: boolean;
  readonly onEvent?: RollbackListener;
  /** Stops between two steps; what was done stays, and a later run goes on from there. */
  readonly signal?: AbortSignal;
}

/** @param actor who asks, as in the audit log */
export function runRollback(
  c: Connections,
  actor: string,
  queues: () => Promise<readonly string[]>,
  options: RollbackOptions,
): Promise<RollbackReport> {
  const { reason, graceMs = DEFAULT_GRACE_MS, plainStable = false, signal } = options;
  if (!(graceMs >= 0)) {
    const problem = { path: 'graceMs', given: String(graceMs), allowed: 'milliseconds from 0' };
    return Promise.reject(new InvalidConfigError('The rollback', [problem]));
  }
  const { heartbeatMs } = c.config.worker;
  const house = houseOf(c, actor, queues, { ...options, plainStable });
  return new Rollback(house, {
    reason,
    graceMs,
    // A worker that died just now is known to be dead when its heartbeat has run out.
    settleMs: Math.max(ABORT_MS, heartbeatTtlOf(heartbeatMs) + 1000),
    emit: options.onEvent ?? (() => {}),
    signal,
  }).run();
}

function houseOf(
  c: Connections,
  actor: string,
  queues: () => Promise<readonly string[]>,
  options: RollbackOptions & { readonly plainStable: boolean },
): RollbackHouse {
  const { services } = c.config;
  return {
    namespace: c.config.namespace,
    actor,
    ledger: c.rollbackLedger,
    delivery: options.plainStable ? deliveryToPlainQueues(c) : deliveryToMovedQueues(c),
    isPlainStable: options.plainStable,
    leftovers: async () => {
      const all = await queues();
      const canary = { backend: c.canary, queues: all, copyQueues: all.map(copiesQueueOf) };
      // Plain workers take nothing from the moved queues, where an earlier run may have put what is handed over now.
      const moved = { backend: c.stable, queues: all.map(movedQueueOf), copyQueues: [] };
      return options.plainStable ? [canary, moved] : [canary];
    },
    freeze: () => freeze(c, options.reason),
    attendance: async () => {
      // After an outage everybody's heartbeat has run out; who is at work shows with the next ones.
      await sleep(c.control.judgesDeathsInMs);
      const [workers, isAnybodyWaiting] = await Promise.all([c.workers.list(), hasQueueConsumers(c.control)]);
      return { workers, hasQueueConsumers: isAnybodyWaiting };
    },
    hasServices: options.services === true,
    runServices: (role) =>
      runServices(role, role === 'start-stable' ? services.startStable : services.stopCanary, options.signal),
    persist: options.persist === false ? null : () => persistFreeze(c.config, c.plane.state.mode),
    note: (summary) => noteInAudit(c.control, { intent: 'rollback', actor, reason: summary }),
    warn: (message) => c.log.warn({}, message),
  };
}

async function freeze(c: Connections, reason: string): Promise<Freeze> {
  const wasFrozen = c.plane.state.frozen !== '';
  const startedAt = performance.now();
  const { epoch } = await c.plane.freeze({ reason });
  return { epoch, wasFrozen, ms: performance.now() - startedAt };
}

export async function planOf(c: Connections, queues: readonly string[]): Promise<RollbackPlan> {
  const [control, workers] = await Promise.all([c.plane.refresh(), c.workers.list()]);
  const { ledger, rollbackLedger, canary } = c;
  return planRollback({
    namespace: c.config.namespace,
    control,
    ledger: {
      snapshot: () => rollbackLedger.snapshot(),
      scanOpen: (owner, cursor, count) => ledger.scanOpen(owner, cursor, count),
      peek: (ids) => ledger.peek(ids),
      aliveWorkers: (ids) => ledger.aliveWorkers(ids),
    },
    canary,
    queues,
    workers,
  });
}
