import { BackendError, HybridTaskError, RedisUnreachableError, RedisUnsuitableError } from './errors.ts';
import { type RedisAddress, targetOf } from './redis-address.ts';

/** What is known about a try to connect, for saying why it failed. */
export interface ConnectionAttempt {
  readonly address: RedisAddress;
  readonly deadlineMs: number;
  /** What to correct, like REDIS_URL. @default 'the Redis URL' */
  readonly setting?: string;
  /** For TLS: the handshake is done, too. */
  readonly hasConnected: boolean;
  /** The deadline has ended the attempt. */
  readonly isLate: boolean;
  /** The server said so of itself. @default false */
  readonly isLoading?: boolean;
}

/** A command that was sent on a connection that reconnects by itself. */
export interface FailedCommand {
  /** Which backend, or `redis` for the shared state. */
  readonly backend: string;
  readonly operation: string;
  /** Host and port. */
  readonly target: string;
  readonly timeoutMs: number;
}

/** A cause in words, and what to do about it. */
type Explanation = readonly [problem: string, advice: string];

/** An attempt with its defaults. */
type Look = Required<ConnectionAttempt>;

/**
 * Why a first connection did not come about, in one clear sentence with what to do. The client library's own error is
 * dropped: it carries the command's arguments, here the password.
 */
export function connectionFailure(error: unknown, attempt: ConnectionAttempt): HybridTaskError {
  if (error instanceof HybridTaskError) return error;
  const look: Look = { setting: 'the Redis URL', isLoading: false, ...attempt };
  const target = targetOf(look.address);
  const { code, message } = partsOf(error);
  if (/DB index is out of range|invalid DB index|SELECT is not allowed/i.test(message)) {
    const advice = `Use another number at the end of ${look.setting}, like /0.`;
    return new RedisUnsuitableError(target, `it has no database ${look.address.db}`, advice);
  }
  const [problem, advice] =
    (look.isLate ? lateness(look) : undefined) ??
    byCode(look.setting, code) ??
    byWords(look, message) ??
    ending(look);
  return new RedisUnreachableError(target, problem, advice);
}

const CONNECTION_TROUBLE =
  /timed? ?out|connection is closed|connection lost|connection ended|connection in broken state|already closed|max retries per request|stream isn't writeable|E(CONN|PIPE|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)|socket (hang|closed)/i;

/**
 * Why a command failed: the connection (RedisUnreachableError), or what Redis or the client library says to the
 * command (BackendError). The library's own error is dropped: it carries the command's arguments, so the payload.
 */
export function commandFailure(error: unknown, command: FailedCommand): HybridTaskError {
  if (error instanceof HybridTaskError) return error;
  const { backend, operation, target, timeoutMs } = command;
  const { name, code, message } = partsOf(error);
  // What the server answered is no trouble with the connection, whatever words are in it.
  if (name === 'ReplyError' || !CONNECTION_TROUBLE.test(`${code} ${message}`)) {
    return new BackendError(backend, operation, problemOf(name, message));
  }
  if (/timed? ?out/i.test(`${code} ${message}`)) {
    return noAnswer(target, operation, ` within ${timeoutMs} ms`);
  }
  const cause = byCode('', code)?.[0];
  return noAnswer(target, operation, cause && `: ${cause}`);
}

/** For a command on a connection that reconnects by itself. */
export function noAnswer(
  target: string,
  operation: string,
  why = ': the connection is down',
): RedisUnreachableError {
  const advice = 'It is tried again by itself; see whether the server is up.';
  return new RedisUnreachableError(target, `no answer to ${operation}${why}`, advice);
}

/** Errors of Node's own modules are not instances of Error in every realm, so only their form counts. */
function partsOf(error: unknown): { name: string; code: string; message: string } {
  if (typeof error !== 'object' || error === null) return { name: '', code: '', message: String(error) };
  const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown };
  const textOf = (part: unknown) => (typeof part === 'string' ? part : '');
  return { name: textOf(name), code: textOf(code), message: textOf(message) };
}

/** What went wrong, without anything that could come from a payload. */
function problemOf(name: string, message: string): string {
  // V8 quotes the text it could not parse.
  if (name === 'SyntaxError') return 'unreadable JSON';
  const [line = ''] = message.split('\n', 1);
  // Redis repeats a command's arguments in "unknown command ... with args beginning with: ...".
  return line.replace(/[,;:]? with args.*$/i, '').slice(0, 120) || 'unknown problem';
}

