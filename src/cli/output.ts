import pc from 'picocolors';

let isClosed = false;

/** Whoever read our output has gone (`hybrid status | head -1`): that is no failure, and no reason to stop half-way. */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
      if (stream === process.stdout) isClosed = true;
    });
  }
}

/** True when nobody reads our standard output any more. */
export function isOutputClosed(): boolean {
  return isClosed;
}

/** A line of the command's result, on standard output. */
export function print(text: string): void {
  if (!isClosed) process.stdout.write(`${text}\n`);
}

/** @param lines one line per value, for output that goes on @default false */
export function printJson(value: unknown, { lines = false } = {}): void {
  print(JSON.stringify(value, null, lines ? undefined : 2));
}

/** A line about the command, on standard error, so that a script's input stays clean. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Colours only where a person looks: a terminal without NO_COLOR. */
export const colors = pc.createColors(process.stdout.isTTY === true && pc.isColorSupported);

/** Resolves when everything that was printed is out. */
export async function flushed(): Promise<void> {
  const out = (stream: NodeJS.WriteStream) =>
    new Promise<void>((resolve) => {
      if (stream.writableLength === 0 || isClosed) resolve();
      else stream.write('', () => resolve());
    });
  await Promise.all([out(process.stdout), out(process.stderr)]);
}
