import type { BackendName } from './task.ts';

/** How a task's results are compared. Pointers are RFC 6901 JSON pointers into the result; `*` stands for every element or key. */
export interface ParityOptions<O = unknown> {
  /** Running twice is harmless, so copies may be made. Nothing is compared without it. @default false */
  readonly shadowSafe?: boolean;
  /** Places that are not compared: times, random ids. @default [] */
  readonly ignore?: readonly string[];
  /**
   * How far two numbers may be apart and still count as equal: by `absolute`, or by `relative` times the larger one's
   * size; either is enough. @default { absolute: 0, relative: 0 }
   */
  readonly tolerance?: { readonly absolute?: number; readonly relative?: number };
  /** Arrays whose order means nothing. @default [] */
  readonly unordered?: readonly string[];
  /** Places whose values are never kept or shown, only that they differ. @default [] */
  readonly sensitive?: readonly string[];
  /** Prepares a copy of a result before it is compared. It must not wait for anything. */
  readonly clean?: (value: O) => unknown;
  /** Own comparison of two cleaned results, in place of the built-in one. It must not wait for anything. */
  readonly compare?: (stable: unknown, canary: unknown) => boolean;
}

/** The options with every default filled in. */
export interface ParityDefinition {
  readonly shadowSafe: boolean;
  readonly ignore: readonly string[];
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  readonly unordered: readonly string[];
  readonly sensitive: readonly string[];
  readonly clean: ((value: unknown) => unknown) | null;
  readonly compare: ((stable: unknown, canary: unknown) => boolean) | null;
}

/**
 * What a pair tells. `shadow`: the same input on both backends (A/B). `control`: the second copy ran on the primary's own
 * backend (A/A), which shows the task's noise. `replay`: both copies of a recorded input.
 */
export type PairKind = 'shadow' | 'control' | 'replay';

export function isPairKind(given: unknown): given is PairKind {
  return given === 'shadow' || given === 'control' || given === 'replay';
}

/** Two runs of one input that are to be compared. */
export interface Pair {
  readonly task: string;
  readonly kind: PairKind;
  /** The caller's task; of a replay the copy on stable. */
  readonly primary: string;
  /** The copy. */
  readonly copy: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  /** Milliseconds since 1970: a side without an outcome by then is missing. */
  readonly deadline: number;
  /** The replay that it belongs to; null: none. */
  readonly replay: string | null;
}

/** The runs of a pair that are nobody's work. */
export function copiesIn({ kind, primary, copy }: Pair): readonly string[] {
  return kind === 'replay' ? [primary, copy] : [copy];
}

/** What one run came to, as far as a comparison needs it. */
export interface Observation {
  readonly backend: BackendName;
  readonly status: 'succeeded' | 'failed';
  /** The result; undefined: none. */
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
}

/**
 * `value`: results differ. `type`: results of another JSON type. `outcome`: one succeeded, the other failed. `error`: both
 * failed, in different ways. `…-missing`: no outcome by the deadline. `comparator`: the comparison took too long, or the task's own
 * code threw or answered something else than true or false.
 */
export type MismatchKind =
  | 'value'
  | 'type'
  | 'outcome'
  | 'error'
  | 'stable-missing'
  | 'canary-missing'
  | 'comparator';

/** One place where two results differ. */
export interface Difference {
  /** A JSON pointer; '' is the whole result. */
  readonly path: string;
  readonly change: 'changed' | 'added' | 'removed';
  /** Short JSON text of the value on stable (of a control pair: of the primary); `[redacted]` where sensitive; null: not there. */
  readonly stable: string | null;
  /** The same of canary (of a control pair: of the copy). */
  readonly canary: string | null;
}

/** The verdict on one pair. */
export type Comparison =
  | { readonly verdict: 'match' }
  | {
      readonly verdict: 'mismatch';
      readonly kind: MismatchKind;
      /** At most 20, in the order of their paths. */
      readonly differences: readonly Difference[];
      /** One sentence on what is not a difference of fields: the two errors, what the comparator threw. */
      readonly note?: string;
    };

/** A mismatch that is kept. Never holds a sensitive value. */
export interface Mismatch {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly task: string;
  readonly pair: PairKind;
  readonly kind: MismatchKind;
  readonly primary: string;
  readonly copy: string;
  /** The replay that it came from; null: none. */
  readonly replay: string | null;
  readonly differences: readonly Difference[];
  readonly note: string | null;
  /** JSON text of each side after `clean`, redacted, at most 4 KiB of UTF-8; null: that side has no result. */
  readonly stable: string | null;
  readonly canary: string | null;
}

/** What one pair adds to the counts of its kind. */
export interface PairCounts {
  readonly counts: Readonly<Record<string, number>>;
  readonly paths?: Readonly<Record<string, number>>;
}

export interface SettledPair {
  readonly pair: Pair;
  /** For whoever replayed it; `dropped`: could not be compared. */
  readonly verdict: 'matched' | 'mismatched' | 'dropped';
  readonly cell: PairCounts;
  /** null: nothing to keep. */
  readonly mismatch: Mismatch | null;
}

/** Where pairs wait to be compared. Every call may be repeated after a lost answer. */
export interface PairLedger {
  /** Pairs of these tasks that are due to be looked at, for `whileMs` milliseconds; `now` is the ledger's clock. */
  claim(
    tasks: readonly string[],
    most: number,
    whileMs: number,
  ): Promise<{ readonly now: number; readonly pairs: readonly Pair[] }>;
  putOff(pairs: readonly { readonly pair: Pair; readonly lookAt: number }[]): Promise<void>;
  settle(pairs: readonly SettledPair[]): Promise<void>;
}
