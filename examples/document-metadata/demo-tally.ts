import { build, type Histogram } from 'hdr-histogram-js';
import type { BackendName, Outcome } from '../../src/index.ts';
import type { Chunk } from './chunking.ts';
import type { ProgressCounts } from './demo-progress.ts';
import type { ChunkMetadata } from './metadata.ts';
import type { SkippedFile, SourceDocument } from './reading.ts';
import type { Language } from './words.ts';

/** One chunk's answer, to show what the demo does. */
export interface Example {
  readonly documentId: string;
  readonly title: string;
  readonly chunkId: string;
  readonly backend: BackendName;
  readonly summary: string;
  readonly keywords: readonly string[];
}

/** Milliseconds; null: nothing was measured. */
export interface Spread {
  readonly p50: number | null;
  readonly p95: number | null;
}

/** What one backend did in this run. */
export interface BackendShare {
  readonly product: 'bee-queue' | 'BullMQ';
  /** Routed here, and their share of all that were submitted in this run, 0 to 1. */
  readonly documents: number;
  readonly documentShare: number;
  readonly chunks: number;
  readonly chunkShare: number;
  /** Outcomes of runs here: a chunk that a rollback moved was routed to the other one. */
  readonly succeeded: number;
  readonly failed: number;
  /** Needed more than one attempt. */
  readonly retried: number;
  /** From its submission to the start of its last attempt. */
  readonly queueWaitMs: Spread;
  /** Of the last attempt. */
  readonly runMs: Spread;
  /** Outcomes per second, from the first submission to the last outcome. */
  readonly chunksPerSecond: number;
}

const LISTED_FILES = 20;
const LISTED_FAILURES = 3;
/** A summary that fills a line or two makes a good example. */
const GOOD_SUMMARY = { min: 70, max: 230 };

type ExamplesByLanguage = Record<Language, { score: number; example: Example | null }>;

interface BackendTally {
  documents: number;
  chunks: number;
  succeeded: number;
  failed: number;
  retried: number;
  firstAt: number;
  lastAt: number;
  readonly waits: Histogram;
  readonly runs: Histogram;
}

