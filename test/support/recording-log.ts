import { inspect } from 'node:util';
import type { Logger } from '../../src/domain/logger.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps every line, whatever its level, so that a test can look for what must be there and for what must not. */
export class RecordingLog implements Logger {
  readonly lines: LogLine[];
  readonly #bound: Readonly<Record<string, unknown>>;

  constructor(lines: LogLine[] = [], bound: Readonly<Record<string, unknown>> = {}) {
    this.lines = lines;
    this.#bound = bound;
  }

  child(fields: Record<string, unknown>): RecordingLog {
    return new RecordingLog(this.lines, { ...this.#bound, ...fields });
  }

  debug(fields: Record<string, unknown>, message: string): void {
    this.#add('debug', fields, message);
  }

  info(fields: Record<string, unknown>, message: string): void {
    this.#add('info', fields, message);
  }

  warn(fields: Record<string, unknown>, message: string): void {
    this.#add('warn', fields, message);
  }

  error(fields: Record<string, unknown>, message: string): void {
    this.#add('error', fields, message);
  }

  /** All lines as one text, with everything that hides in their fields: an error's own properties, nested objects. */
  text(): string {
    return inspect(this.lines, { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity });
  }

  #add(level: LogLine['level'], fields: Record<string, unknown>, message: string): void {
    this.lines.push({ level, message, fields: { ...this.#bound, ...fields } });
  }
}
