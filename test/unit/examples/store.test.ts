import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Chunk } from '../../../examples/document-metadata/chunking.ts';
import type { ChunkMetadata } from '../../../examples/document-metadata/metadata.ts';
import {
  type DocumentRecord,
  type JournalLine,
  replay,
} from '../../../examples/document-metadata/records.ts';
import { type ChunkStore, fileNameOf, openStore } from '../../../examples/document-metadata/store.ts';

let outDir: string;
beforeEach(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'store-'));
});
afterEach(async () => {
  await rm(outDir, { recursive: true, force: true });
});

const documentId = '../指南/a b.md';
const trace = { taskId: 't-1', backend: 'canary' } as const;
const header = (chunkCount = 2) => ({ documentId, path: '/x/a b.md', title: 'A', chunkCount });
const chunk = (index: number, text = `Text ${index}.`): Chunk => ({
  chunkId: `${documentId}#000${index + 1}`,
  documentId,
  index,
  text,
  language: 'en',
});
const metadata = (word: string): ChunkMetadata => ({
  summary: `${word}.`,
  keywords: [word],
  language: 'en',
  sentences: 1,
  words: 1,
});
const unfinished = async (store: ChunkStore) => {
  const found = [];
  for await (const one of store.unfinished()) found.push(one);
  return found;
};
const documentIn = async (path: string): Promise<DocumentRecord> => JSON.parse(await readFile(path, 'utf8'));
async function begin(store: ChunkStore, chunks = [chunk(0), chunk(1)]) {
  await store.beginDocument(header(chunks.length));
  return Promise.all(chunks.map((one) => store.saveChunk(one)));
}

describe('the chunk store', () => {
  it('stores first, updates later and writes one file per document', async () => {
    const store = await openStore(outDir);
    expect(await begin(store)).toEqual(['pending', 'pending']);
    await Promise.all([
      store.updateChunk(chunk(1).chunkId, metadata('beta'), trace),
      store.updateChunk(chunk(0).chunkId, metadata('alpha'), { taskId: 't-0', backend: 'stable' }),
    ]);
    const written = await store.writeDocument(documentId);
    expect(written).toMatchObject({ documentId, status: 'completed', completed: 2, pending: [], failed: [] });
    expect(await documentIn(written.path)).toEqual({
      documentId,
      path: '/x/a b.md',
      title: 'A',
      status: 'completed',
      keywords: ['alpha', 'beta'],
      chunks: [
        {
          chunkId: chunk(0).chunkId,
          index: 0,
          status: 'completed',
          taskId: 't-0',
          backend: 'stable',
          metadata: metadata('alpha'),
          problem: null,
          text: 'Text 0.',
        },
        {
          chunkId: chunk(1).chunkId,
          index: 1,
          status: 'completed',
          ...trace,
          metadata: metadata('beta'),
          problem: null,
          text: 'Text 1.',
        },
      ],
    });
    expect((await readdir(outDir)).sort()).toEqual([`${fileNameOf(documentId)}.json`, 'in-progress'].sort());
    expect(await readdir(join(outDir, 'in-progress'))).toEqual([]);
  });

  it('shows after a killed run what is pending, and a torn last line costs nothing', async () => {
    const killed = await openStore(outDir);
    await begin(killed);
    await killed.updateChunk(chunk(0).chunkId, metadata('alpha'), trace);
    const [journal = ''] = await readdir(join(outDir, 'in-progress'));
    await appendFile(join(outDir, 'in-progress', journal), '{"kind":"comple');

    const store = await openStore(outDir, { resume: true });
    expect(await unfinished(store)).toMatchObject([
      { documentId, completed: 1, pending: [chunk(1).chunkId] },
    ]);
    expect(await begin(store)).toEqual(['completed', 'pending']);
    await store.updateChunk(chunk(1).chunkId, metadata('beta'), trace);
    expect(await store.writeDocument(documentId)).toMatchObject({ status: 'completed', completed: 2 });
    expect(await unfinished(store)).toEqual([]);
  });

  it('does not lose the next line to a torn one', async () => {
    await begin(await openStore(outDir));
    const [journal = ''] = await readdir(join(outDir, 'in-progress'));
    await appendFile(join(outDir, 'in-progress', journal), '{"kind":"comple');
    const restarted = await openStore(outDir);
    await restarted.updateChunk(chunk(0).chunkId, metadata('alpha'), trace);
    expect(await restarted.writeDocument(documentId)).toMatchObject({ completed: 1 });
  });

  it('begins anew without resume, and with it where the text has changed or the document has shrunk', async () => {
    const first = await openStore(outDir);
    await begin(first);
    for (const index of [0, 1]) await first.updateChunk(chunk(index).chunkId, metadata('old'), trace);
    await first.writeDocument(documentId);

    const resumed = await openStore(outDir, { resume: true });
    expect(await begin(resumed, [chunk(0, 'Changed.')])).toEqual(['pending']);
    expect(await resumed.writeDocument(documentId)).toMatchObject({
      completed: 0,
      pending: [chunk(0).chunkId],
    });

    const fresh = await openStore(outDir);
    expect(await begin(fresh)).toEqual(['pending', 'pending']);
  });

  it('may be told everything twice', async () => {
    const store = await openStore(outDir);
    await begin(store);
    await store.updateChunk(chunk(0).chunkId, metadata('alpha'), trace);
    await store.updateChunk(chunk(0).chunkId, metadata('second'), trace);
    await store.failChunk(chunk(0).chunkId, 'late failure', trace);
    expect(await begin(store)).toEqual(['completed', 'pending']);
    const { path } = await store.writeDocument(documentId);
    const before = await readFile(path, 'utf8');
    expect(await store.writeDocument(documentId)).toMatchObject({ status: 'partial', completed: 1 });
    expect(await readFile(path, 'utf8')).toBe(before);
    expect((await documentIn(path)).chunks[0]?.metadata).toEqual(metadata('alpha'));
  });

  it('takes an answer that comes after the file was written', async () => {
    const store = await openStore(outDir);
    await begin(store);
    await store.updateChunk(chunk(0).chunkId, metadata('alpha'), trace);
    await store.writeDocument(documentId);
    await store.updateChunk(chunk(1).chunkId, metadata('beta'), trace);
    await store.updateChunk(chunk(1).chunkId, metadata('again'), trace);
    expect(await store.writeDocument(documentId)).toMatchObject({ status: 'completed', completed: 2 });
    await store.updateChunk(chunk(1).chunkId, metadata('again'), trace);
    expect(await readdir(join(outDir, 'in-progress'))).toEqual([]);
  });

  it('keeps why a chunk failed, and lets a later try succeed', async () => {
    const store = await openStore(outDir);
    await begin(store);
    await store.failChunk(chunk(0).chunkId, 'E_TIMEOUT', trace);
    const failed = await store.writeDocument(documentId);
    expect(failed).toMatchObject({
      status: 'partial',
      failed: [chunk(0).chunkId],
      pending: [chunk(1).chunkId],
    });
    expect((await documentIn(failed.path)).chunks[0]).toMatchObject({
      status: 'failed',
      problem: 'E_TIMEOUT',
    });
    await store.updateChunk(chunk(0).chunkId, metadata('alpha'), trace);
    expect(await store.writeDocument(documentId)).toMatchObject({ completed: 1, failed: [] });
  });

  it('refuses answers to what was never stored', async () => {
    const store = await openStore(outDir);
    await expect(store.saveChunk(chunk(0))).rejects.toThrow(/call beginDocument first/);
    await expect(store.updateChunk('no#0001', metadata('x'), trace)).rejects.toThrow(/call saveChunk first/);
    await expect(store.writeDocument('no')).rejects.toThrow(/call beginDocument first/);
    await begin(store);
    expect(await store.writeDocument(documentId)).toMatchObject({ completed: 0 });
  });

  it('names an output folder that cannot be used', async () => {
    const file = join(outDir, 'file');
    await writeFile(file, '');
    await expect(openStore(join(file, 'out'))).rejects.toMatchObject({ code: 'E_OUTPUT_FOLDER' });
    await expect(openStore(file)).rejects.toThrow(
      /file cannot be written: a file stands where a folder is needed/,
    );
  });
});

