import type { Chunk } from './chunking.ts';
import { type ChunkMetadata, mergeKeywords } from './metadata.ts';

export interface DocumentHeader {
  readonly documentId: string;
  readonly path: string;
  readonly title: string;
  /** How many chunks the document has now; stored ones beyond it are of an older version. */
  readonly chunkCount: number;
}

export interface TaskTrace {
  readonly taskId: string;
  readonly backend: 'stable' | 'canary';
}

/** One chunk in a document's file. */
export interface ChunkRecord {
  readonly chunkId: string;
  readonly index: number;
  readonly status: 'pending' | 'completed' | 'failed';
  readonly taskId: string | null;
  readonly backend: 'stable' | 'canary' | null;
  readonly metadata: ChunkMetadata | null;
  /** Why it failed; null otherwise. */
  readonly problem: string | null;
  readonly text: string;
}

/** What a document's file holds. */
export interface DocumentRecord {
  readonly documentId: string;
  readonly path: string;
  readonly title: string;
  /** `partial`: some chunk is pending or failed. */
  readonly status: 'completed' | 'partial';
  readonly keywords: readonly string[];
  readonly chunks: readonly ChunkRecord[];
}

/** One line of a journal. A line may be there twice; the second one changes nothing. */
export type JournalLine =
  | { readonly kind: 'document'; readonly document: DocumentHeader; readonly keep: boolean }
  | { readonly kind: 'chunk'; readonly chunk: Chunk }
  | {
      readonly kind: 'completed';
      readonly chunkId: string;
      readonly metadata: ChunkMetadata;
      readonly trace: TaskTrace;
    }
  | {
      readonly kind: 'failed';
      readonly chunkId: string;
      readonly problem: string;
      readonly trace: TaskTrace;
    };

/** Lines of a journal. One that a killed process left half written is passed over: it was never confirmed. */
export function parseJournal(text: string): JournalLine[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as JournalLine];
    } catch {
      return [];
    }
  });
}

/** A document as it stands after its journal. null: neither file nor journal says what it is. */
export function replay(file: DocumentRecord | null, lines: readonly JournalLine[]): DocumentRecord | null {
  let header: Pick<DocumentHeader, 'documentId' | 'path' | 'title'> | null = file;
  let chunks = new Map((file?.chunks ?? []).map((chunk) => [chunk.chunkId, chunk]));
  for (const line of lines) {
    if (line.kind === 'document') {
      header = line.document;
      const kept = [...chunks].filter(([, chunk]) => line.keep && chunk.index < line.document.chunkCount);
      chunks = new Map(kept);
    } else if (line.kind === 'chunk') {
      const known = chunks.get(line.chunk.chunkId);
      if (known?.status !== 'completed' || known.text !== line.chunk.text)
        chunks.set(line.chunk.chunkId, pendingRecord(line.chunk));
    } else {
      const known = chunks.get(line.chunkId);
      // A late failure of a second run does not undo an answer.
      if (known === undefined || (line.kind === 'failed' && known.status === 'completed')) continue;
      const outcome =
        line.kind === 'completed'
          ? { metadata: line.metadata, problem: null }
          : { metadata: null, problem: line.problem };
      chunks.set(line.chunkId, { ...known, status: line.kind, ...line.trace, ...outcome });
    }
  }
  if (header === null) return null;
  const { documentId, path, title } = header;
  const all = [...chunks.values()].sort((a, b) => a.index - b.index);
  const status = all.every((chunk) => chunk.status === 'completed') ? 'completed' : 'partial';
  const keywords = mergeKeywords(all.map((chunk) => chunk.metadata?.keywords ?? []));
  return { documentId, path, title, status, keywords, chunks: all };
}

function pendingRecord({ chunkId, index, text }: Chunk): ChunkRecord {
  return {
    chunkId,
    index,
    status: 'pending',
    taskId: null,
    backend: null,
    metadata: null,
    problem: null,
    text,
  };
}
