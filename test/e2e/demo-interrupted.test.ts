import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { DemoSummary } from '../../examples/document-metadata/demo-summary.ts';
import type { HybridTaskManager } from '../../src/index.ts';
import { DEMO_CONFIG, DEMO_TEST_MS, demoScene, endOf } from '../support/demo-scene.ts';
import { plainClient, waitFor } from '../support/redis.ts';

const scene = demoScene();

describe('a demo that is interrupted', () => {
  it(
    'goes on after Ctrl-C when it is run again',
    async () => {
      scene.putDocuments(40, 12);
      const interrupted = await interrupt();
      expect(interrupted.documents.read).toBeLessThan(40);
      await expectWhole(await scene.summaryOf('docs', '--out', 'out'), interrupted.chunks.succeeded);
    },
    DEMO_TEST_MS,
  );

  it(
    'leaves no worker behind when it is killed, on a Redis that lives on',
    async () => {
      scene.putDocuments(40, 12);
      const middle = scene.holdInTheMiddle(10);
      const workers = await scene.withManager(async (manager) => {
        const child = scene.startAt(scene.proxyUrl, 'docs', '--json', '--out', 'out');
        await middle.caught;
        const status = await manager.status();
        child.kill('SIGKILL');
        await child.ended;
        return status.workers;
      });
      middle.pass();
      expect(workers).toHaveLength(1);
      await waitFor(() => !workers.some(({ pid }) => isAlive(pid)), { what: 'its end', timeoutMs: 30_000 });
    },
    DEMO_TEST_MS,
  );

  it(
    'takes its private Redis along when it is killed, and the next run does the rest',
    async () => {
      scene.putDocuments(40, 12);
      // Without REDIS_URL: a private server in the folder.
      const child = scene.startAt('', 'docs', '--json', '--out', 'out');
      const record = join(scene.home, '.hybrid', 'redis', 'server.json');
      const url = await waitFor(() => urlIn(record), { what: 'the private Redis', timeoutMs: 60_000 });
      // It is written down before it listens.
      await waitFor(() => hasWorker(url), { what: 'a worker on the private Redis', timeoutMs: 60_000 });
      const workers = await scene.withManager(async (manager) => {
        await hasBegun(manager);
        // Not to be finished before it is killed.
        child.kill('SIGSTOP');
        return (await manager.status()).workers;
      }, url);
      const server = readJson<{ pid: number }>(record);
      child.kill('SIGKILL');
      await child.ended;
      const pids = [server?.pid ?? 0, ...workers.map(({ pid }) => pid)];
      expect(pids).toHaveLength(2);
      await waitFor(() => !pids.some(isAlive), { what: 'the end of all processes', timeoutMs: 30_000 });
      const summary = await scene.summaryAt('', 'docs', '--out', 'out');
      expect(summary.redis.isPrivate).toBe(true);
      await expectWhole(summary, 1);
      await waitFor(() => readJson(record) === null, {
        what: 'the end of the private Redis',
        timeoutMs: 30_000,
      });
    },
    DEMO_TEST_MS,
  );

  it(
    'is not gone on with by a run without the injected fault',
    async () => {
      scene.putDocuments(15);
      await interrupt('--inject', 'mismatch');
      const summary = await scene.summaryOf('docs', '--out', 'out');
      expect(summary).toMatchObject({ injection: null, chunks: { kept: 0 }, report: { mismatched: 0 } });
      expect(scene.results()).toHaveLength(15);
    },
    DEMO_TEST_MS,
  );
});

describe('the report of a demo that is interrupted', () => {
  it(
    'does not wait for comparisons after Ctrl-C, and tells of what is there',
    async () => {
      scene.putDocuments(8);
      const middle = scene.holdInTheMiddle(3);
      const child = scene.startAt(scene.proxyUrl, 'docs', '--out', 'out');
      const pairs = '{hybrid-demo}:pairs:generate-metadata';
      const client = plainClient(scene.url);
      await middle.caught;
      // One that is not looked at before tomorrow, so that there is something to wait for.
      await client.zadd(pairs, Date.now() + 86_400_000, 'for ever');
      middle.pass();
      await waitFor(() => child.complaints().includes('All chunks have their answer.'), {
        what: 'the wait for comparisons',
        timeoutMs: 60_000,
      });
      child.kill('SIGINT');
      const { code, stdout, stderr } = await endOf(child);
      expect(code).toBe(130);
      expect(stderr).toMatch(/not compared; the report is\s+without them\./);
      expect(stdout).toMatch(/^\nDone: 8 documents, /);
      expect(stdout).toMatch(/\nVerdict {4}inconclusive: /);
      const record = JSON.parse(readFileSync(join(scene.home, 'out', 'run.json'), 'utf8'));
      expect(record.finishedAt).not.toBeNull();
      expect(record.summary.report.uncompared).toBeGreaterThan(0);
      // Another run has no use for what is left of it.
      expect((await scene.summaryOf('docs', '--out', 'out', '--limit', '2')).report?.uncompared).toBe(0);
    },
    DEMO_TEST_MS,
  );

  it(
    'is missing, and tells of the whole run when that goes on',
    async () => {
      scene.putDocuments(20);
      const interrupted = await interrupt();
      expect(interrupted.report).toBeNull();
      const rest = await scene.summaryOf('docs', '--out', 'out');
      expect(rest.chunks.kept).toBe(interrupted.chunks.succeeded);
      expect(rest.report).toMatchObject({ mismatched: 0, uncompared: 0 });
      const { total } = await scene.hybrid('report', '--config', DEMO_CONFIG);
      expect(total.routed.total).toBe(rest.chunks.read);
    },
    DEMO_TEST_MS,
  );
});

/** Ctrl-C in the middle of a run. @returns what the demo says of it */
async function interrupt(...args: string[]): Promise<DemoSummary> {
  const middle = scene.holdInTheMiddle(10);
  const child = scene.startAt(scene.proxyUrl, 'docs', '--json', '--out', 'out', ...args);
  await middle.caught;
  child.kill('SIGINT');
  middle.pass();
  const { code, stdout } = await endOf(child);
  expect(code).toBe(130);
  const said: DemoSummary = JSON.parse(stdout);
  expect(said.status).toBe('interrupted');
  return said;
}

/** Resolves in the middle of a run. */
async function hasBegun(manager: HybridTaskManager): Promise<void> {
  await waitFor(
    async () => {
      const { plain, ledger } = await manager.status();
      return plain.succeeded + ledger.succeeded >= 10;
    },
    { what: 'the first ten answers', timeoutMs: 60_000 },
  );
}

/** A second run that went on with the first: every chunk was one task, whoever saw its answer. */
async function expectWhole(summary: DemoSummary, leastKept: number): Promise<void> {
  expect(summary).toMatchObject({ status: 'completed', documents: { read: 40, completed: 40 } });
  expect(summary.chunks.kept).toBeGreaterThanOrEqual(leastKept);
  expect(summary.chunks.kept + summary.chunks.succeeded).toBe(summary.chunks.read);
  const { ledger, plain } = summary.live;
  expect(ledger.succeeded + plain.succeeded).toBe(summary.chunks.read);
  expect(ledger.conserved).toBe(true);
  expect(scene.results().filter(({ status }) => status === 'completed')).toHaveLength(40);
}

function urlIn(record: string): string {
  const server = readJson<{ port: number }>(record);
  return server === null ? '' : `redis://127.0.0.1:${server.port}`;
}

function hasWorker(url: string): Promise<boolean> {
  return scene
    .withManager(async (manager) => (await manager.status()).workers.length > 0, url)
    .catch(() => false);
}

function readJson<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
