import type { LedgerCounts } from '../domain/ledger.ts';
import type { RollbackTally } from '../domain/rollback.ts';

/** The counts whose difference tells what a rollback did. */
export type CountsThen = Omit<LedgerCounts, 'openMoved'>;

/**
 * What the ledger counted since the freeze, whoever did it.
 * @param own what only the run itself knows
 */
export function tallyOf(
  then: CountsThen,
  now: LedgerCounts,
  own: { readonly aborted: number; readonly parked: number },
): RollbackTally {
  const since = (count: keyof CountsThen) => Math.max(0, now[count] - then[count]);
  return {
    moved: since('reassigned'),
    handedOver: since('handedOver'),
    finishedOnCanary: Math.max(0, since('succeeded') + since('failed') - own.parked),
    cancelled: since('cancelled') + since('movedCancelled'),
    aborted: own.aborted,
    parked: own.parked,
    left: now.openCanary,
  };
}
