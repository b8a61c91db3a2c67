import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defaultDocuments } from '../../../examples/document-metadata/default-documents.ts';
import { UnreadableSourceError } from '../../../examples/document-metadata/errors.ts';
import {
  MAX_FILE_BYTES,
  type ReadOptions,
  readDocuments,
  type SkippedFile,
  type SourceDocument,
} from '../../../examples/document-metadata/reading.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reading-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function read(source: string | readonly string[] = folder, options: ReadOptions = {}) {
  const documents: SourceDocument[] = [];
  const skipped: SkippedFile[] = [];
  for await (const document of readDocuments(source, { ...options, onSkipped: (one) => skipped.push(one) }))
    documents.push(document);
  const reasons = Object.fromEntries(skipped.map(({ path, reason }) => [relative(folder, path), reason]));
  return { documents, ids: documents.map(({ documentId }) => documentId), reasons };
}

describe('readDocuments', () => {
  it('reads the four kinds, subfolders too, in the order of their ids, and nothing else', async () => {
    await put('b.TXT', 'Plain.');
    await put('a/说明.md', '# 说明\n\n任务');
    await put('a/page.htm', '<title>Page</title><p>Hello');
    await put('c.markdown', 'No heading here, only a very long first line.');
    await put('d.json', '{}');
    const { documents, reasons } = await read();
    expect(documents.map(({ documentId, title, text }) => [documentId, title, text])).toEqual([
      ['a/page.htm', 'Page', 'Hello'],
      ['a/说明.md', '说明', '说明\n\n任务'],
      ['b.TXT', 'Plain.', 'Plain.'],
      ['c.markdown', 'c', 'No heading here, only a very long first line.'],
    ]);
    expect(reasons).toEqual({});
  });

  it('skips what it cannot use and says why', async () => {
    await put('empty.md', '');
    await put('only-image.md', '![x](y.png)');
    await put('huge.txt', new Uint8Array(MAX_FILE_BYTES + 1).fill(65));
    await put('binary.txt', Uint8Array.of(65, 0, 66));
    await put('gbk.txt', Uint8Array.of(0xc8, 0xce, 0xce, 0xf1));
    await put('utf16.txt', Buffer.from('\uFEFFhi', 'utf16le'));
    await put('deep.html', '<div>'.repeat(5000));
    await put('node_modules/x/README.md', 'x');
    await put('.git/x.md', 'x');
    await put('good.md', '\uFEFFGood.');
    execFileSync('mkfifo', [join(folder, 'pipe.md')]);
    await symlink('nowhere.md', join(folder, 'broken.md'));
    await symlink('circle.md', join(folder, 'circle.md'));
    const { documents, reasons } = await read();
    expect(documents.map(({ documentId, text }) => [documentId, text])).toEqual([['good.md', 'Good.']]);
    expect(reasons).toEqual({
      'empty.md': 'empty',
      'only-image.md': 'no text in it',
      'huge.txt': 'too large: 5.0 MiB; at most 5 MiB',
      'binary.txt': 'binary',
      'gbk.txt': 'not UTF-8 text',
      'utf16.txt': 'UTF-16; save it as UTF-8',
      'deep.html': 'its markup cannot be parsed (nested too deeply?)',
      'pipe.md': 'not a regular file',
      'broken.md': 'it does not exist',
      'circle.md': 'its links go in a circle',
      node_modules: 'folder of installed packages',
      '.git': 'hidden folder',
    });
  });

  it('follows links to files and not links to folders, so that it ends', async () => {
    await put('sub/real.md', 'Real.');
    await symlink('sub/real.md', join(folder, 'link.md'));
    await symlink('..', join(folder, 'sub/up'));
    const { ids, reasons } = await read();
    expect(ids).toEqual(['link.md', 'sub/real.md']);
    expect(reasons).toEqual({ 'sub/up': 'link to a folder, not followed' });
  });

  it('goes on after a file or folder without permission', async () => {
    const locked = await put('locked.md', 'x');
    await put('closed/x.md', 'x');
    await put('open.md', 'Open.');
    await chmod(locked, 0);
    await chmod(join(folder, 'closed'), 0);
    const { ids, reasons } = await read();
    await chmod(join(folder, 'closed'), 0o700);
    // The superuser may read everything; anybody else is told.
    const isSuperuser = process.getuid?.() === 0;
    expect(ids).toEqual(isSuperuser ? ['closed/x.md', 'locked.md', 'open.md'] : ['open.md']);
    expect(reasons).toEqual(
      isSuperuser ? {} : { closed: 'folder: no permission', 'locked.md': 'no permission' },
    );
  });

  it('stops at the limit, which skipped files do not use up', async () => {
    await put('1.md', '');
    for (const name of ['2.md', '3.md', '4.md']) await put(name, 'x');
    expect((await read(folder, { limit: 2 })).ids).toEqual(['2.md', '3.md']);
  });

  it('spells ids in NFC and takes the second of two spellings of one name for what it is', async () => {
    await put('caf\u00e9.md', 'x');
    await put('cafe\u0301.md', 'y');
    const { ids, reasons } = await read();
    expect(ids).toEqual(['caf\u00e9.md']);
    expect(Object.values(reasons)).toEqual(['another file has the same name in another Unicode spelling']);
  });

  it('reads one file, and a list of files with ids from their common folder', async () => {
    const one = await put('x/one.md', '1');
    const two = await put('x/y/two.md', '2');
    const other = await put('x/other.pdf', '3');
    expect((await read(one)).ids).toEqual(['one.md']);
    const { ids, reasons } = await read([two, one, one, other]);
    expect(ids).toEqual(['y/two.md', 'one.md']);
    expect(reasons).toEqual({ 'x/other.pdf': 'not a kind of file that is read here' });
    expect((await read([two], { root: folder })).ids).toEqual(['x/y/two.md']);
    expect((await read([])).ids).toEqual([]);
  });

  it('refuses a folder that is not there, in a sentence', async () => {
    const missing = read(join(folder, 'nope'));
    await expect(missing).rejects.toThrow(UnreadableSourceError);
    await expect(missing).rejects.toThrow(
      /nope cannot be read: it does not exist; allowed: a folder or file/,
    );
  });
});

describe('defaultDocuments', () => {
  it('finds the READMEs of the installed packages, in a stable order', async () => {
    const ids: string[] = [];
    for await (const { documentId, text } of defaultDocuments({ limit: 40 })) {
      expect(text).not.toBe('');
      ids.push(documentId);
    }
    expect(ids).toHaveLength(40);
    expect(new Set(ids).size).toBe(40);
    expect(ids.some((id) => id.startsWith('@'))).toBe(true);
    for (const id of ids) expect(basename(id)).toMatch(/^readme.*\.(md|markdown)$/i);
  });
});