function lateness({ deadlineMs, address, hasConnected, isLoading }: Look): Explanation {
  const within = `within ${deadlineMs} ms`;
  if (isLoading) {
    return [`it was still loading its data after ${deadlineMs} ms`, 'Wait until it has, then try again.'];
  }
  if (hasConnected) {
    return [
      `it took the connection but answered nothing ${within}`,
      'See whether the server hangs, or whether this is Redis at all; if the port speaks TLS, write rediss://.',
    ];
  }
  return address.isTls
    ? [
        `no TLS connection ${within}`,
        'If the port speaks plain Redis, write redis:// instead of rediss://; else see whether the server is up.',
      ]
    : [`no connection ${within}`, 'See whether the server is up and no firewall is in between.'];
}

const UNKNOWN_AUTHORITY = 'signed by an authority that is not trusted here';
const CERTIFICATE_PROBLEMS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: 'out of date',
  ERR_TLS_CERT_ALTNAME_INVALID: 'for another host name',
};

function byCode(setting: string, code: string): Explanation | undefined {
  // A word of its own: node_redis has a code UNCERTAIN_STATE.
  if (/(^|_)CERT(_|$)|^ERR_TLS_|^UNABLE_TO_/.test(code)) {
    return [
      `its TLS certificate is ${CERTIFICATE_PROBLEMS[code] ?? 'not trusted'}`,
      'Name the authority in NODE_EXTRA_CA_CERTS, or correct the host name.',
    ];
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return [
      'the TLS handshake failed',
      'If the port speaks plain Redis, write redis:// instead of rediss://.',
    ];
  }
  const correct = `correct ${setting}`;
  switch (code) {
    case 'ECONNREFUSED':
      return ['nothing listens there (connection refused)', `Start Redis, or ${correct}.`];
    case 'ENOTFOUND':
      return ['the host name is unknown', `See whether it is spelled right, and ${correct}.`];
    case 'EAI_AGAIN':
      return ['the host name could not be looked up', `See whether DNS works, or ${correct}.`];
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return [`no way to that host (${code})`, `See whether the network is up, or ${correct}.`];
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined; // the other end: what was going on says more
    default:
      return /^E[A-Z]+$/.test(code)
        ? [`connecting failed with ${code}`, `See what this machine allows, or ${correct}.`]
        : undefined;
  }
}

const TLS_ALERT = '21';
const LETTER_H = '72';

function byWords({ setting, address }: Look, text: string): Explanation | undefined {
  const firstByte = /^Unknown RESP type (\d+)/.exec(text)?.[1];
  if (firstByte === TLS_ALERT) {
    return ['it speaks TLS', `Write rediss:// instead of redis:// in ${setting}.`];
  }
  if (firstByte !== undefined) {
    const what = firstByte === LETTER_H ? 'a web server (HTTP)' : 'something other than Redis';
    return [`${what} answers there`, `See whether the port is right in ${setting}.`];
  }
  if (/NOAUTH|operation not permitted/.test(text)) {
    return ['it wants a password', `Write it into ${setting}: redis://user:password@host:port.`];
  }
  if (/WRONGPASS|invalid (username-)?password|invalid username|without any password/i.test(text)) {
    const given = address.username === undefined ? 'the password' : 'the user name or password';
    return [`it refuses ${given}`, `Correct ${setting}; special characters are percent-encoded there.`];
  }
  if (/^NOPERM/.test(text)) {
    return ['the user may not do what is needed', 'Grant the user all commands on its keys.'];
  }
  if (/^LOADING/.test(text)) {
    return ['it is still loading its data', 'Wait until it has, then try again.'];
  }
  if (text.includes('protected mode')) {
    return [
      'it is in protected mode and takes only local connections',
      'Give it a password or a bind address.',
    ];
  }
  if (text.includes('max number of clients')) {
    return ['it has as many clients as it takes', 'Raise its maxclients, or close some of them.'];
  }
  // What else the server says starts with a word in capitals; the rest is not repeated here.
  const word = /^[A-Z]{2,20}(?= )/.exec(text)?.[0];
  return word === undefined
    ? undefined
    : [`it answered with the error ${word}`, 'See its log for the reason.'];
}

function ending({ address, hasConnected }: Look): Explanation {
  if (address.isTls && !hasConnected) {
    return [
      'it ended the connection during the TLS handshake',
      'If the port speaks plain Redis, write redis:// instead of rediss://.',
    ];
  }
  return [
    'it ended the connection without an answer',
    'See whether this is Redis at all; if the port speaks TLS, write rediss://.',
  ];
}
