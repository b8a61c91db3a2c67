import { BackendError, HybridTaskError, RedisUnreachableError } from '../domain/errors.ts';
import type { BackendName } from '../domain/task.ts';

const CONNECTION_TROUBLE =
  /timed? ?out|connection is closed|connection lost|connection ended|connection in broken state|already closed|max retries per request|stream isn't writeable|E(CONN|PIPE|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)|socket (hang|closed)/i;

/**
 * A client library's error in this library's terms. The original is dropped on purpose: ioredis and redis put the
 * command's arguments, so the payload, on the error object.
 */
export function explain(error: unknown, backend: BackendName, operation: string, target: string): Error {
  if (error instanceof HybridTaskError) return error;
  const text = textOf(error);
  if (CONNECTION_TROUBLE.test(text)) {
    return new RedisUnreachableError(
      target,
      `no answer to ${operation}`,
      'It is tried again by itself; see whether the server is up.',
    );
  }
  return new BackendError(backend, operation, problemOf(error));
}

/** What went wrong, without anything that could come from a payload. */
export function problemOf(error: unknown): string {
  // V8 quotes the text it could not parse.
  if (error instanceof SyntaxError) return 'unreadable JSON';
  const [line = ''] = textOf(error).split('\n', 1);
  // Redis repeats a command's arguments in "unknown command ... with args beginning with: ...".
  return line.replace(/[,;:]? with args.*$/i, '').slice(0, 120) || 'unknown problem';
}

/** Why a first connection did not come about, with what to do. */
export function unreachable(
  error: unknown,
  target: string,
  isTls: boolean,
  deadlineMs: number,
): RedisUnreachableError {
  const text = textOf(error);
  const found = CAUSES.find(([pattern]) => pattern.test(text));
  if (found) return new RedisUnreachableError(target, found[1], found[2]);
  const otherScheme = isTls
    ? 'if it does not speak TLS, use redis:// instead of rediss://'
    : 'if it speaks TLS, use rediss:// instead of redis://';
  if (/in time|timed? ?out/i.test(text)) {
    const advice = `See whether the server is up; ${otherScheme}.`;
    return new RedisUnreachableError(target, `no answer within ${deadlineMs} ms`, advice);
  }
  if (/closed|ECONNRESET|socket hang|disconnected/i.test(text)) {
    const advice = `${otherScheme.replace('if', 'If')}.`;
    return new RedisUnreachableError(target, 'it closes the connection without an answer', advice);
  }
  return new RedisUnreachableError(target, problemOf(error), 'See what the server logs.');
}

const CAUSES: readonly (readonly [RegExp, string, string])[] = [
  [/ECONNREFUSED/, 'connection refused', 'Start the server, or correct host and port.'],
  [/ENOTFOUND|EAI_AGAIN/, 'unknown host name', 'Correct the host, or see whether DNS works.'],
  [/EHOSTUNREACH|ENETUNREACH/, 'no route to the host', 'Correct the host, or see whether the network is up.'],
  [/NOAUTH/, 'it wants a password', 'Put it into the URL: redis://:password@host:port.'],
  [
    /WRONGPASS|invalid (username-)?password|without any password|invalid username/i,
    'user or password is wrong',
    'Correct them in the URL.',
  ],
  [
    /wrong version number|EPROTO|packet length too long|unknown protocol/i,
    'it does not speak TLS',
    'Use redis:// instead of rediss://.',
  ],
  [
    /certificate|CERT_|ERR_TLS/i,
    'its TLS certificate is not trusted',
    'Name its authority in NODE_EXTRA_CA_CERTS.',
  ],
  [/NOPERM/, 'the user may not do what is needed', 'Grant the user all commands on its keys.'],
  [/DB index|invalid DB/i, 'it has no such database', 'Correct the number after the port.'],
];

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && !error.message.includes(code)
    ? `${code} ${error.message}`
    : error.message;
}
