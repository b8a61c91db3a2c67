import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { fileProblem, UnreadableSourceError } from './errors.ts';
import { byCodePoint } from './order.ts';
import { htmlToText, markdownToText, type PlainText, plainText } from './plain-text.ts';

export interface SourceDocument {
  /** Path below the folder that was read, with `/` and in Unicode NFC: the same on every machine and run. */
  readonly documentId: string;
  readonly path: string;
  readonly title: string;
  readonly text: string;
}

export interface SkippedFile {
  readonly path: string;
  /** In words, for a person. */
  readonly reason: string;
}

export interface ReadOptions {
  /** Documents at most. @default no limit */
  readonly limit?: number;
  /** Document ids of a list of files are taken from here. @default the folder that all files have in common */
  readonly root?: string;
  /** Told once, before the first document, how many files are going to be read. */
  readonly onFound?: (files: number) => void;
  /** Told of every file that looked like a document and could not be used, and of every folder that was passed over. */
  readonly onSkipped?: (skipped: SkippedFile) => void;
}

/** Bigger files are refused: they are data, not prose. */
export const MAX_FILE_BYTES = 5 * 1024 * 1024;

const READERS: Record<string, (source: string) => PlainText> = {
  '.md': markdownToText,
  '.markdown': markdownToText,
  '.txt': plainText,
  '.html': htmlToText,
  '.htm': htmlToText,
};
/** Read as one piece, a byte of another encoding is an error and not a silent `�`. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Documents of a folder (with its subfolders), of one file, or of a list of files, one at a time, in the order of their
 * ids. Links to folders are not followed; hidden folders and `node_modules` are passed over.
 *
 * @throws {UnreadableSourceError} the folder, or the single file, does not exist or may not be read
 */
export async function* readDocuments(
  source: string | readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<SourceDocument> {
  const skip = (path: string, reason: string) => options.onSkipped?.({ path, reason });
  const { root, files } =
    typeof source === 'string'
      ? await filesOf(resolve(source), skip)
      : listOf(
          source.map((file) => resolve(file)),
          options.root,
        );
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const seen = new Set<string>();
  options.onFound?.(files.length);
  let count = 0;
  for (const path of files) {
    if (count >= limit) return;
    const documentId = relative(root, path).split(sep).join('/').normalize('NFC');
    if (seen.has(documentId)) {
      skip(path, 'another file has the same name in another Unicode spelling');
      continue;
    }
    seen.add(documentId);
    const found = await readDocument(path);
    if ('reason' in found) {
      skip(path, found.reason);
      continue;
    }
    count++;
    yield { documentId, path, ...found };
  }
}

async function filesOf(path: string, skip: (path: string, reason: string) => void) {
  let root: string;
  try {
    // The folder itself may be a link.
    root = await realpath(path);
    if ((await stat(root)).isFile()) return { root: dirname(root), files: [root] };
    await readdir(root);
  } catch (error) {
    throw new UnreadableSourceError(path, fileProblem(error));
  }
  const files: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: Awaited<ReturnType<typeof listFolder>>;
    try {
      entries = await listFolder(folder);
    } catch (error) {
      skip(folder, `folder: ${fileProblem(error)}`);
      continue;
    }
    for (const entry of entries) {
      const entryPath = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (entry.name === 'node_modules') skip(entryPath, 'folder of installed packages');
        else if (entry.name.startsWith('.')) skip(entryPath, 'hidden folder');
        else folders.push(entryPath);
      } else if (isDocument(entry.name)) files.push(entryPath);
      // A link could lead back to a folder above it, or out of what was asked for.
      else if (entry.isSymbolicLink() && (await isFolder(entryPath)))
        skip(entryPath, 'link to a folder, not followed');
    }
  }
  return { root, files: files.sort((a, b) => byCodePoint(relative(root, a), relative(root, b))) };
}

function listFolder(folder: string) {
  return readdir(folder, { withFileTypes: true });
}

function isDocument(name: string): boolean {
  return Object.hasOwn(READERS, extname(name).toLowerCase());
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function listOf(files: readonly string[], root: string | undefined) {
  const unique = [...new Set(files)];
  return { root: root === undefined ? folderInCommon(unique) : resolve(root), files: unique };
}

function folderInCommon(files: readonly string[]): string {
  const [first = [], ...others] = files.map((file) => dirname(file).split(sep));
  const shared = first.findIndex((part, i) => others.some((other) => other[i] !== part));
  return (shared === -1 ? first : first.slice(0, shared)).join(sep) || sep;
}

async function readDocument(
  path: string,
): Promise<Omit<SourceDocument, 'documentId' | 'path'> | { reason: string }> {
  const convert = READERS[extname(path).toLowerCase()];
  if (convert === undefined) return { reason: 'not a kind of file that is read here' };
  let bytes: Buffer;
  try {
    const found = await stat(path);
    // Opening a named pipe would wait for ever.
    if (!found.isFile()) return { reason: found.isDirectory() ? 'it is a folder' : 'not a regular file' };
    if (found.size > MAX_FILE_BYTES) return { reason: tooLarge(found.size) };
    bytes = await readFile(path);
  } catch (error) {
    return { reason: fileProblem(error) };
  }
  if (bytes.length > MAX_FILE_BYTES) return { reason: tooLarge(bytes.length) };
  if (bytes.length === 0) return { reason: 'empty' };
  if (/^(?:fffe|feff)$/.test(bytes.toString('hex', 0, 2))) return { reason: 'UTF-16; save it as UTF-8' };
  if (bytes.includes(0)) return { reason: 'binary' };
  let source: string;
  try {
    source = utf8.decode(bytes);
  } catch {
    return { reason: 'not UTF-8 text' };
  }
  let converted: PlainText;
  try {
    converted = convert(source);
  } catch {
    // Whatever a parser stumbles over in one file, the others are still to be read.
    return { reason: 'its markup cannot be parsed (nested too deeply?)' };
  }
  const { title, text } = converted;
  if (text === '') return { reason: 'no text in it' };
  return { title: (title ?? basename(path, extname(path))).slice(0, 200), text };
}

function tooLarge(bytes: number): string {
  return `too large: ${(bytes / 1024 / 1024).toFixed(1)} MiB; at most ${MAX_FILE_BYTES / 1024 / 1024} MiB`;
}
