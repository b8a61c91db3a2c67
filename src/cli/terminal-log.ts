import type { Logger } from '../index.ts';
import { say } from './output.ts';

const SILENT = () => {};

/**
 * Warnings and errors in words, for a person at a terminal; each once, as long as nothing else comes between.
 * Drift from the file is left out: the commands that are about it show it themselves.
 *
 * @param level `error`: no warnings, for a command that shows all of it anyway @default 'warn'
 */
export function terminalLog(level: 'warn' | 'error' = 'warn'): Logger {
  let last = '';
  const tell = (kind: string) => (fields: Record<string, unknown>, message: string) => {
    const line = `${kind}: ${message.replace(/\s*\n\s*/g, ' ')}${about(fields)}`;
    if (fields.drift !== undefined || line === last) return;
    last = line;
    say(line);
  };
  const log: Logger = {
    child: (fields) => withFields(log, fields),
    debug: SILENT,
    info: SILENT,
    warn: level === 'error' ? SILENT : tell('warning'),
    error: tell('error'),
  };
  return log;
}

function withFields(log: Logger, own: Record<string, unknown>): Logger {
  return {
    child: (fields) => withFields(log, { ...own, ...fields }),
    debug: (fields, message) => log.debug({ ...own, ...fields }, message),
    info: (fields, message) => log.info({ ...own, ...fields }, message),
    warn: (fields, message) => log.warn({ ...own, ...fields }, message),
    error: (fields, message) => log.error({ ...own, ...fields }, message),
  };
}

/** The ids that tell which task a line is about. */
function about(fields: Record<string, unknown>): string {
  const shown = ['id', 'task', 'queue'].filter((name) => typeof fields[name] === 'string');
  return shown.length === 0 ? '' : ` (${shown.map((name) => `${name} ${fields[name]}`).join(', ')})`;
}
