import { isDeepStrictEqual } from 'node:util';
import type { Comparison, MismatchKind, Observation, ParityDefinition } from '../domain/parity.ts';
import { capitalised, jsonTypeOf, noteOnPlaces } from './comparison-notes.ts';
import { type Differences, findDifferences } from './differences.ts';
import { errorLabel, haveSameError } from './error-comparison.ts';
import { cleanedText, copyOf, ownVerdict } from './own-code.ts';
import { type PreparedPair, preparePair, type Rules, removeIgnored } from './pair-preparation.ts';
import { leadsSomewhere, type Position, rootPosition } from './pointer-tree.ts';
import { sideText } from './redaction.ts';
import { OutOfTime, TimeBudget } from './time-budget.ts';
import { withinTolerance } from './tolerance.ts';

export interface ComparedPair {
  readonly comparison: Comparison;
  /**
   * Of a mismatch: JSON text of each side after `clean`, redacted, at most 4 KiB of UTF-8; a text that was cut ends in `…`.
   * null: a match, or that side has no result, or `clean` failed on it. Control pairs: `stable` is the primary.
   */
  readonly stable: string | null;
  readonly canary: string | null;
  /** The `ignore` pointers that led nowhere on either side; none where there is no result to look at. */
  readonly unmatchedIgnores: readonly string[];
  /** Distinct paths of the differences with array positions as `*`, at most 20; '' is the whole result. */
  readonly paths: readonly string[];
}

export interface ComparisonLimits {
  /** How long the comparison may take, the task's own `clean` and `compare` included, in milliseconds. @default 100 */
  readonly budgetMs?: number;
}

interface Compiled extends Rules {
  readonly root: Position;
}

const compiledRules = new WeakMap<ParityDefinition, Compiled>();

function compile(definition: ParityDefinition): Compiled {
  let compiled = compiledRules.get(definition);
  if (!compiled) {
    const { absolute, relative } = definition.tolerance;
    compiled = {
      root: rootPosition(definition),
      within: withinTolerance(definition.tolerance),
      isTolerant: absolute > 0 || relative > 0,
    };
    compiledRules.set(definition, compiled);
  }
  return compiled;
}

const MATCH: ComparedPair = {
  comparison: { verdict: 'match' },
  stable: null,
  canary: null,
  unmatchedIgnores: [],
  paths: [],
};

/**
 * Says whether two runs of one input came to the same. Never throws for anything that results, errors or the task's own
 * functions may hold or do, changes neither observation, and hands those functions copies.
 *
 * Order of work: `clean`, then the places of `ignore` are taken out (an array element becomes null), then `compare`
 * or the built-in comparison. That one holds numbers against `tolerance` everywhere, also in unordered arrays: their
 * elements are matched one to one so that as many as can be are equal. An element that itself holds an unordered array of
 * objects takes part with that array sorted, so that there two numbers should differ by less than the tolerance between
 * elements. Differences in an unordered array have the position on the first side; what only the second has comes after its end.
 *
 * Pointers of `ignore`, `unordered` and `sensitive` are looked up in what `clean` returns. A sensitive place covers
 * everything below it, keys included; where a value has not the shape that its pointer goes on in, it covers the whole value.
 *
 * What is not decided within the limit is a mismatch of kind `comparator`: neither equal nor different.
 *
 * @param first stable's run; of a control pair the primary's
 * @param second canary's run; of a control pair the copy's
 */
export function compareObservations(
  definition: ParityDefinition,
  first: Observation,
  second: Observation,
  limits: ComparisonLimits = {},
): ComparedPair {
  const pair = new PairComparison(definition, first, second, limits.budgetMs ?? 100);
  try {
    return pair.compare();
  } catch (thrown) {
    // By name: node's own functions throw the error of another realm, where there are several.
    if ((thrown as Error).name !== 'RangeError') throw thrown;
    return mismatch('comparator', { note: 'The results are nested too deeply to be compared.' });
  }
}

/** A result after `clean`. */
interface Cleaned {
  readonly value: unknown;
  readonly problem: string | null;
}

class PairComparison {
  readonly #definition: ParityDefinition;
  readonly #rules: Compiled;
  readonly #first: Observation;
  readonly #second: Observation;
  readonly #budget: TimeBudget;

  constructor(definition: ParityDefinition, first: Observation, second: Observation, budgetMs: number) {
    this.#definition = definition;
    this.#rules = compile(definition);
    this.#first = first;
    this.#second = second;
    this.#budget = new TimeBudget(budgetMs);
  }

