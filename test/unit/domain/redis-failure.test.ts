import { describe, expect, it } from '@jest/globals';
import {
  BackendError,
  ClosedError,
  RedisUnreachableError,
  RedisUnsuitableError,
} from '../../../src/domain/errors.ts';
import { readRedisAddress } from '../../../src/domain/redis-address.ts';
import {
  type ConnectionAttempt,
  commandFailure,
  connectionFailure,
} from '../../../src/domain/redis-failure.ts';

const SECRET = 'very-s3cret';

/** As the client libraries make them: the command with its arguments hangs on the error. */
function clientError(message: string, parts: { readonly code?: string; readonly name?: string } = {}): Error {
  return Object.assign(new Error(message), { command: { name: 'auth', args: [SECRET] } }, parts);
}

function expectNoSecret(error: Error): void {
  const text = JSON.stringify({ ...error, message: error.message, stack: error.stack, cause: error.cause });
  expect(text).not.toContain(SECRET);
}

describe('connectionFailure', () => {
  const failure = (error: unknown, attempt: Partial<ConnectionAttempt> = {}, scheme = 'redis') => {
    const found = connectionFailure(error, {
      address: readRedisAddress(`${scheme}://:${SECRET}@host:1/9`),
      deadlineMs: 500,
      hasConnected: true,
      isLate: false,
      ...attempt,
    });
    expectNoSecret(found);
    return found;
  };

  it.each([
    [
      'ECONNREFUSED',
      /nothing listens there \(connection refused\)\. Start Redis, or correct the Redis URL\.$/,
    ],
    ['ENOTFOUND', /the host name is unknown\. .* correct the Redis URL/],
    ['EAI_AGAIN', /could not be looked up\. See whether DNS works/],
    ['EHOSTUNREACH', /no way to that host \(EHOSTUNREACH\)/],
    ['EPERM', /connecting failed with EPERM/],
    ['EPROTO', /TLS handshake failed\. .* write redis:\/\/ instead of rediss:\/\//],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /TLS handshake failed/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /certificate is signed by itself\. .*NODE_EXTRA_CA_CERTS/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /certificate is signed by an authority that is not trusted here/],
    ['CERT_HAS_EXPIRED', /certificate is out of date/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /certificate is for another host name/],
    ['CERT_REVOKED', /certificate is not trusted/],
    ['ECONNRESET', /ended the connection without an answer/],
  ])('explains the code %s', (code, sentence) => {
    const error = failure(clientError(`some ${SECRET} text`, { code }));
    expect(error).toBeInstanceOf(RedisUnreachableError);
    expect(error.message).toMatch(/^Redis at host:1: /);
    expect(error.message).toMatch(sentence);
  });

  it.each([
    ['NOAUTH Authentication required.', /wants a password\. Write it into the Redis URL/],
    ['WRONGPASS invalid username-password pair or user is disabled.', /refuses the password/],
    ['ERR invalid password', /refuses the password/],
    ["NOPERM User x has no permissions to run the 'ping' command", /may not do what is needed\. Grant/],
    ['LOADING Redis is loading the dataset in memory', /still loading its data\. Wait/],
    ['DENIED Redis is running in protected mode because', /in protected mode/],
    ['ERR max number of clients reached', /as many clients as it takes/],
    [`MISCONF ${SECRET}`, /answered with the error MISCONF/],
    ['Unknown RESP type 72', /a web server \(HTTP\) answers there/],
    ['Unknown RESP type 83', /something other than Redis answers there/],
    ['Unknown RESP type 21', /it speaks TLS\. Write rediss:\/\/ instead of redis:\/\/ in the Redis URL/],
    ['Connection is closed.', /ended the connection without an answer/],
  ])('explains %s', (message, sentence) => {
    expect(failure(clientError(message)).message).toMatch(sentence);
  });

  it('names the user where one was given, and the setting to correct', () => {
    const address = readRedisAddress(`redis://someone:${SECRET}@host`);
    const error = failure(clientError('WRONGPASS'), { address, setting: 'CELERY_BROKER_URL' });
    expect(error.message).toMatch(/refuses the user name or password\. Correct CELERY_BROKER_URL/);
  });

  it('tells a database that is not there from a server that is not', () => {
    const error = failure(clientError('ERR DB index is out of range'));
    expect(error).toBeInstanceOf(RedisUnsuitableError);
    expect(error.message).toContain('it has no database 9. Use another number');
  });

  it.each<[Partial<ConnectionAttempt>, string, RegExp]>([
    [{ isLoading: true }, 'redis', /still loading its data after 500 ms/],
    [{ hasConnected: true }, 'redis', /took the connection but answered nothing within 500 ms/],
    [{ hasConnected: false }, 'redis', /no connection within 500 ms\. .*firewall/],
    [{ hasConnected: false }, 'rediss', /no TLS connection within 500 ms\. .*redis:\/\/ instead of rediss/],
  ])('says how far it had come at the deadline: %j, %s', (attempt, scheme, sentence) => {
    expect(failure(undefined, { ...attempt, isLate: true }, scheme).message).toMatch(sentence);
    expect(
      failure(clientError('Connection is closed.'), { ...attempt, isLate: true }, scheme).message,
    ).toMatch(sentence);
  });

  it('tells a TLS handshake that was cut off', () => {
    const cut = { hasConnected: false };
    expect(failure(clientError('Connection is closed.'), cut, 'rediss').message).toMatch(
      /during the TLS handshake/,
    );
  });

  it("leaves this library's own errors alone", () => {
    const own = new ClosedError('It');
    const address = readRedisAddress('redis://h');
    expect(connectionFailure(own, { address, deadlineMs: 1, hasConnected: false, isLate: false })).toBe(own);
  });
});

describe('commandFailure', () => {
  const failure = (error: unknown) => {
    const command = { backend: 'canary', operation: 'enqueue', target: 'host:1', timeoutMs: 500 };
    const found = commandFailure(error, command);
    expectNoSecret(found);
    return found;
  };

  it.each([
    ['Command timed out', {}, ' within 500 ms'],
    ['connect ETIMEDOUT', { code: 'ETIMEDOUT' }, ' within 500 ms'],
    ["Socket timeout. Expecting data, but didn't receive any in 500ms.", {}, ' within 500 ms'],
    ['Connection is closed.', {}, ': the connection is down'],
    ['Reached the max retries per request limit (which is 0).', {}, ': the connection is down'],
    ["Stream isn't writeable and enableOfflineQueue options is false", {}, ': the connection is down'],
    [
      'Redis connection lost and command aborted. It might have been processed.',
      {},
      ': the connection is down',
    ],
    ['read ECONNRESET', { code: 'ECONNRESET' }, ': the connection is down'],
    ['write EPIPE', { code: 'EPIPE' }, ': the connection is down'],
    ['', { code: 'ECONNREFUSED' }, ': nothing listens there (connection refused)'],
    ['getaddrinfo ENOTFOUND host', { code: 'ENOTFOUND' }, ': the host name is unknown'],
  ])('calls %j trouble with the connection', (message, parts, why) => {
    const error = failure(clientError(message, parts));
    expect(error).toBeInstanceOf(RedisUnreachableError);
    expect(error.message).toBe(
      `Redis at host:1: no answer to enqueue${why}. It is tried again by itself; see whether the server is up.`,
    );
  });

  it.each([
    ['WRONGTYPE Operation against a key', 'WRONGTYPE Operation against a key'],
    ['ERR timeout is not a float or out of range', 'ERR timeout is not a float or out of range'],
    ['ERR user_script:5: bad', 'ERR user_script:5: bad'],
    [`ERR unknown command 'X', with args beginning with: '${SECRET}'`, "ERR unknown command 'X'"],
    [`ERR unknown command \`X\`, with args beginning with: \`${SECRET}\`, `, 'ERR unknown command `X`'],
    [`Missing lock\n${SECRET}`, 'Missing lock'],
    [`${'x'.repeat(120)}${SECRET}`, 'x'.repeat(120)],
    ['', 'unknown problem'],
  ])('repeats of an answer what holds no payload: %j', (message, problem) => {
    const error = failure(clientError(message, { name: 'ReplyError' }));
    expect(error).toBeInstanceOf(BackendError);
    expect(error).toMatchObject({ backend: 'canary', operation: 'enqueue', problem });
  });

  it('never repeats what could not be parsed', () => {
    const broken = new SyntaxError(`Unexpected token in JSON: ${SECRET}`);
    expect(failure(broken)).toMatchObject({ code: 'E_BACKEND', problem: 'unreadable JSON' });
  });

  it('takes what is no Error at all', () => {
    expect(failure(undefined)).toBeInstanceOf(BackendError);
    expect(failure({ args: [SECRET] })).toMatchObject({ problem: 'unknown problem' });
    expect(failure('Connection is closed.')).toBeInstanceOf(RedisUnreachableError);
  });

  it("leaves this library's own errors alone", () => {
    const own = new ClosedError('It');
    expect(failure(own)).toBe(own);
  });
});

it('does not take a word in a code for a certificate', () => {
  const lost = clientError('Redis connection lost and command aborted.', { code: 'UNCERTAIN_STATE' });
  const command = { backend: 'stable', operation: 'consume', target: 'host:1', timeoutMs: 1 } as const;
  expect(commandFailure(lost, command).message).not.toContain('certificate');
});
