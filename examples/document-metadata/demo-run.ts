import { createHash } from 'node:crypto';
import { type BackendName, errors, type HybridTaskManager, type SubmittedTask } from '../../src/index.ts';
import { type Chunk, splitIntoChunks } from './chunking.ts';
import type { Tally } from './demo-tally.ts';
import type { SourceDocument } from './reading.ts';
import { type ChunkStore, fileNameOf } from './store.ts';
import { generateMetadata } from './task.ts';

/** How much is under way at once, so that memory does not grow with the folder. */
const DOCUMENTS_AT_ONCE = 6;
const CHUNKS_AT_ONCE_PER_DOCUMENT = 8;
/** Far longer than any chunk waits while there is a worker. */
const ANSWER_WITHIN_MS = 120_000;

export interface DocumentRun {
  readonly manager: HybridTaskManager;
  readonly store: ChunkStore;
  /** Makes a chunk's idempotency key the run's own. */
  readonly runId: string;
  readonly tally: Tally;
  /** Aborted: nothing new is begun, and what was submitted is waited for. */
  readonly signal: AbortSignal;
}

/**
 * Submits every chunk of every document and stores the answers. A chunk that fails is stored as failed; trouble with Redis
 * or the output folder ends the run.
 * @throws {HybridTaskError}
 */
export async function runDocuments(
  run: DocumentRun,
  documents: AsyncIterator<SourceDocument>,
): Promise<void> {
  await inParallel(documents, DOCUMENTS_AT_ONCE, run.signal, (document) => runDocument(run, document));
}

async function runDocument(run: DocumentRun, document: SourceDocument): Promise<void> {
  const { store, tally } = run;
  const chunks = splitIntoChunks(document.documentId, document.text);
  const { documentId, path, title } = document;
  await store.beginDocument({ documentId, path, title, chunkCount: chunks.length });
  const backends = new Set<BackendName>();
  const wasWhole = await inParallel(
    chunks.values(),
    CHUNKS_AT_ONCE_PER_DOCUMENT,
    run.signal,
    async (chunk) => {
      tally.read(chunk);
      // Store first: whatever happens from here on, it is known that this chunk has no answer yet.
      if ((await store.saveChunk(chunk)) === 'completed') tally.chunks.kept++;
      else backends.add(await runChunk(run, document, chunk));
    },
  );
  // Of a document that was interrupted, the journal is left for the next run.
  if (!wasWhole) return;
  const { status } = await store.writeDocument(documentId);
  tally.documentDone(status, backends);
}

/** @returns where the chunk was routed */
async function runChunk(run: DocumentRun, document: SourceDocument, chunk: Chunk): Promise<BackendName> {
  const { manager, tally } = run;
  const { chunkId, documentId, text } = chunk;
  const task = await manager.submit(
    generateMetadata,
    { chunkId, chunkText: text, documentId },
    {
      // All chunks of a document go the same way.
      stickyKey: fileNameOf(documentId),
      // A run that goes on after a kill gets the task that is under way, not a second one.
      idempotencyKey: `${run.runId}:${fileNameOf(chunkId)}:${digestOf(text)}`,
    },
  );
  tally.submitted(task.backend);
  await takeAnswer(run, document, chunk, task);
  return task.backend;
}

/** Update later. */
async function takeAnswer(
  { manager, store, tally }: DocumentRun,
  document: SourceDocument,
  chunk: Chunk,
  task: SubmittedTask<typeof generateMetadata.output>,
): Promise<void> {
  try {
    const { metadata } = await task.result({ timeoutMs: ANSWER_WITHIN_MS });
    const backend = await count();
    tally.consider(document, chunk, metadata, backend);
    await store.updateChunk(chunk.chunkId, metadata, { taskId: task.id, backend });
  } catch (error) {
    if (error instanceof errors.ResultTimeoutError) tally.chunks.unanswered++;
    else if (error instanceof errors.TaskFailedError) {
      const trace = { taskId: task.id, backend: await count() };
      tally.failedWith(chunk.chunkId, error.message);
      await store.failChunk(chunk.chunkId, error.message, trace);
    } else throw error;
  }

  /** @returns who has run it in the end */
  async function count(): Promise<BackendName> {
    const outcome = (await manager.find(task.id))?.outcome;
    if (outcome) tally.finished(outcome);
    return outcome?.backend ?? task.backend;
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/**
 * Works on so many items at once, taking the next one when one is done. After a failure, what is under way is waited for.
 * @returns false if the signal has kept it from taking them all
 */
async function inParallel<T>(
  items: AsyncIterator<T> | Iterator<T>,
  limit: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<boolean> {
  let hasFailed = false;
  let isAtEnd = false;
  const lane = async () => {
    while (!hasFailed && !isAtEnd && !signal.aborted) {
      const next = await items.next();
      if (next.done) isAtEnd = true;
      else await work(next.value);
    }
  };
  const lanes = Array.from({ length: limit }, () =>
    lane().catch((error: unknown) => {
      hasFailed = true;
      throw error;
    }),
  );
  for (const result of await Promise.allSettled(lanes)) if (result.status === 'rejected') throw result.reason;
  return isAtEnd;
}
