import { Redis } from 'ioredis';
import { ioredisOptions, readRedisAddress, reconnectDelayMs, targetOf } from '../domain/redis-address.ts';
import { commandFailure } from '../domain/redis-failure.ts';

export interface ConnectionOptions {
  readonly url: string;
  /** No command waits longer than this, in milliseconds, whether connected or not. */
  readonly commandTimeoutMs: number;
  /** Shown in CLIENT LIST. */
  readonly name: string;
  /**
   * How long a worker's heartbeat lasts, in milliseconds. While Redis was away for this connection, or until so long
   * afterwards, no silent worker is judged dead: everybody's heartbeat has run out then. @default 0, at once
   */
  readonly heartbeatTtlMs?: number;
  /** Told of trouble; the connection goes on trying by itself. */
  readonly onError?: (error: Error) => void;
}

/** A connection that reconnects for ever and whose commands never hang. */
export function connectRedis(options: ConnectionOptions): Redis {
  const redis = new Redis({
    ...ioredisOptions(readRedisAddress(options.url)),
    connectionName: options.name,
    commandTimeout: options.commandTimeoutMs,
    maxRetriesPerRequest: null,
    retryStrategy: reconnectDelayMs,
  });
  redis.on('error', (error) => options.onError?.(explain(error, options, 'connection')));
  return redis;
}

/** A client's error on such a connection, in this library's terms. */
export function explain(error: unknown, options: ConnectionOptions, operation: string): Error {
  return commandFailure(error, {
    backend: 'redis',
    operation,
    target: targetOf(readRedisAddress(options.url)),
    timeoutMs: options.commandTimeoutMs,
  });
}
