import { HybridTaskError, RedisUnreachableError, RedisUnsuitableError } from '../domain/errors.ts';
import type { RedisAddress } from './redis-url.ts';

/** What is known about a Redis while it is looked at. */
export interface Look {
  readonly target: string;
  /** The environment variable to correct. */
  readonly setting: string;
  readonly deadlineMs: number;
  readonly address: RedisAddress;
  hasConnected: boolean;
  isLoading: boolean;
  isLate: boolean;
}

/** A cause in words, and what to do about it. */
type Explanation = readonly [problem: string, advice: string];

/**
 * One clear sentence for whatever went wrong. The library's own error is dropped: it carries the command's
 * arguments, here the password.
 */
export function translate(look: Look, error: unknown): HybridTaskError {
  if (error instanceof HybridTaskError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' ? message : '';
  if (/DB index is out of range|SELECT is not allowed/i.test(text)) {
    return new RedisUnsuitableError(
      look.target,
      `it has no database ${look.address.db}`,
      `Use another number at the end of ${look.setting}, like /0.`,
    );
  }
  const [problem, advice] =
    (look.isLate ? lateness(look) : undefined) ??
    (typeof code === 'string' ? byCode(look, code) : undefined) ??
    byWords(look, text) ??
    ending(look);
  return new RedisUnreachableError(look.target, problem, advice);
}

export function refusalOf(error: unknown): 'not-permitted' | undefined {
  return /^(NOPERM|ERR unknown command)/.test((error as Error).message) ? 'not-permitted' : undefined;
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
  return address.tls
    ? [
        `no TLS connection ${within}`,
        'If the port speaks plain Redis, write redis:// instead of rediss://; else see whether the server is up.',
      ]
    : [`no connection ${within}`, 'See whether the server is up and no firewall is in between.'];
}

const CERTIFICATE_PROBLEMS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'signed by an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'signed by an authority that is not trusted here',
  CERT_HAS_EXPIRED: 'out of date',
  ERR_TLS_CERT_ALTNAME_INVALID: 'for another host name',
};

function byCode(look: Look, code: string): Explanation | undefined {
  const correct = `correct ${look.setting}`;
  const certificate = CERTIFICATE_PROBLEMS[code];
  if (certificate !== undefined) {
    return [
      `its TLS certificate is ${certificate}`,
      'Name the authority in NODE_EXTRA_CA_CERTS, or correct the host name.',
    ];
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return [
      'the TLS handshake failed',
      'If the port speaks plain Redis, write redis:// instead of rediss://.',
    ];
  }
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
    case 'ENOENT':
      return ['there is no such socket', `Start Redis, or ${correct}.`];
    case 'EACCES':
    case 'EPERM':
      return ['this user may not open it', 'Give the user access to the socket.'];
    default:
      return undefined;
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
  if (/WRONGPASS|invalid password|invalid username-password/.test(text)) {
    const given = address.username === undefined ? 'the password' : 'the user name or password';
    return [`it refuses ${given}`, `Correct ${setting}; special characters are percent-encoded there.`];
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
  if (address.tls && !hasConnected) {
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
