import type { RunCounts, TimelineEntry, Timing } from './aggregates.ts';
import type { Mismatch, MismatchKind } from './parity.ts';
import type { BackendName } from './task.ts';

export type Verdict = 'successful' | 'failed' | 'inconclusive';

/** Thresholds of the verdict; `report.gates` of the config. */
export interface ReportGates {
  /** Largest allowed error rate of canary minus that of stable, 0 to 1. @default 0.01 */
  readonly errorRateDifference: number;
  /** Largest allowed share of mismatches beyond the task's own noise, 0 to 1. @default 0.01 */
  readonly mismatchRate: number;
  /** Largest allowed median run time of canary as a multiple of stable's. @default 1.25 */
  readonly latencyRatio: number;
  /** A median run time that is longer by less than this is never called slower, in milliseconds. @default 10 */
  readonly latencyFloorMs: number;
  /** Fewer compared pairs than this say nothing. @default 100 */
  readonly minimumPairs: number;
  /** Fewer finished tasks of a backend than this say nothing. @default 100 */
  readonly minimumTasks: number;
}

/** An estimate with its 95 % interval. */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * Submitted in the window and not ended in it: waiting, running, cancelled, or brought back. Never below 0, though what was
 * submitted before may end in it.
 */
export interface Unfinished {
  /** Of stable together with what was forced there, which cannot be told apart when it runs. */
  readonly assigned: number;
  readonly shadow: number;
}

/**
 * Why a rule is inconclusive where more data would not mend it. `share-changed`: canary's share changed within the window.
 * `unfinished`: canary leaves more unfinished than stable. `ratio`: the ratio was not kept. `unjudged`: too many pairs could
 * not be judged. `nothing-compared`: there is no pair.
 */
export type Doubt = 'share-changed' | 'unfinished' | 'ratio' | 'unjudged' | 'nothing-compared';

/** One backend's side of a task. */
export interface BackendSide {
  /** By ratio or flag. */
  readonly assigned: RunCounts;
  /** Forced, brought back. */
  readonly apart: RunCounts;
  /** Copies of the other backend's submissions. */
  readonly shadow: RunCounts;
  readonly unfinished: Unfinished;
  /** What errors and times are judged by: assigned and shadow together. */
  readonly finished: number;
  readonly failed: number;
  /** Wilson's interval; null: nothing has finished. */
  readonly errorRate: Interval | null;
  /** Milliseconds; null: nothing was timed. */
  readonly timings: Readonly<Record<Timing, Quantiles | null>>;
}

export interface RoutedPart {
  readonly total: number;
  /** Share of canary among assigned submissions, with its binomial interval; null: none. */
  readonly canaryShare: Interval | null;
  /** What the ratios in force at each submission lead to expect; null: no randomised submission. */
  readonly targetShare: number | null;
  /**
   * Sample ratio mismatch: p-value of the chi-squared test, of a binomial test where the variance is below 10; null: nothing
   * to test.
   */
  readonly sampleRatio: {
    readonly tested: number;
    /** Of them drawn for canary, whether or not it took them. */
    readonly drawn: number;
    readonly chiSquared: number;
    readonly pValue: number;
  } | null;
}

export interface PathCount {
  readonly path: string;
  readonly pairs: number;
  /** The newest kept mismatch at this path; null: none is kept any more. */
  readonly example: { readonly stable: string | null; readonly canary: string | null } | null;
}

