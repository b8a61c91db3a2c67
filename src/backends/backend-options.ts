/** The part of a pino logger that is used. */
export interface BackendLogger {
  warn(fields: Record<string, unknown>, message: string): void;
}

/** What both backends want to know. */
export interface BackendOptions {
  /** redis://[user:password@]host[:port][/db], or rediss:// for TLS. */
  readonly redisUrl: string;
  /** In front of every key of the product: `bq` is bee-queue's own default, `bull` BullMQ's. */
  readonly prefix?: string;
  /** No command waits longer than this, in milliseconds. @default 3000 */
  readonly commandTimeoutMs?: number;
  /** Told, once per outage, that the connection is lost. @default silent */
  readonly logger?: BackendLogger;
}

export const DEFAULT_COMMAND_TIMEOUT_MS = 3000;
