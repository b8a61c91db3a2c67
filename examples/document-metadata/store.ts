import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Chunk, documentIdOf } from './chunking.ts';
import { fileProblem, NotStoredError, OutputFolderError } from './errors.ts';
import type { ChunkMetadata } from './metadata.ts';
import { byCodePoint } from './order.ts';
import {
  type DocumentHeader,
  type DocumentRecord,
  type JournalLine,
  parseJournal,
  replay,
  type TaskTrace,
} from './records.ts';

export interface StoreOptions {
  /** Keep what an earlier run finished where the text is still the same. @default false: every document begins anew */
  readonly resume?: boolean;
}

export interface WrittenDocument {
  readonly documentId: string;
  /** The file with the document's summaries and keywords. */
  readonly path: string;
  /** `partial`: some chunk is pending or failed; the document stays listed in `in-progress`. */
  readonly status: 'completed' | 'partial';
  readonly completed: number;
  /** Chunk ids. */
  readonly pending: readonly string[];
  readonly failed: readonly string[];
}

type ChunkStatus = 'pending' | 'completed' | 'failed';
/** What is kept in memory of a document between `beginDocument` and `writeDocument`. */
type OpenDocument = Map<string, { status: ChunkStatus; digest: string }>;

/**
 * Store first, update later. Each document has a journal in `in-progress/` that its chunks are added to before they are
 * submitted and their answers after; `writeDocument` makes one JSON file of it and removes the journal. What a killed
 * run leaves in `in-progress/` is what it did not finish. Every call may be repeated. One process at a time writes.
 */
export class ChunkStore {
  readonly outDir: string;
  readonly #journals: string;
  readonly #resume: boolean;
  readonly #open = new Map<string, OpenDocument>();
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(outDir: string, options: StoreOptions = {}) {
    this.outDir = resolve(outDir);
    this.#journals = join(this.outDir, 'in-progress');
    this.#resume = options.resume ?? false;
  }

  /** Makes the folders. @throws {OutputFolderError} */
  async prepare(): Promise<void> {
    await this.#writing(() => mkdir(this.#journals, { recursive: true }));
  }

  /** Names the document that the next chunks belong to. @throws {OutputFolderError} */
  beginDocument(document: DocumentHeader): Promise<void> {
    const { documentId } = document;
    return this.#inTurn(documentId, async () => {
      if (this.#open.has(documentId)) return;
      const line: JournalLine = { kind: 'document', document, keep: this.#resume };
      if (this.#resume) {
        await this.#load(documentId);
        await this.#append(documentId, line);
        const now = await this.#read(documentId);
        this.#open.set(documentId, statusesOf(now));
      } else {
        await this.#writing(() => writeFile(this.#journal(documentId), `${JSON.stringify(line)}\n`));
        this.#open.set(documentId, new Map());
      }
    });
  }

