import type { Logger } from '../../src/index.ts';

const SILENT = () => {};

/**
 * Warnings and errors as sentences, the same one only once in a row. Drift from the file is left out: the demo makes its
 * own ratio live.
 */
export function plainLog(say: (line: string) => void): Logger {
  let last = '';
  const tell = (kind: string) => (fields: Record<string, unknown>, message: string) => {
    const line = `${kind}: ${message.replace(/\s*\n\s*/g, ' ')}`;
    if (fields.drift !== undefined || line === last) return;
    last = line;
    say(line);
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
