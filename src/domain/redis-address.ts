import { InvalidConfigError, show } from './errors.ts';
import { hideSecrets } from './secrets.ts';
import { TlsConnector } from './tls-connector.ts';

/** Where a Redis is and how to get in, read once from its URL for every client library. Frozen. */
export interface RedisAddress {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  /** The connection is encrypted and the server's certificate is verified, always. */
  readonly isTls: boolean;
}

/** How an address may be written; also the `allowed` sentence of an error. */
export const REDIS_URL_ALLOWED =
  'a URL like redis://host:6379 or redis://user:password@host:6379/0 (rediss:// for TLS; special characters of a password as %XX)';

const DEFAULT_PORT = 6379;

/**
 * Reads `redis://[user:password@]host[:port][/db]`; `rediss://` for TLS. User and password are percent-encoded.
 * Celery insists on `?ssl_cert_reqs=...` behind rediss://, so such a query is accepted and dropped. Any other query is
 * refused, because ioredis would read it as options and redis would not.
 * @throws {InvalidConfigError} what is wrong with the URL; it never shows user or password
 */
export function readRedisAddress(url: string): RedisAddress {
  const refuse = (flaw: string): never => {
    const given = url.includes('://') ? `${show(hideSecrets(url))}, ${flaw}` : 'a text that is no URL';
    throw new InvalidConfigError('The Redis URL', [{ path: 'redisUrl', given, allowed: REDIS_URL_ALLOWED }]);
  };
  const [address = '', query, ...more] = url.split('?');
  if (!/^rediss?:\/\//.test(address)) return refuse('whose scheme is neither redis:// nor rediss://');
  const options = query?.split('&') ?? [];
  if (more.length > 0 || !options.every((option) => /^ssl_[a-z_]+=[^&]*$/.test(option))) {
    return refuse('whose query has more than the options ssl_...');
  }
  if (/[\s#]/.test(address) || !URL.canParse(address)) return refuse('which cannot be read');
  const { protocol, hostname, port, username, password, pathname } = new URL(address);
  if (hostname === '') return refuse('which names no host');
  if (port === '0') return refuse('whose port is 0');
  if (!/^(\/\d{0,5})?$/.test(pathname)) return refuse('whose database is not a number');
  try {
    return Object.freeze({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? DEFAULT_PORT : Number(port),
      username: decodeURIComponent(username) || undefined,
      password: decodeURIComponent(password) || undefined,
      db: Number(pathname.slice(1)),
      isTls: protocol === 'rediss:',
    });
  } catch {
    return refuse('whose user or password has a stray %');
  }
}

/** `host:port` for messages: never user or password. */
export function targetOf({ host, port }: RedisAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What ioredis is told about the server; a type of its own, because spreading ioredis's full option type breaks it. */
export interface IoredisAddress {
  host: string;
  port: number;
  db: number;
  username?: string;
  password?: string;
  tls?: Record<string, never>;
  /** ioredis asks for its own base class; what it uses of one is here. */
  Connector?: new (
    options: unknown,
  ) => never;
}

export function ioredisOptions({ host, port, username, password, db, isTls }: RedisAddress): IoredisAddress {
  return {
    host,
    port,
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {}, Connector: TlsConnector as unknown as new (options: unknown) => never } : {}),
  };
}

/** How long to wait before the next try to connect, in milliseconds: quick at first, never more than two seconds. */
export function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 6), 2000);
}