  compare(): ComparedPair {
    const [first, second] = [this.#first, this.#second];
    if (first.status === 'failed' && second.status === 'failed') return this.#compareErrors();
    const a = this.#clean(first);
    const b = this.#clean(second);
    if (first.status !== second.status) return this.#differentOutcome(a, b);
    const unmatchedIgnores = this.#unmatchedIgnores(a.value, b.value);
    const compared = a.problem || b.problem ? this.#uncleaned(a, b) : this.#compareValues(a.value, b.value);
    return unmatchedIgnores.length > 0 ? { ...compared, unmatchedIgnores } : compared;
  }

  #clean({ status, value }: Observation): Cleaned {
    const { clean } = this.#definition;
    if (status === 'failed' || value === undefined) return { value: undefined, problem: null };
    if (!clean) return { value, problem: null };
    const answer = cleanedText(clean, value, this.#budget);
    return answer.isUsable
      ? { value: JSON.parse(answer.value), problem: null }
      : { value: undefined, problem: answer.problem };
  }

  #compareErrors(): ComparedPair {
    const [first, second] = [this.#first, this.#second];
    if (haveSameError(first, second)) return MATCH;
    const [a, b] = [errorLabel(first.error), errorLabel(second.error)];
    const [one, other] = this.#names();
    const note =
      a === b
        ? `Both failed with ${a}, with different messages.`
        : `${one} failed with ${a}, ${other} with ${b}.`;
    return mismatch('error', { note: capitalised(note) });
  }

  #differentOutcome(a: Cleaned, b: Cleaned): ComparedPair {
    const [one, other] = this.#names();
    const note =
      this.#first.status === 'failed'
        ? `${other} succeeded, ${one} failed with ${errorLabel(this.#first.error)}.`
        : `${one} succeeded, ${other} failed with ${errorLabel(this.#second.error)}.`;
    return mismatch('outcome', { note: capitalised(note), ...this.#texts(a.value, b.value) });
  }

  #uncleaned(a: Cleaned, b: Cleaned): ComparedPair {
    const [one, other] = this.#names();
    const problem = a.problem ?? b.problem;
    const where = a.problem && b.problem ? 'both results' : `${a.problem ? one : other}'s result`;
    return mismatch('comparator', {
      note: `On ${where}: ${problem}.`,
      ...this.#texts(a.value, b.value),
    });
  }

  #compareValues(a: unknown, b: unknown): ComparedPair {
    const { compare } = this.#definition;
    if (a === undefined && b === undefined) return MATCH;
    if (!compare || a === undefined || b === undefined) {
      if (isDeepStrictEqual(a, b)) return MATCH;
      const prepared = this.#prepare(a, b);
      if (!prepared) {
        const note = `The comparison took longer than ${this.#budget.totalMs} ms and was given up.`;
        return mismatch('comparator', { note, ...this.#texts(a, b) });
      }
      return prepared.places === 0 ? MATCH : this.#differentValues(a, b, prepared);
    }
    const { root } = this.#rules;
    const copies = [removeIgnored(copyOf(a), root), removeIgnored(copyOf(b), root)] as const;
    const answer = ownVerdict(compare, ...copies, this.#budget);
    if (!answer.isUsable) {
      return mismatch('comparator', { note: capitalised(`${answer.problem}.`), ...this.#texts(a, b) });
    }
    return answer.value ? MATCH : this.#differentValues(a, b, this.#prepare(a, b));
  }

  /** null: the time was up. */
  #prepare(a: unknown, b: unknown): PreparedPair | null {
    try {
      return preparePair(a, b, this.#rules.root, this.#rules, this.#budget);
    } catch (thrown) {
      if (thrown instanceof OutOfTime) return null;
      throw thrown;
    }
  }

  /** @param prepared null: there was no time to find the places; only a task's own compare can know without them */
  #differentValues(a: unknown, b: unknown, prepared: PreparedPair | null): ComparedPair {
    const { kept, paths } = prepared ? findDifferences(prepared) : { kept: [], paths: [] };
    const [one, other] = this.#names();
    const [ours, theirs] = [jsonTypeOf(a), jsonTypeOf(b)];
    const note =
      ours === theirs
        ? noteOnPlaces(prepared?.places ?? null)
        : capitalised(`${one} has ${ours}, ${other} ${theirs}.`);
    return mismatch(ours === theirs ? 'value' : 'type', {
      differences: kept,
      paths,
      ...(note === undefined ? {} : { note }),
      ...this.#texts(a, b),
    });
  }

  #texts(a: unknown, b: unknown): Pick<ComparedPair, 'stable' | 'canary'> {
    const text = (value: unknown) => (value === undefined ? null : sideText(value, this.#rules.root));
    return { stable: text(a), canary: text(b) };
  }

  #unmatchedIgnores(a: unknown, b: unknown): readonly string[] {
    if (a === undefined && b === undefined) return [];
    return this.#definition.ignore.filter(
      (pointer) => !leadsSomewhere(a, pointer) && !leadsSomewhere(b, pointer),
    );
  }

  #names(): readonly [first: string, second: string] {
    return this.#first.backend === this.#second.backend
      ? ['the primary', 'the copy']
      : [this.#first.backend, this.#second.backend];
  }
}

interface MismatchParts extends Partial<Omit<ComparedPair, 'comparison'>> {
  readonly differences?: Differences['kept'];
  readonly note?: string;
}

function mismatch(kind: MismatchKind, { differences = [], note, ...rest }: MismatchParts): ComparedPair {
  return {
    ...MATCH,
    ...rest,
    comparison: { verdict: 'mismatch', kind, differences, ...(note === undefined ? {} : { note }) },
  };
}
