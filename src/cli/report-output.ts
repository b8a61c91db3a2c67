import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from './failure.ts';
import { say } from './output.ts';

/** The endings that say which form is meant. */
const FORMAT_OF: Readonly<Record<string, string>> = {
  '.html': 'html',
  '.htm': 'html',
  '.md': 'md',
  '.json': 'json',
  '.xml': 'junit',
};

export function formatOf(file: string): string | undefined {
  return FORMAT_OF[extname(file).toLowerCase()];
}

/**
 * Writes a report, with the folders that it needs. An older one of that name is replaced.
 * @returns the absolute path
 * @throws {UsageError} it cannot be written there
 */
export async function writeOut(file: string, text: string): Promise<string> {
  const path = resolve(file);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { mode: 0o600 });
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `The report cannot be written to ${file} (${code ?? 'unknown'}); allowed: a file in a folder that you may write to.`,
      { cause: error },
    );
  }
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** Shows a file in the browser; where there is none, says where the file is. */
export async function openInBrowser(path: string): Promise<void> {
  const [command = '', ...first] = OPENERS[process.platform] ?? ['xdg-open'];
  const url = pathToFileURL(path).href;
  const isOpened = await new Promise<boolean>((done) => {
    const child = spawn(command, [...first, url], { detached: true, stdio: 'ignore' });
    child.once('error', () => done(false));
    child.once('spawn', () => done(true));
    child.unref();
  });
  if (!isOpened) say(`No browser could be started; open ${url} yourself.`);
}
