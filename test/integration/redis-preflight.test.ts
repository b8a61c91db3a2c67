import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { InvalidConfigError, RedisUnreachableError, RedisUnsuitableError } from '../../src/domain/errors.ts';
import { freePort } from '../../src/free-port.ts';
import { type PreflightOptions, preflight } from '../../src/state/redis-preflight.ts';
import {
  expectNoLeakedConnections,
  plainClient,
  redisUrl,
  startRedis,
  uniqueName,
} from '../support/redis.ts';

const SECRET = 'very-s3cret';
/** Longer than anything here takes, shorter than a test's time limit. */
const patient: PreflightOptions = { deadlineMs: 10_000 };
/** For servers that never answer. */
const hasty: PreflightOptions = { deadlineMs: 1_000 };

const listeners: Server[] = [];
async function listen(server: Server): Promise<number> {
  server.on('connection', (socket: Socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  listeners.push(server);
  return (server.address() as AddressInfo).port;
}

async function refusal(url: string, options: PreflightOptions = patient): Promise<Error> {
  const error = await preflight(url, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) throw new Error(`preflight accepted ${url}`);
  expect(JSON.stringify({ ...error, message: error.message, cause: error.cause })).not.toContain(SECRET);
  return error;
}

afterEach(async () => {
  for (const server of listeners.splice(0)) {
    const closed = once(server, 'close');
    server.close();
    // A connection that preflight had left open would hold this up until the test's time limit.
    await closed;
  }
});
afterAll(() => expectNoLeakedConnections());

describe('preflight accepts', () => {
  it('a usable server, and tells its version and run', async () => {
    const info = await plainClient().info('server');
    expect(await preflight(redisUrl(), patient)).toEqual({
      version: /redis_version:(\S+)/.exec(info)?.[1],
      runId: /run_id:(\w+)/.exec(info)?.[1],
      evicts: false,
      notes: [],
    });
  });

  it('a password, with or without a user, and a database', async () => {
    const server = await startRedis({ requirepass: 'p@ss/word' });
    expect((await preflight(`${server.url}/3`, patient)).notes).toEqual([]);
    expect((await preflight(server.url.replace('//:', '//default:'), patient)).notes).toEqual([]);
  });

  it('a password that the server does not ask for, with a note', async () => {
    const server = await startRedis();
    const { notes } = await preflight(server.url.replace('//', `//:${SECRET}@`), patient);
    expect(notes).toEqual(['The URL has a password, but the server asks for none.']);
  });

  it('a user who may not look at the server, with notes', async () => {
    const server = await startRedis();
    const limited = uniqueName('limited');
    await plainClient(server.url).acl(
      'SETUSER',
      limited,
      'on',
      `>${SECRET}`,
      '~*',
      '+@all',
      '-info',
      '-config',
    );
    const report = await preflight(server.url.replace('//', `//${limited}:${SECRET}@`), patient);
    expect(report).toMatchObject({ version: undefined, runId: undefined, evicts: false });
    expect(report.notes).toEqual([
      expect.stringContaining('may not run INFO'),
      expect.stringContaining('eviction policy could not be read'),
    ]);
  });

  it('an evicting server when told to, with a note', async () => {
    const server = await startRedis({ maxmemory: '50mb', maxmemoryPolicy: 'allkeys-lru' });
    const report = await preflight(server.url, { ...patient, allowEviction: true });
    expect(report.evicts).toBe(true);
    expect(report.notes).toEqual([expect.stringContaining('allkeys-lru')]);
  });

  it('a server that is still loading, once it has loaded', async () => {
    const port = await listen(
      respond((_, times) =>
        bulk(`redis_version:7.0.0\r\nmaxmemory_policy:noeviction\r\nloading:${times > 2 ? 0 : 1}\r\n`),
      ),
    );
    expect((await preflight(`redis://127.0.0.1:${port}`, patient)).version).toBe('7.0.0');
  });
});

describe('preflight refuses', () => {
  it('a wrong password', async () => {
    const server = await startRedis({ requirepass: 'right' });
    const error = await refusal(`redis://:${SECRET}@127.0.0.1:${server.port}`);
    expect(error).toBeInstanceOf(RedisUnreachableError);
    expect(error.message).toBe(
      `Redis at 127.0.0.1:${server.port}: it refuses the password. Correct REDIS_URL; special characters are percent-encoded there.`,
    );
    expect((await refusal(`redis://nobody:${SECRET}@127.0.0.1:${server.port}`)).message).toContain(
      'refuses the user name or password',
    );
  });

  it('no password where one is wanted, naming the setting of the role', async () => {
    const server = await startRedis({ requirepass: 'right' });
    const url = `redis://127.0.0.1:${server.port}`;
    expect((await refusal(url)).message).toMatch(/wants a password.*REDIS_URL/);
    expect((await refusal(url, { ...patient, role: 'canary' })).message).toMatch(
      /wants a password.*CELERY_BROKER_URL/,
    );
  });

  it('TLS to a plain port', async () => {
    const { port } = await startRedis();
    const error = await refusal(`rediss://:${SECRET}@127.0.0.1:${port}`, { deadlineMs: 500 });
    expect(error).toBeInstanceOf(RedisUnreachableError);
    expect(error.message).toMatch(/TLS.*write redis:\/\/ instead of rediss:\/\//);
  });

  it('plain to a TLS port', async () => {
    const port = await listen(createTlsServer());
    expect((await refusal(`redis://127.0.0.1:${port}`)).message).toContain(
      'if the port speaks TLS, write rediss://',
    );
    // Others send a TLS alert first.
    const alert = Buffer.from([21, 3, 1, 0, 2, 2, 70]);
    const alerting = await listen(createServer((socket) => socket.resume().end(alert)));
    expect((await refusal(`redis://127.0.0.1:${alerting}`)).message).toContain(
      'it speaks TLS. Write rediss://',
    );
  });

  it('a web server', async () => {
    const port = await listen(createHttpServer((_, response) => response.end('hello')));
    expect((await refusal(`redis://127.0.0.1:${port}`)).message).toBe(
      `Redis at 127.0.0.1:${port}: a web server (HTTP) answers there. See whether the port is right in REDIS_URL.`,
    );
  });

  it('something that greets in another protocol, or hangs up', async () => {
    const ssh = await listen(createServer((socket) => socket.resume().end('SSH-2.0-OpenSSH_9.0\r\n')));
    expect((await refusal(`redis://127.0.0.1:${ssh}`)).message).toContain('something other than Redis');
    const rude = await listen(createServer((socket) => socket.destroy()));
    expect((await refusal(`redis://127.0.0.1:${rude}`)).message).toContain('ended the connection');
  });

  it('a port that takes connections and says nothing, at the deadline', async () => {
    const port = await listen(createServer((socket) => socket.resume()));
    const error = await refusal(`redis://127.0.0.1:${port}`, hasty);
    expect(error).toBeInstanceOf(RedisUnreachableError);
    expect(error.message).toContain('took the connection but answered nothing within 1000 ms');
    expect((await refusal(`rediss://127.0.0.1:${port}`, hasty)).message).toContain(
      'no TLS connection within 1000 ms',
    );
  });

  it('a server that stops answering half-way', async () => {
    const server = await startRedis();
    server.pause();
    expect((await refusal(server.url, hasty)).message).toContain('answered nothing within 1000 ms');
    server.resume();
  });

  it('a port where nothing listens', async () => {
    const port = await freePort();
    const error = await refusal(`redis://someone:${SECRET}@127.0.0.1:${port}`);
    expect(error).toMatchObject({ code: 'E_REDIS_UNREACHABLE', target: `127.0.0.1:${port}` });
    expect(error.message).toContain('connection refused');
  });

  it('an unknown host', async () => {
    const error = await refusal('redis://nosuchhost.invalid:6379', { deadlineMs: 30_000 });
    expect(error).toBeInstanceOf(RedisUnreachableError);
    expect(error.message).toMatch(
      /^Redis at nosuchhost\.invalid:6379: the host name (is unknown|could not be looked up)/,
    );
  });

  it('a server that evicts', async () => {
    const server = await startRedis({ maxmemory: '50mb', maxmemoryPolicy: 'allkeys-lru' });
    const error = await refusal(server.url);
    expect(error).toBeInstanceOf(RedisUnsuitableError);
    expect(error.message).toMatch(/maxmemory-policy is allkeys-lru.*noeviction/);
  });

  it('a read-only replica', async () => {
    const server = await startRedis({ args: ['--replicaof', '127.0.0.1', String(await freePort())] });
    const error = await refusal(server.url);
    expect(error).toBeInstanceOf(RedisUnsuitableError);
    expect(error.message).toContain('read-only replica of 127.0.0.1:');
  });

  it('a database that is not there', async () => {
    const server = await startRedis();
    expect((await refusal(`${server.url}/99`)).message).toContain('it has no database 99');
  });

  it('an old version', async () => {
    const port = await listen(respond(() => bulk('redis_version:5.0.14\r\nmaxmemory_policy:noeviction\r\n')));
    const error = await refusal(`redis://127.0.0.1:${port}`);
    expect(error).toBeInstanceOf(RedisUnsuitableError);
    expect(error.message).toContain('its version is 5.0.14, and 6.2 is the oldest');
  });

  it('a server that does not end loading', async () => {
    const port = await listen(respond(() => bulk('redis_version:7.0.0\r\nloading:1\r\n')));
    expect((await refusal(`redis://127.0.0.1:${port}`, hasty)).message).toContain(
      'still loading its data after 1000 ms',
    );
  });

  it('an error it does not know, without repeating it', async () => {
    const port = await listen(respond(() => `-MISCONF ${SECRET} and more\r\n`));
    expect((await refusal(`redis://127.0.0.1:${port}`)).message).toContain(
      'it answered with the error MISCONF',
    );
  });

  it('a URL that it cannot read', async () => {
    expect(await refusal(`http://:${SECRET}@host`)).toBeInstanceOf(InvalidConfigError);
  });
});

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

/** Speaks just enough Redis for states that no server can be brought into at will. */
function respond(answer: (request: string, times: number) => string): Server {
  return createServer((socket) => {
    let times = 0;
    socket.on('data', (request) => {
      times += 1;
      socket.write(answer(String(request), times));
    });
  });
}
