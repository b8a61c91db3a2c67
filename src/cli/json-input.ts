import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { UsageError } from './failure.ts';

/** @throws {UsageError} saying where, and never what: it may be somebody's data */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    const where = position === undefined ? '' : `, see character ${Number(position) + 1}`;
    throw new UsageError(`${what} is not JSON${where}. Allowed: one JSON value, like {"id": 1}.`);
  }
}

/** The whole of a file; `-` is standard input. */
export async function readText(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await openInput(file)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

export interface InputLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * The lines of a file one by one, without the empty ones, however long the file is.
 * @param signal ends them early, also where standard input is waited for
 */
export async function* readLines(file: string, signal?: AbortSignal): AsyncGenerator<InputLine> {
  const input = await openInput(file);
  const lines = createInterface({
    input,
    crlfDelay: Number.POSITIVE_INFINITY,
    ...(signal === undefined ? {} : { signal }),
  });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    const text = number === 1 ? line.replace(/^\uFEFF/, '') : line;
    if (text.trim() !== '') yield { number, text };
  }
}

async function openInput(file: string): Promise<Readable> {
  if (file === '-') return process.stdin;
  try {
    // Opened first: a readline interface does not pass on that there is no such file.
    const handle = await open(file);
    if (!(await handle.stat()).isDirectory()) return createReadStream('', { fd: handle });
    await handle.close();
    throw new UsageError(`${file} is a folder; allowed: a file, or - for standard input.`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as { code?: unknown };
    throw new UsageError(
      `${file} cannot be read (${String(code)}); allowed: a file, or - for standard input.`,
    );
  }
}
