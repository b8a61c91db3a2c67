import { Redis } from 'ioredis';
import { BackendError, RedisUnreachableError } from '../domain/errors.ts';
import { redisOptionsFrom, targetOf } from './redis-preflight.ts';

export interface ConnectionOptions {
  readonly url: string;
  /** No command waits longer than this, in milliseconds, whether connected or not. */
  readonly commandTimeoutMs: number;
  /** Shown in CLIENT LIST. */
  readonly name: string;
  /** Told of trouble; the connection goes on trying by itself. */
  readonly onError?: (error: Error) => void;
}

/** A connection that reconnects for ever and whose commands never hang. */
export function connectRedis(options: ConnectionOptions): Redis {
  const redis = new Redis({
    ...redisOptionsFrom(options.url),
    connectionName: options.name,
    commandTimeout: options.commandTimeoutMs,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 2000),
  });
  redis.on('error', (error) => options.onError?.(explain(error, options, 'connection')));
  return redis;
}

/**
 * A client library's error put into this library's terms. The original is dropped on purpose: it carries the
 * command's arguments, so the payload.
 */
export function explain(
  error: unknown,
  options: Pick<ConnectionOptions, 'url' | 'commandTimeoutMs'>,
  operation: string,
): Error {
  const message = error instanceof Error ? error.message : String(error);
  if (
    /timed out|Connection is closed|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|Stream isn't writeable/i.test(
      message,
    )
  ) {
    return new RedisUnreachableError(
      targetOf(options.url),
      `no answer to ${operation} within ${options.commandTimeoutMs} ms`,
      'It is tried again by itself; see whether the server is up.',
    );
  }
  // Redis's own words end where a script's arguments could begin.
  return new BackendError('redis', operation, (message.split(/[\n:]/, 2)[0] ?? '').slice(0, 120));
}
