import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createBeeQueueBackend } from '../../src/backends/bee-queue.ts';
import { createBullmqBackend } from '../../src/backends/bullmq.ts';
import type { TaskBackend } from '../../src/domain/task-backend.ts';
import { runTypeScript } from '../support/child.ts';
import { DeliveryLog } from '../support/delivery-log.ts';
import { jobRequest } from '../support/job-requests.ts';
import { expectNoLeakedConnections, redisUrl, startRedis, uniqueName } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const CHILD = 'test/support/consuming-child.ts';
const STALL_MS = 600;
const MARK = { acceptedAt: 1_763_750_000_123 };

const makers = [
  ['bee-queue', createBeeQueueBackend],
  ['bullmq', createBullmqBackend],
] as const;

describe.each(makers)('%s in processes of their own', (product, create) => {
  const prefix = uniqueName('lost');
  let backend: TaskBackend;
  let queue: string;

  beforeEach(() => {
    queue = uniqueName('queue');
    backend = create({ redisUrl: redisUrl(), prefix });
  });
  afterEach(() => backend.close());

  const child = (mode: string, stallMs: number, url = redisUrl(), env: Record<string, string> = {}) =>
    runTypeScript({ file: CHILD }, { args: [product, url, prefix, queue, mode, String(stallMs)], env });

  it.each([MARK, null])(
    'a job whose worker was killed is told of and delivered again: mark %j',
    async (mark) => {
      const worker = child('hang', STALL_MS);
      expect(await worker.nextLine()).toBe('consuming');
      const requests = [
        jobRequest(queue, 1, { mark, retries: 1 }),
        jobRequest(queue, 2, { mark, retries: 1 }),
      ];
      await backend.enqueue(requests);
      const begun = [await worker.nextLine(), await worker.nextLine()];
      expect(begun.sort()).toEqual(requests.map(({ id }) => `begun ${id}`).sort());
      worker.kill('SIGKILL');
      await worker.ended;
      expect(await backend.counts(queue)).toMatchObject({ active: 2 });

      const stalled: string[] = [];
      const log = new DeliveryLog();
      const onStalled = (id: string) => stalled.push(id);
      // A check that has no answer for half of this is given up, and what it found is not told.
      await backend.consume(queue, log.run, { concurrency: 2, stallIntervalMs: 1500, onStalled });
      await log.begun(2);
      const ids = requests.map(({ id }) => id).sort();
      expect(log.deliveries.map(({ id }) => id).sort()).toEqual(ids);
      await waitFor(() => stalled.length === 2, { what: 'both stalls to be told of' });
      expect(stalled.sort()).toEqual(ids);
      // A stall is no failure: the tries are as they were.
      for (const delivery of log.deliveries) {
        expect(delivery).toMatchObject({ failuresBefore: 0, retriesLeft: 1, mark });
      }
    },
  );

  it('a job that runs longer than the stall interval stays with its worker', async () => {
    const request = jobRequest(queue, 'long');
    await backend.enqueue([request]);
    const stalled: string[] = [];
    const log = new DeliveryLog(async ({ data }) => {
      if (data === 'long') await other.begun(1);
      return { kind: 'complete' };
    });
    // A delayed job is the clock: due after several stall checks.
    const other = new DeliveryLog();
    const clock = uniqueName('clock');
    // Signs of life come at half the interval: a process that stands still for less than that loses nothing.
    const options = { concurrency: 2, stallIntervalMs: 1500, onStalled: (id: string) => stalled.push(id) };
    await backend.consume(queue, log.run, options);
    await backend.consume(clock, other.run, options);
    await backend.enqueue([jobRequest(clock, 'tick', { dueAt: Date.now() + 5000 })]);
    await other.begun(1);
    await waitFor(async () => (await backend.has(queue, [request.id]))[0] === 'absent', { what: 'the end' });
    expect({ stalled, runs: log.deliveries.length }).toEqual({ stalled: [], runs: 1 });
  });

  it('gives back a job that was handed over just when it stopped', async () => {
    const proxy = await startTcpProxy(redisUrl());
    const far = create({ redisUrl: proxy.url, prefix });
    try {
      const log = new DeliveryLog();
      const consumer = await far.consume(queue, log.run, { concurrency: 3, stallIntervalMs: 60_000 });
      // Told by a first job that it is waiting for the next one.
      await backend.enqueue([jobRequest(queue, 'first')]);
      await log.begun(1);
      await waitFor(async () => (await backend.counts(queue)).active === 0, { what: 'the first job to end' });
      proxy.stall();
      await backend.enqueue([jobRequest(queue, 'second')]);
      const stopped = consumer.stop(20_000);
      proxy.flow();
      expect(await stopped).toBe(true);
      expect(log.payloads).toEqual(['first']);
      expect(await backend.counts(queue)).toMatchObject({ waiting: 1, active: 0 });
    } finally {
      await far.close();
      await proxy.close();
    }
  });

  it('works over TLS with a certificate that is trusted, and ends by itself', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'hybrid-test-tls-'));
    const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    const about = ['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certFile];
    execFileSync('openssl', [...make, ...about], { stdio: 'ignore' });
    try {
      const server = await startRedis({ tls: { certFile, keyFile }, requirepass: 'p@ss' });
      const worker = child('round-trip', 60_000, server.url, { NODE_EXTRA_CA_CERTS: certFile });
      expect(await worker.nextLine()).toBe('consuming');
      expect(await worker.nextLine()).toMatch(/^begun task-/);
      expect(await worker.nextLine()).toBe('ended');
      expect(await worker.ended).toBe(0);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

afterAll(() => expectNoLeakedConnections());
