import { InvalidConfigError } from '../domain/errors.ts';

/** Where a Redis is, read once from its URL for both client libraries. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly isTls: boolean;
}

const ALLOWED = 'a URL like redis://host:6379 or redis://user:password@host:6379/0 (rediss:// for TLS)';

/** @throws {InvalidConfigError} without the URL itself, which may hold a password */
export function readRedisAddress(url: string): RedisAddress {
  const refuse = (given: string): never => {
    throw new InvalidConfigError('Redis URL', [{ path: 'redisUrl', given, allowed: ALLOWED }]);
  };
  if (!URL.canParse(url)) return refuse('something that is no URL');
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  if (protocol !== 'redis:' && protocol !== 'rediss:') return refuse(`a URL with ${protocol}`);
  if (!/^(\/\d{0,5})?$/.test(pathname)) return refuse('a URL whose database is not a number');
  try {
    return {
      host: hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
      port: port === '' ? 6379 : Number(port),
      username: decodeURIComponent(username) || undefined,
      password: decodeURIComponent(password) || undefined,
      db: Number(pathname.slice(1) || 0),
      isTls: protocol === 'rediss:',
    };
  } catch {
    return refuse('a URL whose user or password has a stray %');
  }
}

/** Host and port for messages: never user or password. */
export function targetOf(address: RedisAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** What ioredis is told about the server; a type of its own, because spreading ioredis's full option type breaks it. */
export interface IoredisAddress {
  host: string;
  port: number;
  db: number;
  username?: string;
  password?: string;
  tls?: Record<string, never>;
}

export function ioredisOptions(address: RedisAddress): IoredisAddress {
  const { host, port, username, password, db, isTls } = address;
  return {
    host,
    port,
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
  };
}

/** For node_redis 3, which bee-queue brings: it reads `user`, not `username`. */
export function nodeRedisOptions(address: RedisAddress): Record<string, unknown> {
  const { host, port, username, password, db, isTls } = address;
  return {
    host,
    port,
    db,
    ...(username === undefined ? {} : { user: username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
  };
}
