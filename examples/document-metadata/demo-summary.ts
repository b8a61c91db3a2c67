import type { BackendName, ControlState, SystemStatus, Verdict } from '../../src/index.ts';
import { type BackendShare, type Example, rounded, type Tally } from './demo-tally.ts';
import type { Injection } from './injection.ts';
import type { SkippedFile } from './reading.ts';

/** What `--json` prints, and what is kept in the output folder's run.json. */
export interface DemoSummary {
  readonly status: 'completed' | 'incomplete' | 'interrupted';
  /** The folder that was read. */
  readonly source: string;
  readonly namespace: string;
  /** Without the password. */
  readonly redis: { readonly host: string; readonly isPrivate: boolean };
  readonly workers: number;
  readonly ratio: {
    /** Live when the run began. */
    readonly target: number;
    readonly epoch: number;
    /** What others made live while it ran. */
    readonly changes: readonly RatioChange[];
  };
  readonly documents: {
    readonly read: number;
    readonly completed: number;
    readonly partial: number;
    /** With chunks on both backends, because the ratio was changed in between. */
    readonly split: number;
  };
  readonly chunks: {
    readonly read: number;
    /** Had their answer from the interrupted run that this one went on with. */
    readonly kept: number;
    readonly submitted: number;
    readonly succeeded: number;
    readonly failed: number;
    /** Needed more than one attempt. */
    readonly retried: number;
    readonly unanswered: number;
    readonly english: number;
    readonly chinese: number;
  };
  /** The first few failed chunks, each with its problem in words. */
  readonly failures: readonly string[];
  /** What was to go wrong on canary; null: nothing. */
  readonly injection: Injection | null;
  /** How the backends compare in this run; null: it was interrupted. */
  readonly report: {
    readonly verdict: Verdict;
    /** The verdict and its cause in one sentence. */
    readonly headline: string;
    /** The whole report as HTML: an absolute path. */
    readonly path: string;
    /** Chunks that ran on both backends and were compared. */
    readonly pairs: number;
    readonly mismatched: number;
    /** Chunks that ran on stable twice, to see what differs there, too. */
    readonly controlPairs: number;
    /** Pairs of either kind that it could not wait for. */
    readonly uncompared: number;
  } | null;
  readonly backends: Readonly<Record<BackendName, BackendShare>>;
  readonly durationMs: number;
  readonly chunksPerSecond: number;
  /** What Redis says of the namespace after the run, all runs together: the same as `hybrid status --json`. */
  readonly live: Pick<SystemStatus, 'ledger' | 'plain' | 'parked'>;
  readonly skipped: { readonly count: number; readonly first: readonly SkippedFile[] };
  /** Absolute path. */
  readonly output: string;
  readonly example: Example | null;
  /** Commands to type, and what each does. */
  readonly next: readonly { readonly command: string; readonly what: string }[];
}

export interface RatioChange {
  readonly epoch: number;
  readonly celeryRatio: number;
  readonly frozen: boolean;
  readonly by: string;
}

export interface SummaryParts {
  readonly source: string;
  readonly redis: DemoSummary['redis'];
  readonly workers: number;
  /** As it was when the run began. */
  readonly control: ControlState;
  readonly changes: readonly RatioChange[];
  readonly tally: Tally;
  readonly durationMs: number;
  readonly status: SystemStatus;
  readonly injection: DemoSummary['injection'];
  readonly report: DemoSummary['report'];
  readonly isInterrupted: boolean;
  readonly output: string;
  readonly next: DemoSummary['next'];
}

export function summarise(parts: SummaryParts): DemoSummary {
  const { tally, control, durationMs } = parts;
  const { ledger, plain, parked, namespace } = parts.status;
  const { partial } = tally.documents;
  const answered = tally.chunks.succeeded + tally.chunks.failed;
  return {
    status: parts.isInterrupted ? 'interrupted' : partial > 0 ? 'incomplete' : 'completed',
    source: parts.source,
    namespace,
    redis: parts.redis,
    workers: parts.workers,
    ratio: { target: control.celeryRatio, epoch: control.epoch, changes: parts.changes },
    documents: { ...tally.documents },
    chunks: { ...tally.chunks, english: tally.languages.en, chinese: tally.languages.zh },
    failures: [...tally.failures],
    injection: parts.injection,
    report: parts.report,
    backends: tally.shares(),
    durationMs: Math.round(durationMs),
    chunksPerSecond: durationMs > 0 ? rounded((answered * 1000) / durationMs, 1) : 0,
    live: { ledger, plain, parked },
    skipped: { ...tally.skipped },
    output: parts.output,
    example: tally.example,
    next: parts.next,
  };
}
