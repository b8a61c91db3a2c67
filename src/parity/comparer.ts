import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../domain/logger.ts';
import type { Outcome } from '../domain/outcome.ts';
import {
  copiesIn,
  type Mismatch,
  type MismatchKind,
  type Observation,
  type Pair,
  type PairLedger,
  type ParityDefinition,
  type SettledPair,
} from '../domain/parity.ts';
import { compareObservations } from './comparison.ts';
import { ComparisonBreaker } from './comparison-breaker.ts';
import { judgePair, nextLookAt, type PairJudgement } from './pair-judgement.ts';
import { UnmatchedIgnores } from './unmatched-ignores.ts';

/** Pairs looked at in one go. */
const BATCH = 100;
/** Pairs whose results are in memory at once: each result may have 256 KiB. */
const AT_ONCE = 20;
/** Whoever took pairs and dies loses them after this time. Milliseconds. */
const CLAIM_MS = 30_000;
const NO_OUTCOME = 'no outcome by the deadline';
const NOT_COMPARED = 'comparing this task took too long before; this process does not compare it any more';

export interface ComparerOptions {
  readonly intervalMs: number;
  /** The comparable tasks of this process, by name. */
  readonly tasks: ReadonlyMap<string, ParityDefinition>;
  readonly areRecorded: (ids: readonly string[]) => Promise<readonly boolean[]>;
  readonly readOutcomes: (ids: readonly string[]) => Promise<readonly (Outcome | null)[]>;
  /**
   * When these unfinished runs last began, milliseconds on the ledger's clock; null: they have not, their worker has died
   * since, or the ledger knows of no such run that has not ended.
   */
  readonly startedAt: (ids: readonly string[]) => Promise<readonly (number | null)[]>;
  /** How long a run of this task may take, its tries and pauses together, in milliseconds. */
  readonly patienceMs: (task: string) => number;
  /** Ends copies that came to no end in time, or that nobody needs any more, wherever they wait. May be repeated. */
  readonly endCopies: (pairs: readonly Pair[]) => Promise<void>;
  readonly log: Logger;
}

/** Compares the two runs of each pair once both have ended, away from the runs themselves. */
export class Comparer {
  readonly #pairs: PairLedger;
  readonly #options: ComparerOptions;
  readonly #names: readonly string[];
  readonly #ignores: UnmatchedIgnores;
  readonly #breaker: ComparisonBreaker;
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<unknown> = Promise.resolve();
  #isEnding = false;

  constructor(pairs: PairLedger, options: ComparerOptions) {
    this.#pairs = pairs;
    this.#options = options;
    this.#names = [...options.tasks.keys()];
    this.#ignores = new UnmatchedIgnores(options.log);
    this.#breaker = new ComparisonBreaker(options.log);
  }

