import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { BackendOptions } from '../../src/backends/backend-options.ts';
import { createBeeQueueBackend } from '../../src/backends/bee-queue.ts';
import { createBullmqBackend } from '../../src/backends/bullmq.ts';
import type { TaskBackend } from '../../src/domain/task-backend.ts';
import { freePort } from '../../src/free-port.ts';
import { COMPLETE, DeliveryLog } from '../support/delivery-log.ts';
import { jobRequest } from '../support/job-requests.ts';
import { expectNoLeakedConnections, plainClient, startRedis, uniqueName } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const makers: readonly [string, (options: BackendOptions) => TaskBackend][] = [
  ['bee-queue', createBeeQueueBackend],
  ['bullmq', createBullmqBackend],
];
const FAILURE = new Error('the handler failed');
/** Longer than any answer takes that is waited for, on a machine that is busy. */
const PATIENT_MS = 20_000;

describe.each(makers)('%s and a Redis in trouble', (product, make) => {
  const open = new Set<TaskBackend>();
  const backendAt = (redisUrl: string, commandTimeoutMs = 3000): TaskBackend => {
    const backend = make({ redisUrl, commandTimeoutMs });
    open.add(backend);
    return backend;
  };
  afterEach(async () => {
    for (const backend of open) await backend.close();
    open.clear();
  });
  const queue = uniqueName('trouble');
  const failureOf = async (work: Promise<unknown>): Promise<Error & { code?: string }> => {
    try {
      await work;
    } catch (error) {
      return error as Error;
    }
    throw new Error('It did not fail.');
  };

  it('a dead port: every call fails, none hangs, and enqueue says it per job', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const patient = backendAt(url, PATIENT_MS);
    const error = await failureOf(patient.ready());
    expect(error).toMatchObject({
      code: 'E_REDIS_UNREACHABLE',
      problem: 'nothing listens there (connection refused)',
    });
    expect(patient.isReachable()).toBe(false);
    const backend = backendAt(url, 300);
    const results = await backend.enqueue([jobRequest(queue, 'secret'), jobRequest(queue, 'secret')]);
    expect(results.map(({ status }) => status)).toEqual(['error', 'error']);
    expect(results[0]).toMatchObject({ error: { code: 'E_REDIS_UNREACHABLE' } });
    const calls = [
      backend.has(queue, ['x']),
      backend.info(queue, 'x'),
      backend.remove(queue, 'x'),
      backend.counts(queue),
      backend.consume(queue, async () => COMPLETE, { concurrency: 1, stallIntervalMs: 1000 }),
    ];
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'E_REDIS_UNREACHABLE' } });
    }
  });

  it('an unknown host', async () => {
    const error = await failureOf(backendAt('redis://no-such-host.invalid:6379', PATIENT_MS).ready());
    expect(error).toMatchObject({
      problem: expect.stringMatching(/^the host name (is unknown|could not be looked up)$/),
      target: 'no-such-host.invalid:6379',
    });
  });

  it('no, or a wrong password', async () => {
    const server = await startRedis({ requirepass: 'right' });
    const without = backendAt(`redis://127.0.0.1:${server.port}`, PATIENT_MS);
    const wrong = backendAt(`redis://:s3cret@127.0.0.1:${server.port}`, PATIENT_MS);
    expect(await failureOf(without.ready())).toMatchObject({ problem: 'it wants a password' });
    const error = await failureOf(wrong.ready());
    expect(error).toMatchObject({ problem: 'it refuses the password' });
    expect(error.message).not.toContain('s3cret');
    const options = { concurrency: 1, stallIntervalMs: 1000 };
    expect(await failureOf(wrong.consume(queue, async () => COMPLETE, options))).toMatchObject({
      problem: 'it refuses the password',
    });
    const right = backendAt(server.url);
    const log = new DeliveryLog();
    await right.ready();
    await right.consume(queue, log.run, options);
    await right.enqueue([jobRequest(queue, 1)]);
    await log.begun(1);
  });

  it('an ACL user with a password full of special characters, and another database', async () => {
    const server = await startRedis();
    const admin = plainClient(server.url);
    await admin.acl('SETUSER', 'worker', 'on', '>p@ss:/?#%文', '~*', '&*', '+@all');
    const url = `redis://worker:${encodeURIComponent('p@ss:/?#%文')}@127.0.0.1:${server.port}/3`;
    const backend = backendAt(url);
    await backend.ready();
    const log = new DeliveryLog();
    await backend.consume(queue, log.run, { concurrency: 1, stallIntervalMs: 1000 });
    await backend.enqueue([jobRequest(queue, 1), jobRequest(queue, 2, { dueAt: Date.now() + 3_600_000 })]);
    await log.begun(1);
    await admin.select(3);
    expect((await admin.keys('*')).length).toBeGreaterThan(0);
    await admin.select(0);
    expect(await admin.keys('*')).toEqual([]);
  });

  it('a server that takes connections and says nothing', async () => {
    const silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const backend = backendAt(`redis://127.0.0.1:${port}`, 1000);
    expect(await failureOf(backend.ready())).toMatchObject({
      problem: 'it took the connection but answered nothing within 1000 ms',
    });
    expect((await backend.enqueue([jobRequest(queue, 1)]))[0]?.status).toBe('error');
    await backend.close();
    await new Promise((resolve) => silent.close(resolve));
  });

  it('TLS against plain, both ways, and a certificate that nobody vouches for', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'hybrid-test-tls-'));
    const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
    execFileSync('openssl', [...make, '-keyout', keyFile, '-out', certFile, ...subject], { stdio: 'ignore' });
    try {
      const tls = await startRedis({ tls: { certFile, keyFile } });
      const plain = await startRedis();
      const mistaken = await failureOf(backendAt(plain.url.replace('redis:', 'rediss:'), 1000).ready());
      expect(mistaken.message).toContain('write redis:// instead of rediss://');
      const other = await failureOf(backendAt(tls.url.replace('rediss:', 'redis:'), 1000).ready());
      expect(other.message).toContain('if the port speaks TLS, write rediss://');
      const untrusted = await failureOf(backendAt(tls.url, PATIENT_MS).ready());
      expect(untrusted).toMatchObject({ problem: 'its TLS certificate is signed by itself' });
      // Given up in the middle of the handshake, a socket reports two errors; one without a listener ends the process,
      // here the test.
      for (const afterMs of Array(20).keys()) {
        const hasty = backendAt(tls.url, 1000);
        const outcome = failureOf(hasty.ready());
        await delay(afterMs);
        await hasty.close();
        expect(await outcome).toBeInstanceOf(Error);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('a server that is stopped in its tracks, and wakes up', async () => {
    const server = await startRedis();
    const backend = backendAt(server.url, 1500);
    await backend.ready();
    await backend.enqueue([jobRequest(queue, 'before')]);
    server.pause();
    const results = await backend.enqueue([jobRequest(queue, 'secret text')]);
    expect(results).toMatchObject([{ status: 'error', error: { code: 'E_REDIS_UNREACHABLE' } }]);
    expect(JSON.stringify(results, Object.getOwnPropertyNames(results[0]))).not.toContain('secret');
    await waitFor(() => !backend.isReachable(), { what: 'the outage to be known' });
    server.resume();
    await waitFor(() => backend.isReachable(), { what: 'the connection to be back' });
    expect(await backend.enqueue([jobRequest(queue, 'after')])).toEqual([{ status: 'added' }]);
  });

  it("a key that is somebody else's: the error is this library's own", async () => {
    const server = await startRedis();
    const backend = backendAt(server.url);
    const admin = plainClient(server.url);
    for (const key of [`bq:${queue}:waiting`, `bull:${queue}:wait`]) await admin.set(key, 'secret');
    expect(await failureOf(backend.counts(queue))).toMatchObject({
      code: 'E_BACKEND',
      operation: 'counts',
      problem: expect.stringMatching(/^WRONGTYPE /),
    });
  });

  it('goes on when the server forgets its scripts', async () => {
    const server = await startRedis();
    const backend = backendAt(server.url);
    const log = new DeliveryLog((_, nth) =>
      nth === 1 ? { kind: 'retry', delayMs: 20, error: FAILURE } : COMPLETE,
    );
    await backend.ready();
    await backend.consume(queue, log.run, { concurrency: 1, stallIntervalMs: 1000 });
    await plainClient(server.url).script('FLUSH');
    await backend.enqueue([jobRequest(queue, 1, { retries: 1 })]);
    await log.begun(2);
  });

  it('a server that restarts under a producer and a consumer: nothing that it kept is lost', async () => {
    const server = await startRedis({ aof: true, args: ['--appendfsync', 'always'] });
    const backend = backendAt(server.url);
    const seen = new Set<unknown>();
    const errors: Error[] = [];
    const log = new DeliveryLog(({ data }) => {
      seen.add(data);
      return COMPLETE;
    });
    const consumeOptions = {
      concurrency: 3,
      stallIntervalMs: 500,
      onError: (error: Error) => errors.push(error),
    };
    await backend.ready();
    const consumer = await backend.consume(queue, log.run, consumeOptions);
    const added: unknown[] = [];
    const add = async (from: number, dueAt: number | null) => {
      const requests = Array.from({ length: 20 }, (_, i) =>
        jobRequest(queue, from + i, { dueAt, retries: 5 }),
      );
      const results = await backend.enqueue(requests);
      results.forEach(({ status }, i) => {
        if (status === 'added') added.push(requests[i]?.payload.value);
      });
    };
    await add(0, null);
    await add(100, Date.now() + 1500);
    await log.begun(1);
    await server.kill();
    await add(200, null);
    await server.restart();
    await waitFor(() => backend.isReachable(), { what: 'the connection to be back' });
    await add(300, null);
    await add(400, Date.now() + 200);
    await waitFor(() => added.every((value) => seen.has(value)), {
      what: 'all jobs to have run',
      timeoutMs: 20_000,
    });
    expect(added.length).toBeGreaterThanOrEqual(80);
    for (const error of errors) expect(error).toMatchObject({ code: expect.stringMatching(/^E_/) });
    expect(await consumer.stop(5000)).toBe(true);
  });

  it('stops while the server is gone', async () => {
    const server = await startRedis();
    const backend = backendAt(server.url, 1500);
    await backend.ready();
    const consumer = await backend.consume(queue, async () => COMPLETE, {
      concurrency: 2,
      stallIntervalMs: 1000,
    });
    await server.kill();
    await waitFor(() => !backend.isReachable(), { what: 'the outage to be known' });
    expect(await consumer.stop(1000)).toBe(true);
    await backend.close();
    expect(product).toBe(backend.product);
  });
});

afterAll(() => expectNoLeakedConnections());
