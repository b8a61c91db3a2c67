const HIDDEN = '***';

/** How an address may be written; also the `allowed` sentence of an error. */
export const REDIS_URL_ALLOWED =
  'a URL like redis://host:6379 or redis://user:password@host:6379/0 (rediss:// for TLS; special characters of a password as %XX)';

/**
 * The address without what only Celery understands, or null if it is not one.
 * Celery insists on `?ssl_cert_reqs=...` behind rediss://, so such a query is accepted and dropped: certificates are
 * always verified here. Any other query is refused, because ioredis would read it as options and redis would not.
 */
export function readRedisUrl(given: string): string | null {
  const [address = '', query, ...rest] = given.split('?');
  if (rest.length > 0 || !/^rediss?:\/\/[^\s#]+$/.test(address)) return null;
  if (query !== undefined && !query.split('&').every((part) => /^ssl_[a-z_]+=[^&]*$/.test(part))) return null;
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (url.hostname === '' || url.port === '0' || !/^(\/\d{0,5})?$/.test(url.pathname)) return null;
  try {
    decodeURIComponent(url.username);
    decodeURIComponent(url.password);
  } catch {
    return null;
  }
  return address;
}

/**
 * A text that may be shown: whatever in it could be a password or a key is replaced by `***`.
 * Works on broken URLs too, since those are the ones that end up in error messages; rather hides too much.
 */
export function hideSecrets(text: string): string {
  if (/^(sdk|api|mob)-[0-9a-z-]{8,}$/i.test(text)) return `${text.slice(0, 4)}${HIDDEN}`;
  const scheme = /^[a-z][a-z0-9+.-]*:\/*/i.exec(text)?.[0] ?? '';
  if (!scheme.includes('/') && !text.includes('@')) return text;
  const rest = text.slice(scheme.includes('/') ? scheme.length : 0);
  const start = scheme.includes('/') ? scheme : '';
  const at = rest.lastIndexOf('@');
  const host = at >= 0 ? rest.slice(at + 1) : rest;
  const shownHost = host.replace(/[?#].*$/s, `?${HIDDEN}`);
  if (at >= 0) return `${start}${HIDDEN}@${shownHost}`;
  // `redis://:password` and `redis://user:password`, where the host was forgotten.
  return start + shownHost.replace(/^([^:/[\]]*):(?!\d{1,5}(\/|\?|$))[^/]*|^:.*/s, `$1:${HIDDEN}`);
}
