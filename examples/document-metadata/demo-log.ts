import type { Logger } from '../../src/index.ts';
import { INJECTED_CODE } from './injection.ts';

const SILENT = () => {};

/**
 * Warnings and errors as sentences. Left out: drift from the file, because the demo makes its own ratio live, and each of the
 * failures that `--inject errors` asks for.
 */
export function plainLog(say: (line: string) => void): Logger {
  const tell = (kind: string) => (fields: Record<string, unknown>, message: string) => {
    if (fields.drift === undefined && fields.detail !== INJECTED_CODE)
      say(`${kind}: ${message.replace(/\s*\n\s*/g, ' ')}`);
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
