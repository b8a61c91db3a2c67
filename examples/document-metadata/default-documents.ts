import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileProblem, UnreadableSourceError } from './errors.ts';
import { byCodePoint } from './order.ts';
import { type ReadOptions, readDocuments, type SourceDocument } from './reading.ts';

/** Documents that the demo reads when it is given no folder: see this example's README for what that costs. */
export const DEFAULT_DOCUMENT_LIMIT = 500;

/**
 * The READMEs of the installed dependencies: real documents that every checkout has, in the order of their packages' names.
 *
 * @throws {UnreadableSourceError} nothing is installed
 */
export async function* defaultDocuments(options: ReadOptions = {}): AsyncGenerator<SourceDocument> {
  const root = installedPackages();
  yield* readDocuments(await readmesIn(root), { limit: DEFAULT_DOCUMENT_LIMIT, ...options, root });
}

/** The nearest `node_modules`, upward from this file: right in a checkout, in `dist/` and as an installed package. */
function installedPackages(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; ; folder = dirname(folder)) {
    if (basename(folder) === 'node_modules') return folder;
    if (existsSync(join(folder, 'node_modules'))) return join(folder, 'node_modules');
    if (folder === dirname(folder))
      throw new UnreadableSourceError(join(here, 'node_modules'), 'it does not exist');
  }
}

async function readmesIn(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await namesIn(root)) {
    if (name.startsWith('.')) continue;
    const packages = name.startsWith('@')
      ? (await namesIn(join(root, name))).map((inner) => join(name, inner))
      : [name];
    for (const one of packages) {
      const files = await namesIn(join(root, one)).catch(() => []);
      for (const file of files)
        if (/^readme.*\.(?:md|markdown)$/i.test(file)) found.push(join(root, one, file));
    }
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort(byCodePoint);
  } catch (error) {
    throw new UnreadableSourceError(folder, fileProblem(error));
  }
}