describe('replay', () => {
  it('lets no repeated or late line undo an answer', () => {
    const lines: JournalLine[] = [
      { kind: 'document', document: header(1), keep: false },
      { kind: 'chunk', chunk: chunk(0) },
      { kind: 'completed', chunkId: chunk(0).chunkId, metadata: metadata('alpha'), trace },
      { kind: 'chunk', chunk: chunk(0) },
      { kind: 'failed', chunkId: chunk(0).chunkId, problem: 'late', trace },
      { kind: 'completed', chunkId: 'unknown#0001', metadata: metadata('x'), trace },
    ];
    const document = replay(null, lines);
    expect(document).toMatchObject({ status: 'completed', chunks: [{ metadata: metadata('alpha') }] });
    // A crash between writing the file and removing the journal replays it over the file.
    expect(replay(document, lines)).toEqual(document);
    expect(replay(null, [])).toBeNull();
  });
});

describe('fileNameOf', () => {
  it('stays in its folder, is short, and differs for every id', () => {
    const ids = [
      '../../etc/passwd',
      '..',
      '.',
      '',
      '/',
      'a/b',
      'a-b',
      'A-b',
      '中文/说明.md',
      `${'长'.repeat(500)}`,
      'a\u0000b',
      'CON',
      '...',
    ];
    const names = ids.map(fileNameOf);
    expect(new Set(names).size).toBe(ids.length);
    for (const name of names) {
      expect(name).toMatch(/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*-[0-9a-f]{10}$/u);
      expect(Buffer.byteLength(name)).toBeLessThan(220);
    }
    expect(fileNameOf('中文/说明.md')).toMatch(/^中文-说明\.md-/);
  });
});