  /**
   * Stores a chunk as pending. `completed`: it has its answer already, of an earlier run (`resume`) or of this one.
   *
   * @throws {NotStoredError} `beginDocument` was not called
   * @throws {OutputFolderError}
   */
  saveChunk(chunk: Chunk): Promise<'pending' | 'completed'> {
    return this.#inTurn(chunk.documentId, async () => {
      const open = this.#open.get(chunk.documentId);
      if (open === undefined) throw new NotStoredError(chunk.documentId, 'call beginDocument');
      const digest = digestOf(chunk.text);
      const known = open.get(chunk.chunkId);
      if (known?.digest === digest && known.status !== 'failed') return known.status;
      await this.#append(chunk.documentId, { kind: 'chunk', chunk });
      open.set(chunk.chunkId, { status: 'pending', digest });
      return 'pending';
    });
  }

  /** Stores a chunk's answer. @throws {NotStoredError} the chunk was not saved. @throws {OutputFolderError} */
  updateChunk(chunkId: string, metadata: ChunkMetadata, trace: TaskTrace): Promise<void> {
    return this.#settle({ kind: 'completed', chunkId, metadata, trace });
  }

  /** Stores that a chunk's task failed for good. Throws like `updateChunk`. */
  failChunk(chunkId: string, problem: string, trace: TaskTrace): Promise<void> {
    return this.#settle({ kind: 'failed', chunkId, problem, trace });
  }

  /** Writes the document's file, whole or not at all. @throws {NotStoredError} @throws {OutputFolderError} */
  writeDocument(documentId: string): Promise<WrittenDocument> {
    return this.#inTurn(documentId, async () => {
      const document = await this.#read(documentId);
      if (document === null) throw new NotStoredError(documentId, 'call beginDocument');
      const path = this.#file(documentId);
      const draft = `${path}.${process.pid}.tmp`;
      await this.#writing(async () => {
        try {
          await writeFile(draft, `${JSON.stringify(document, null, 2)}\n`);
          await rename(draft, path);
        } finally {
          await rm(draft, { force: true });
        }
        if (document.status === 'completed') await rm(this.#journal(documentId), { force: true });
      });
      this.#open.delete(documentId);
      return summaryOf(document, path);
    });
  }

  /** Documents that some run began and did not finish, one at a time. */
  async *unfinished(): AsyncGenerator<WrittenDocument> {
    const names = await readdir(this.#journals).catch(() => []);
    for (const name of names.filter((one) => one.endsWith('.jsonl')).sort(byCodePoint)) {
      const lines = parseJournal(await readFile(join(this.#journals, name), 'utf8').catch(() => ''));
      const first = lines.find((line) => line.kind === 'document');
      const document = first && (await this.#read(first.document.documentId));
      if (document?.status === 'partial') yield summaryOf(document, this.#file(document.documentId));
    }
  }

  #settle(line: Extract<JournalLine, { kind: 'completed' | 'failed' }>): Promise<void> {
    const documentId = documentIdOf(line.chunkId);
    return this.#inTurn(documentId, async () => {
      // Not open: the answer came after writeDocument, or after a restart of this process.
      const open = this.#open.get(documentId) ?? (await this.#load(documentId));
      const known = open.get(line.chunkId);
      if (known === undefined) throw new NotStoredError(line.chunkId, 'call saveChunk');
      if (known.status === 'completed') return;
      await this.#append(documentId, line);
      known.status = line.kind;
    });
  }

  async #load(documentId: string): Promise<OpenDocument> {
    const journal = await readFile(this.#journal(documentId), 'utf8').catch(() => '');
    // A line that a killed process left half written must not swallow the next one.
    if (journal !== '' && !journal.endsWith('\n'))
      await this.#writing(() => appendFile(this.#journal(documentId), '\n'));
    return statusesOf(await this.#read(documentId));
  }

  async #read(documentId: string): Promise<DocumentRecord | null> {
    const file = await readFile(this.#file(documentId), 'utf8').catch(() => '');
    const journal = await readFile(this.#journal(documentId), 'utf8').catch(() => '');
    return replay(parseDocument(file, documentId), parseJournal(journal));
  }

  async #append(documentId: string, line: JournalLine): Promise<void> {
    await this.#writing(() => appendFile(this.#journal(documentId), `${JSON.stringify(line)}\n`));
  }

  /** Calls for one document run one after the other, in the order in which they were made. */
  #inTurn<T>(documentId: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(documentId) ?? Promise.resolve()).then(work);
    const settled = turn
      .catch(() => {})
      .then(() => {
        if (this.#turns.get(documentId) === settled) this.#turns.delete(documentId);
      });
    this.#turns.set(documentId, settled);
    return turn;
  }

  async #writing(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw new OutputFolderError(this.outDir, fileProblem(error));
    }
  }

  #file(documentId: string): string {
    return join(this.outDir, `${fileNameOf(documentId)}.json`);
  }

  #journal(documentId: string): string {
    return join(this.#journals, `${fileNameOf(documentId)}.jsonl`);
  }
}

/** @throws {OutputFolderError} the folder cannot be made or written to */
export async function openStore(outDir: string, options: StoreOptions = {}): Promise<ChunkStore> {
  const store = new ChunkStore(outDir, options);
  await store.prepare();
  return store;
}

/** A name that is safe in any folder and differs for every id: readable letters, then a digest of the whole id. */
export function fileNameOf(documentId: string): string {
  const readable = [...documentId.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')]
    .slice(0, 60)
    .join('');
  return `${readable.replace(/^[.-]+/, '') || 'document'}-${digestOf(documentId).slice(0, 10)}`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

function parseDocument(text: string, documentId: string): DocumentRecord | null {
  try {
    const document = JSON.parse(text) as DocumentRecord;
    return document.documentId === documentId && Array.isArray(document.chunks) ? document : null;
  } catch {
    return null;
  }
}

function statusesOf(document: DocumentRecord | null): OpenDocument {
  return new Map(
    document?.chunks.map(({ chunkId, status, text }) => [chunkId, { status, digest: digestOf(text) }]),
  );
}

function summaryOf(document: DocumentRecord, path: string): WrittenDocument {
  const idsOf = (status: ChunkStatus) =>
    document.chunks.filter((chunk) => chunk.status === status).map(({ chunkId }) => chunkId);
  return {
    documentId: document.documentId,
    path,
    status: document.status,
    completed: idsOf('completed').length,
    pending: idsOf('pending'),
    failed: idsOf('failed'),
  };
}
