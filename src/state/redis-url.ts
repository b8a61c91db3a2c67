import { InvalidConfigError } from '../domain/errors.ts';

/** Where a Redis is and how to get in, in ioredis's terms. */
export interface RedisAddress {
  readonly host?: string;
  readonly port?: number;
  /** Unix socket, instead of host and port. */
  readonly path?: string;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  /** 4 or 6: which kind of address a host name may resolve to. */
  readonly family?: number;
  /** Present for rediss://, absent for a plain connection. */
  readonly tls?: { readonly rejectUnauthorized?: boolean };
}

const ALLOWED =
  'redis://[user:password@]host[:port][/db], rediss://… for TLS, or unix:///path/to/redis.sock[?db=0]';

/**
 * Reads a Redis URL. The forms that Celery's settings use are understood too: `?ssl_cert_reqs=none` (no check of the
 * server's certificate), `?db=`, and `redis+socket://` for a Unix socket.
 * @throws {InvalidConfigError} any other scheme, option or a broken part; its message never holds the password
 */
export function redisOptionsFrom(url: string): RedisAddress {
  const parsed = parse(url);
  const query = queryOf(url, parsed.searchParams);
  const access = {
    ...(parsed.username === '' ? {} : { username: decoded(url, parsed.username) }),
    ...(parsed.password === '' ? {} : { password: decoded(url, parsed.password) }),
  };
  if (parsed.protocol === 'unix:' || parsed.protocol === 'redis+socket:') {
    if (!['', 'localhost'].includes(parsed.hostname) || parsed.pathname.length < 2)
      throw invalid(url, ALLOWED);
    return {
      path: decoded(url, parsed.pathname),
      ...access,
      ...(query.db === undefined ? {} : { db: query.db }),
    };
  }
  const db = parsed.pathname.length > 1 ? dbOf(url, parsed.pathname.slice(1)) : query.db;
  return {
    host: parsed.hostname === '' ? '127.0.0.1' : parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? 6379 : Number(parsed.port),
    ...access,
    ...(db === undefined ? {} : { db }),
    ...(query.family === undefined ? {} : { family: query.family }),
    ...(parsed.protocol === 'rediss:'
      ? { tls: query.isCertificateUnchecked ? { rejectUnauthorized: false } : {} }
      : {}),
  };
}

/** `host:port` or the socket's path, for messages: never user or password. */
export function targetOf(url: string): string {
  const { host, port, path } = redisOptionsFrom(url);
  if (path !== undefined) return path;
  return host?.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parse(url: string): URL {
  let parsed: URL;
  try {
    // A URL with a user must have a host, which a socket has not.
    parsed = new URL(url.replace(/^((?:unix|redis\+socket):\/\/[^/]*@)\//, '$1localhost/'));
  } catch {
    throw invalid(url, ALLOWED);
  }
  if (!['redis:', 'rediss:', 'unix:', 'redis+socket:'].includes(parsed.protocol)) throw invalid(url, ALLOWED);
  return parsed;
}

interface Query {
  db?: number;
  family?: number;
  isCertificateUnchecked?: boolean;
}

function queryOf(url: string, params: URLSearchParams): Query {
  const query: Query = {};
  for (const [name, value] of params) {
    if (name === 'db' || name === 'virtual_host') query.db = dbOf(url, value);
    else if (name === 'family' && /^[46]$/.test(value)) query.family = Number(value);
    else if (name === 'ssl_cert_reqs' && /^(CERT_)?(none|optional|required)$/i.test(value)) {
      query.isCertificateUnchecked = /none$/i.test(value);
    } else throw invalid(url, 'only the options db, family (4 or 6) and ssl_cert_reqs (none or required)');
  }
  return query;
}

function dbOf(url: string, text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw invalid(url, 'a whole number as database, like redis://host:6379/0');
  return Number(text);
}

function decoded(url: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(
      url,
      'user and password with % written as %25 and other special characters percent-encoded',
    );
  }
}

function invalid(url: string, allowed: string): InvalidConfigError {
  return new InvalidConfigError('The Redis URL', [{ path: 'url', given: masked(url), allowed }]);
}

/** Only what stands before :// and after the last @ is shown; an unreadable URL may hold its password anywhere else. */
function masked(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,30}:\/\//i.exec(url)?.[0] ?? '';
  const rest = url.slice(scheme.length);
  const at = rest.lastIndexOf('@');
  if (at >= 0) return JSON.stringify(`${scheme}***@${rest.slice(at + 1, at + 61)}`);
  if (scheme === '' && rest.length > 0) return 'a text that is no URL';
  return JSON.stringify(`${scheme}${rest.slice(0, 60)}`);
}
