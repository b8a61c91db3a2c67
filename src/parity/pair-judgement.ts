import type { Outcome } from '../domain/outcome.ts';
import type { MismatchKind, Observation, Pair } from '../domain/parity.ts';

/** What can be said of a pair at a moment. */
export type PairJudgement =
  /** A side may still end. */
  | { readonly state: 'waiting' }
  /** There is nothing to compare: a side was cancelled, was moved, or neither came to an end in time. */
  | { readonly state: 'dropped' }
  /** `id`: of the run without an outcome. */
  | {
      readonly state: 'missing';
      readonly kind: Extract<MismatchKind, `${string}-missing`>;
      readonly id: string;
    }
  /** `first` is stable's, or the primary's of a control pair. */
  | { readonly state: 'complete'; readonly first: Observation; readonly second: Observation };

/** The shortest and the longest time to the next look at a pair, in milliseconds. */
const SOONEST_MS = 500;
const LATEST_MS = 15_000;

/** When a pair that is not complete is looked at next: after a pause that grows with its age, its deadline at the latest. */
export function nextLookAt({ madeAt, deadline }: Pair, now: number): number {
  const pauseMs = Math.min(LATEST_MS, Math.max(SOONEST_MS, (now - madeAt) / 4));
  return Math.min(Math.round(now + pauseMs), deadline);
}

/**
 * @param primary the outcome of the caller's task (of a replay: of the copy on stable); null: none so far
 * @param copy the copy's outcome; null: none so far
 * @param now milliseconds since 1970, on the ledger's clock
 */
export function judgePair(
  pair: Pair,
  primary: Outcome | null,
  copy: Outcome | null,
  now: number,
): PairJudgement {
  const [first, second] = [observationOf(primary), observationOf(copy)];
  if (first === 'cancelled' || second === 'cancelled') return { state: 'dropped' };
  if (first && second) return complete(pair, first, second);
  if (now < pair.deadline) return { state: 'waiting' };
  const present = first ?? second;
  if (!present) return { state: 'dropped' };
  const isControl = pair.kind === 'control';
  const missing = (present.backend === 'canary') !== isControl ? 'stable' : 'canary';
  return { state: 'missing', kind: `${missing}-missing`, id: first ? pair.copy : pair.primary };
}

function complete(pair: Pair, first: Observation, second: Observation): PairJudgement {
  const isOnBoth = first.backend !== second.backend;
  // A rollback has brought one side to the other's backend.
  if (isOnBoth === (pair.kind === 'control')) return { state: 'dropped' };
  const isTurned = isOnBoth && first.backend === 'canary';
  return isTurned
    ? { state: 'complete', first: second, second: first }
    : { state: 'complete', first, second };
}

function observationOf(outcome: Outcome | null): Observation | 'cancelled' | null {
  if (outcome === null) return null;
  const { backend, status, value, error } = outcome;
  if (status === 'cancelled') return 'cancelled';
  return {
    backend,
    status,
    ...(value === undefined ? {} : { value }),
    ...(error === undefined ? {} : { error }),
  };
}
