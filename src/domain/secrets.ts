const HIDDEN = '***';

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