/** Counts what happens; takes the same room however long the run is. */
export class Tally {
  readonly documents = { read: 0, completed: 0, partial: 0, split: 0 };
  readonly chunks = { read: 0, kept: 0, submitted: 0, succeeded: 0, failed: 0, retried: 0, unanswered: 0 };
  readonly languages = { en: 0, zh: 0 };
  readonly failures: string[] = [];
  readonly skipped = { count: 0, first: [] as SkippedFile[] };
  readonly #examples: ExamplesByLanguage = {
    en: { score: 0, example: null },
    zh: { score: 0, example: null },
  } as ExamplesByLanguage;
  #filesTotal: number | null = null;
  #filesDone = 0;
  readonly #beganAt = Date.now();
  readonly #limit: number;
  readonly #of = { stable: newBackendTally(), canary: newBackendTally() };

  /** @param limit documents at most */
  constructor(limit: number | null) {
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
  }

  found(files: number): void {
    this.#filesTotal = files;
  }

  passedOver(file: SkippedFile): void {
    this.skipped.count++;
    if (this.skipped.first.length < LISTED_FILES) this.skipped.first.push(file);
    // Before that, it is a folder that was not looked into.
    if (this.#filesTotal !== null) this.#filesDone++;
  }

  read(chunk: Chunk): void {
    this.chunks.read++;
    this.languages[chunk.language]++;
  }

  submitted(backend: BackendName): void {
    this.chunks.submitted++;
    this.#of[backend].chunks++;
  }

  finished(outcome: Outcome): void {
    const of = this.#of[outcome.backend];
    const isSuccess = outcome.status === 'succeeded';
    this.chunks[isSuccess ? 'succeeded' : 'failed']++;
    of[isSuccess ? 'succeeded' : 'failed']++;
    if (outcome.attempts > 1) {
      this.chunks.retried++;
      of.retried++;
    }
    // Clocks of two machines differ: a wait is never negative.
    of.waits.recordValue(Math.max(0, outcome.startedAt - outcome.enqueuedAt));
    of.runs.recordValue(Math.max(0, outcome.finishedAt - outcome.startedAt));
    // What an interrupted run had submitted was not this run's time.
    of.firstAt = Math.min(of.firstAt, Math.max(outcome.enqueuedAt, this.#beganAt));
    of.lastAt = Math.max(of.lastAt, outcome.finishedAt);
  }

  failedWith(chunkId: string, problem: string): void {
    if (this.failures.length < LISTED_FAILURES) this.failures.push(`${chunkId}: ${problem}`);
  }

  /** @param backends where its chunks were routed; none if all were there already */
  documentDone(status: 'completed' | 'partial', backends: ReadonlySet<BackendName>): void {
    this.documents.read++;
    this.documents[status]++;
    this.#filesDone++;
    for (const backend of backends) this.#of[backend].documents++;
    // The ratio was changed between two of its chunks.
    if (backends.size > 1) this.documents.split++;
  }

  /** Keeps the better example. The choice depends on the texts alone, not on which chunk was finished first. */
  consider(document: SourceDocument, chunk: Chunk, metadata: ChunkMetadata, backend: BackendName): void {
    const { summary, keywords, words } = metadata;
    const { documentId, title } = document;
    const { chunkId } = chunk;
    const isGood = summary.length >= GOOD_SUMMARY.min && summary.length <= GOOD_SUMMARY.max;
    const score = isGood ? 1000 + words : 1;
    const best = this.#examples[chunk.language];
    if (score < best.score) return;
    if (score === best.score && best.example !== null && chunkId > best.example.chunkId) return;
    best.score = score;
    best.example = { documentId, title, chunkId, backend, summary, keywords };
  }

  /** In the language that most chunks have. */
  get example(): Example | null {
    const { en, zh } = this.languages;
    return this.#examples[zh > en ? 'zh' : 'en'].example;
  }

  progress(): ProgressCounts {
    const { stable, canary } = this.#of;
    return {
      files: this.#filesDone,
      filesTotal: Math.min(this.#filesTotal ?? 0, this.#limit),
      chunks: this.chunks.kept + this.chunks.succeeded + this.chunks.failed,
      stable: stable.succeeded + stable.failed,
      canary: canary.succeeded + canary.failed,
    };
  }

  shares(): { readonly stable: BackendShare; readonly canary: BackendShare } {
    return { stable: this.#share('stable', 'bee-queue'), canary: this.#share('canary', 'BullMQ') };
  }

  #share(name: BackendName, product: BackendShare['product']): BackendShare {
    const { documents, chunks, succeeded, failed, retried, firstAt, lastAt, waits, runs } = this.#of[name];
    const allDocuments = this.#of.stable.documents + this.#of.canary.documents;
    const seconds = (lastAt - firstAt) / 1000;
    return {
      product,
      documents,
      documentShare: allDocuments === 0 ? 0 : rounded(documents / allDocuments, 4),
      chunks,
      chunkShare: this.chunks.submitted === 0 ? 0 : rounded(chunks / this.chunks.submitted, 4),
      succeeded,
      failed,
      retried,
      queueWaitMs: spreadOf(waits),
      runMs: spreadOf(runs),
      chunksPerSecond: seconds > 0 ? rounded((succeeded + failed) / seconds, 1) : 0,
    };
  }
}

export function rounded(n: number, digits: number): number {
  return Math.round(n * 10 ** digits) / 10 ** digits;
}

function newBackendTally(): BackendTally {
  const histogram = () => build({ numberOfSignificantValueDigits: 3 });
  return {
    documents: 0,
    chunks: 0,
    succeeded: 0,
    failed: 0,
    retried: 0,
    firstAt: Number.POSITIVE_INFINITY,
    lastAt: 0,
    waits: histogram(),
    runs: histogram(),
  };
}

function spreadOf(histogram: Histogram): Spread {
  if (histogram.totalCount === 0) return { p50: null, p95: null };
  return { p50: histogram.getValueAtPercentile(50), p95: histogram.getValueAtPercentile(95) };
}