  begin(): void {
    if (this.#names.length === 0) return;
    let isBusy = false;
    this.#timer = setInterval(() => {
      if (isBusy) return;
      isBusy = true;
      this.#pass = this.#passQuietly().finally(() => {
        isBusy = false;
      });
    }, this.#options.intervalMs);
  }

  /** Stops after the batch that is under way. */
  async end(): Promise<void> {
    this.#isEnding = true;
    clearInterval(this.#timer);
    await this.#pass;
  }

  async #passQuietly(): Promise<void> {
    try {
      while (!this.#isEnding && (await this.pass()) === BATCH) await nextTurn();
    } catch (error) {
      this.#options.log.warn({}, `pairs are compared later: ${(error as Error).message}`);
    }
  }

  /** Looks at one batch of the pairs that are due. @returns how many there were */
  async pass(): Promise<number> {
    const { now, pairs } = await this.#pairs.claim(this.#names, BATCH, CLAIM_MS);
    if (pairs.length === 0) return 0;
    const recorded = await this.#options.areRecorded(pairs.flatMap(({ primary, copy }) => [primary, copy]));
    const waiting: { pair: Pair; lookAt: number }[] = [];
    const ready: Pair[] = [];
    for (const [i, pair] of pairs.entries()) {
      // Results may be large: they are read once, when both are there.
      const isReady = (recorded[2 * i] && recorded[2 * i + 1]) || now >= pair.deadline;
      if (isReady) ready.push(pair);
      else waiting.push({ pair, lookAt: nextLookAt(pair, now) });
    }
    await this.#pairs.putOff(waiting);
    for (let from = 0; from < ready.length && !this.#isEnding; from += AT_ONCE) {
      await this.#settle(ready.slice(from, from + AT_ONCE), now);
    }
    return pairs.length;
  }

  async #settle(pairs: readonly Pair[], now: number): Promise<void> {
    const outcomes = await this.#options.readOutcomes(pairs.flatMap(({ primary, copy }) => [primary, copy]));
    const judged = pairs.map((pair, i) => {
      const judgement = judgePair(pair, outcomes[2 * i] ?? null, outcomes[2 * i + 1] ?? null, now);
      return { pair, judgement };
    });
    const begun = await this.#missingRuns(judged);
    const settled: SettledPair[] = [];
    const over: Pair[] = [];
    const late: { pair: Pair; lookAt: number }[] = [];
    for (const { pair, judgement } of judged) {
      // Whoever takes its place compares them: the claim runs out.
      if (this.#isEnding) break;
      if (judgement.state === 'waiting') continue;
      if (judgement.state === 'complete') {
        settled.push(this.#compare(pair, judgement.first, judgement.second, now));
        // A comparison may take its while; whatever else this process runs has its turn in between.
        await nextTurn();
        continue;
      }
      // A run has its time from its own beginning: slots for copies are few, so it may have waited.
      const startedAt = judgement.state === 'missing' ? begun.get(judgement.id) : null;
      const endsAt = (startedAt ?? 0) + this.#options.patienceMs(pair.task);
      if (startedAt && endsAt > now) {
        late.push({ pair, lookAt: nextLookAt({ ...pair, deadline: endsAt }, now) });
        continue;
      }
      over.push(pair);
      if (judgement.state === 'missing' && startedAt !== null)
        settled.push(unsettled(pair, judgement.kind, now, NO_OUTCOME));
      else settled.push({ pair, verdict: 'dropped', cell: { counts: { dropped: 1 } }, mismatch: null });
    }
    // First, because it may be repeated: a copy whose pair is settled is looked after by nobody.
    if (over.length > 0) await this.#options.endCopies(over);
    await Promise.all([this.#pairs.putOff(late), this.#pairs.settle(settled)]);
  }

  /**
   * When the runs that are missing began; null: they never had their turn, or lost their worker, which is no fault of their
   * backend. Of stable's own jobs nothing is known, and nothing missing is held against anybody.
   */
  async #missingRuns(
    judged: readonly { readonly pair: Pair; readonly judgement: PairJudgement }[],
  ): Promise<ReadonlyMap<string, number | null>> {
    const missing = judged.flatMap(({ pair, judgement }) =>
      judgement.state === 'missing' &&
      (judgement.kind === 'canary-missing' || copiesIn(pair).includes(judgement.id))
        ? [judgement.id]
        : [],
    );
    if (missing.length === 0) return new Map();
    const begun = await this.#options.startedAt(missing);
    return new Map(missing.map((id, i) => [id, begun[i] ?? null]));
  }

  #compare(pair: Pair, first: Observation, second: Observation, at: number): SettledPair {
    const definition = this.#options.tasks.get(pair.task) as ParityDefinition;
    if (this.#breaker.isOpen(pair.task)) return unsettled(pair, 'comparator', at, NOT_COMPARED);
    const startedAt = performance.now();
    const { comparison, stable, canary, paths, unmatchedIgnores } = compareObservations(
      definition,
      first,
      second,
    );
    const found = comparison.verdict === 'match' ? null : comparison.kind;
    this.#breaker.note(pair.task, performance.now() - startedAt);
    // Where `clean` failed nothing was looked at.
    if (first.status === 'succeeded' && second.status === 'succeeded' && found !== 'comparator') {
      this.#ignores.note(pair.task, definition.ignore, unmatchedIgnores);
    }
    if (comparison.verdict === 'match') {
      return { pair, verdict: 'matched', cell: { counts: { compared: 1, matched: 1 } }, mismatch: null };
    }
    const { kind, differences, note = null } = comparison;
    return mismatched(pair, kind, at, { differences, note, stable, canary }, paths);
  }
}

/** A pair whose results could not be held against each other. */
function unsettled(pair: Pair, kind: MismatchKind, at: number, note: string): SettledPair {
  return mismatched(pair, kind, at, { differences: [], note, stable: null, canary: null }, []);
}

function mismatched(
  pair: Pair,
  kind: MismatchKind,
  at: number,
  found: Pick<Mismatch, 'differences' | 'note' | 'stable' | 'canary'>,
  paths: readonly string[],
): SettledPair {
  const { task, kind: pairKind, primary, copy, replay } = pair;
  return {
    pair,
    verdict: kind === 'comparator' ? 'dropped' : 'mismatched',
    cell: {
      counts: { compared: 1, [kind]: 1 },
      ...(paths.length > 0 && { paths: Object.fromEntries(paths.map((path) => [wellFormed(path), 1])) }),
    },
    mismatch: { at, task, pair: pairKind, kind, primary, copy, replay, ...found },
  };
}

/** Halves of surrogate pairs, which a text cut in the middle ends with, are no JSON for Redis. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
