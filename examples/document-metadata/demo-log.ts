import type { Logger } from '../../src/index.ts';

const SILENT = () => {};

/** Warnings and errors as sentences. Drift from the file is left out: the demo makes its own ratio live. */
export function plainLog(say: (line: string) => void): Logger {
  const tell = (kind: string) => (fields: Record<string, unknown>, message: string) => {
    if (fields.drift === undefined) say(`${kind}: ${message.replace(/\s*\n\s*/g, ' ')}`);
  };
  const log: Logger = {
    child: () => log,
    debug: SILENT,
    info: SILENT,
    warn: tell('warning'),
    error: tell('error'),
  };
  return log;
}
