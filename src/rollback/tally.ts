import type { LedgerCounts } from '../domain/ledger.ts';
import type { RollbackTally } from '../domain/rollback.ts';

/** The counts whose difference tells what a rollback did. */
export type CountsThen = Omit<LedgerCounts, 'openMoved'>;

/**
 * What the ledger counted since the freeze, whoever did it.
 * @param aborted only the run itself knows
 */
export function tallyOf(then: CountsThen, now: LedgerCounts, aborted: number): RollbackTally {
  const since = (count: keyof CountsThen) => Math.max(0, now[count] - then[count]);
  return {
    moved: since('reassigned'),
    handedOver: since('handedOver'),
    finishedOnCanary: since('succeeded') + since('failed') - since('corrupt'),
    cancelled: since('cancelled') + since('movedCancelled'),
    aborted,
    parked: since('corrupt') + since('movedCorrupt'),
    left: now.openCanary,
  };
}
