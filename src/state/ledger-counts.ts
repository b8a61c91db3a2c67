import type { ChainableCommander } from 'ioredis';
import { isConserved, type LedgerCounts, type PlainCounts } from '../domain/ledger.ts';
import type { Keys } from './keys.ts';

export type AllCounts = LedgerCounts & { readonly conserved: boolean; readonly plain: PlainCounts };

/** Adds the three questions that `countsFrom` takes the answers of. In a transaction they are of one moment. */
export function readCounts(multi: ChainableCommander, keys: Keys): ChainableCommander {
  return multi.hgetall(keys.counts).zcard(keys.openCanary).zcard(keys.openMoved);
}

/** I8's numbers. */
export function countsFrom([hash, openCanary, openMoved]: readonly unknown[]): AllCounts {
  const n = (field: string) => Number((hash as Record<string, string> | undefined)?.[field] ?? 0);
  const all: LedgerCounts = {
    accepted: n('accepted'),
    succeeded: n('succeeded'),
    failed: n('failed'),
    cancelled: n('cancelled'),
    reassigned: n('reassigned'),
    movedSucceeded: n('movedSucceeded'),
    movedFailed: n('movedFailed'),
    movedCancelled: n('movedCancelled'),
    handedOver: n('handedOver'),
    corrupt: n('corrupt'),
    movedCorrupt: n('movedCorrupt'),
    openCanary: Number(openCanary ?? 0),
    openMoved: Number(openMoved ?? 0),
  };
  const plain = {
    succeeded: n('plain:succeeded'),
    failed: n('plain:failed'),
    cancelled: n('plain:cancelled'),
  };
  return { ...all, conserved: isConserved(all), plain };
}
