import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
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

/** Of each byte that is no UTF-8 Node makes the same sign, so that two different inputs would become one. */
const UTF_8 = new TextDecoder('utf-8', { fatal: true });
const NEW_LINE = 0x0a;

/** The whole of a file; `-` is standard input. @throws {UsageError} it cannot be read, or is no UTF-8 */
export async function readText(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await openInput(file)) chunks.push(chunk as Buffer);
  const text = decode(Buffer.concat(chunks));
  if (text === null) throw notUtf8(file === '-' ? 'Standard input' : file);
  return text;
}

export interface InputLine {
  /** From 1. */
  readonly number: number;
  /** null: it is no UTF-8. */
  readonly text: string | null;
}

/** @param what names the line in the error @throws {UsageError} it is no JSON */
export function parseLine({ text }: InputLine, what: string): unknown {
  if (text === null) throw notUtf8(what);
  return parseJson(text, what);
}

/**
 * The lines of a file one by one, without the empty ones, however long the file is.
 * @param signal ends them early, also where standard input is waited for
 */
export async function* readLines(file: string, signal?: AbortSignal): AsyncGenerator<InputLine> {
  let number = 0;
  for await (const bytes of byteLines(await openInput(file), signal)) {
    number += 1;
    const text = decode(bytes);
    if (text === null || text.trim() !== '') yield { number, text };
  }
}

/** Lines as they stand there: a newline is a byte that is part of no other character of UTF-8. */
async function* byteLines(input: Readable, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  try {
    for await (const chunk of signal ? addAbortSignal(signal, input) : input) {
      const bytes = chunk as Buffer;
      let from = 0;
      for (let to = bytes.indexOf(NEW_LINE); to !== -1; to = bytes.indexOf(NEW_LINE, from)) {
        begun.push(bytes.subarray(from, to));
        yield Buffer.concat(begun);
        begun = [];
        from = to + 1;
      }
      begun.push(bytes.subarray(from));
    }
  } catch (error) {
    if (signal?.aborted) return;
    throw error;
  }
  yield Buffer.concat(begun);
}

/** @returns null: it is no UTF-8 */
function decode(bytes: Buffer): string | null {
  try {
    // Leaves out a byte order mark.
    return UTF_8.decode(bytes);
  } catch {
    return null;
  }
}

function notUtf8(what: string): UsageError {
  return new UsageError(`${what} is not UTF-8. Allowed: JSON in UTF-8.`);
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
