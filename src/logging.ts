import { pino } from 'pino';
import type { LogLevel } from './config.ts';
import type { Logger } from './domain/logger.ts';

/** JSON lines on standard error, so that standard output stays a command's own. No payload is ever logged. */
export function createLogger(level: LogLevel): Logger {
  return pino({ name: 'hybrid', level }, pino.destination({ dest: 2, sync: true }));
}