export interface ParityPart {
  /** A/B pairs that were compared: shadows and replays. `matched` and `mismatched` together. */
  readonly pairs: number;
  readonly matched: number;
  /** Without the unjudged. */
  readonly mismatched: number;
  /**
   * Mismatches that say nothing about canary: stable gave no outcome (`stable-missing`), or the task's own comparison
   * failed (`comparator`). In neither `pairs` nor the rates, but in `kinds`; too many of them, and no verdict is successful.
   */
  readonly unjudged: number;
  readonly kinds: Readonly<Partial<Record<MismatchKind, number>>>;
  /** Clopper and Pearson's interval; null: no pair. */
  readonly rate: Interval | null;
  /** The same of the control pairs (A/A): the task's noise. */
  readonly noise: { readonly pairs: number; readonly mismatched: number; readonly rate: Interval | null };
  /** Mismatch rate minus noise, Newcombe's interval; null: no pair. Without control pairs the rate itself. */
  readonly beyondNoise: Interval | null;
  /**
   * The place, or the kind other than `value`, that differs most beyond its own noise: what differs by itself must not excuse
   * what does not. null: nothing differs in five pairs or more.
   */
  readonly worst: {
    readonly what: string;
    readonly pairs: number;
    readonly controlPairs: number;
    readonly beyondNoise: Interval;
  } | null;
  /** Not compared: cancelled, or no outcome on either side. */
  readonly dropped: number;
  /** At most 10, most frequent first. */
  readonly paths: readonly PathCount[];
}

/** One rule of the verdict, with what it was held against. */
export interface VerdictLine {
  readonly rule: 'errors' | 'mismatches' | 'latency' | 'sample-ratio';
  readonly verdict: Verdict;
  /** A short name of the rule in words. */
  readonly title: string;
  /** The threshold in words, like "at most 1 % more". */
  readonly threshold: string;
  /** What was seen, in words with numbers. */
  readonly evidence: string;
  /** Only of an inconclusive line. */
  readonly doubt?: Doubt;
  /** For a chart: the interval and the limit on one scale; null: nothing was seen. */
  readonly interval: (Interval & { readonly limit: number; readonly unit: 'share' | 'ratio' }) | null;
}

export interface TaskComparison {
  readonly task: string;
  /** null: canary has run none of it, or only what was forced there or replayed, so there is nothing to judge. */
  readonly verdict: Verdict | null;
  readonly lines: readonly VerdictLine[];
  readonly routed: RoutedPart;
  readonly backends: Readonly<Record<BackendName, BackendSide>>;
  /** Canary's median over stable's, bootstrap interval; null: too little. */
  readonly medianRatio: Readonly<Record<Timing, Interval | null>>;
  readonly parity: ParityPart;
}

/** What `hybrid report` shows; every form is made of this one object. */
export interface ComparisonReport {
  readonly namespace: string;
  /** Milliseconds since 1970, as all times here. */
  readonly at: number;
  readonly window: { readonly from: number; readonly to: number };
  /** When anybody last wrote into the window; null: nobody did. */
  readonly newestAt: number | null;
  readonly verdict: Verdict;
  /** The first thing to read: the verdict and its cause in one sentence. */
  readonly headline: string;
  readonly gates: ReportGates;
  /** All tasks together, without a verdict of their own. */
  readonly total: Omit<TaskComparison, 'task' | 'verdict' | 'lines'>;
  /** Judged ones first, the failed at the top; then by name. */
  readonly tasks: readonly TaskComparison[];
  /** The newest few. */
  readonly mismatches: readonly Mismatch[];
  /** Parts of a minute to an hour, as long as the window makes them. */
  readonly timeline: readonly TimelineEntry[];
  /** Behind every command that is printed, like ` --config FILE`: without it they would act somewhere else. @default '' */
  readonly commandOptions?: string;
  /** One sentence each: what to keep in mind when reading. */
  readonly notes: readonly string[];
  /** Since when nothing goes to canary, as far as this window is concerned; null: no freeze is in force. */
  readonly frozenSince: number | null;
}

/** `terminal` for a person, `html` for people, `md` for a pull request, `json` for scripts, `junit` for CI. */
export type ReportFormat = 'terminal' | 'html' | 'md' | 'json' | 'junit';

export const REPORT_FORMATS: readonly ReportFormat[] = ['terminal', 'html', 'md', 'json', 'junit'];
