import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DemoSummary } from '../../examples/document-metadata/demo-summary.ts';
import { tasks } from '../../examples/document-metadata/task.ts';
import { HybridTaskManager, loadConfig } from '../../src/index.ts';
import { runTypeScript, type TestChild } from '../support/child.ts';
import { compiled } from '../support/compiled.ts';
import { holdInTheMiddle } from '../support/demo-middle.ts';
import {
  expectNoLeakedConnections,
  plainClient,
  type RedisServer,
  startRedis,
  waitFor,
} from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const CONFIG = join(process.cwd(), 'config/demo.yaml');
const TASKS = 'examples/document-metadata/task.ts';
/** Each run starts several processes. */
const LONG_MS = 180_000;

let home: string;
let redis: RedisServer;
/** In front of it, for a demo that is to be held up. */
let proxy: TcpProxy;
beforeAll(async () => {
  redis = await startRedis();
  proxy = await startTcpProxy(redis.url);
});
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'hybrid-demo-report-'));
  await plainClient(redis.url).flushall(); // this file's own server
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});
afterAll(async () => {
  await proxy.close();
  await expectNoLeakedConnections();
});

/** About 400 characters; no two are alike. */
function paragraph(document: number, number: number): string {
  const name = `gate ${document}-${number}`;
  return [
    `The night shift empties ${name} before the first trains leave the station.`,
    `Every parcel at ${name} carries a label that names the street, the floor and the weight.`,
    `A second conveyor was built beside ${name}, and both are watched by the same clerk.`,
    `When a belt stops, its parcels are moved by hand and counted again at ${name}.`,
    'Nobody likes surprises at three in the morning, least of all the people on call.',
  ].join(' ');
}

/** Each has about six chunks. */
function putDocuments(count: number): void {
  mkdirSync(join(home, 'docs'), { recursive: true });
  for (let i = 0; i < count; i++) {
    const text = Array.from({ length: 18 }, (_, p) => paragraph(i, p)).join('\n\n');
    writeFileSync(join(home, 'docs', `document-${i}.md`), text);
  }
}

function start(...args: string[]): TestChild {
  return startOn(redis, ...args);
}

function startOn({ url }: { readonly url: string }, ...args: string[]): TestChild {
  return runTypeScript(
    { file: 'examples/document-metadata/demo.ts' },
    { args, env: { REDIS_URL: url, WORKER_COUNT: '1' }, cwd: home },
  );
}

async function end(child: TestChild) {
  const lines: string[] = [];
  try {
    for (;;) lines.push(await child.nextLine());
  } catch {
    return { code: await child.ended, stdout: lines.join('\n'), stderr: child.complaints() };
  }
}

/** @throws with what it complained about, if it did not end with 0 */
async function summaryOf(...args: string[]): Promise<DemoSummary> {
  const { code, stdout, stderr } = await end(start('--json', ...args));
  if (code !== 0) throw new Error(`The demo ended with ${code}:\n${stdout}\n${stderr}`);
  return JSON.parse(stdout);
}

async function hybrid(...args: string[]) {
  const child = runTypeScript(
    { file: 'src/cli/main.ts' },
    { args: [...args, '--json'], env: { REDIS_URL: redis.url }, cwd: home },
  );
  const { stdout, stderr } = await end(child);
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('the report at the end of the demo', () => {
  it(
    'says that a few documents are too few, and leaves the whole report beside the results',
    async () => {
      putDocuments(4);
      const { code, stdout } = await end(start('docs', '--out', 'out', '--ratio', '0.5'));
      expect(code).toBe(0);
      expect(stdout).toMatch(/\nReport {5}out\/report\.html\nVerdict {4}inconclusive: generate-metadata: /);
      expect(stdout).toMatch(/\nNext:\n {2}npx hybrid report --config \S*demo\.yaml --open\n/);
      const html = readFileSync(join(home, 'out', 'report.html'), 'utf8');
      expect(html).toMatch(/^<!doctype html>/i);
      expect(html).toContain('generate-metadata');
    },
    LONG_MS,
  );

  it(
    'counts every chunk of its run and none of another, also within the same minute',
    async () => {
      putDocuments(6);
      const runs = [
        await summaryOf('docs', '--out', 'out', '--ratio', '0.5'),
        await summaryOf('docs', '--out', 'elsewhere', '--ratio', '0.3', '--limit', '5'),
      ];
      for (const { report, status } of runs) {
        expect(status).toBe('completed');
        expect(report).toMatchObject({ verdict: 'inconclusive', mismatched: 0, uncompared: 0 });
        expect(report?.headline).toMatch(/^inconclusive: generate-metadata: /);
        expect(existsSync(report?.path ?? '')).toBe(true);
      }
      const last = runs[1] as DemoSummary;
      const { total } = await hybrid('report', '--config', CONFIG);
      expect(total.routed.total).toBe(last.chunks.submitted);
      expect(total.backends.stable.assigned.succeeded).toBe(last.backends.stable.chunks);
      expect(total.backends.canary.assigned.succeeded).toBe(last.backends.canary.chunks);
      const { pairs, controlPairs } = last.report ?? { pairs: -1, controlPairs: -1 };
      expect([total.parity.pairs, total.parity.noise.pairs]).toEqual([pairs, controlPairs]);
      expect(total.backends.canary.shadow.succeeded).toBe(pairs);
    },
    LONG_MS,
  );

  it(
    'Ctrl-C ends the wait for comparisons, not the run',
    async () => {
      putDocuments(8);
      const middle = holdInTheMiddle(proxy, 3);
      const child = startOn(proxy, 'docs', '--out', 'out');
      const pairs = '{hybrid-demo}:pairs:generate-metadata';
      const client = plainClient(redis.url);
      await middle.caught;
      // One that is not looked at before tomorrow, so that there is something to wait for.
      await client.zadd(pairs, Date.now() + 86_400_000, 'for ever');
      middle.pass();
      await waitFor(() => child.complaints().includes('All chunks have their answer.'), {
        what: 'the wait for comparisons',
        timeoutMs: 60_000,
      });
      child.kill('SIGINT');
      const { code, stdout, stderr } = await end(child);
      expect(code).toBe(130);
      expect(stderr).toMatch(/not compared; the report is\s+without them\./);
      expect(stdout).toMatch(/^\nDone: 8 documents, /);
      expect(stdout).toMatch(/\nVerdict {4}inconclusive: /);
      const record = JSON.parse(readFileSync(join(home, 'out', 'run.json'), 'utf8'));
      expect(record.finishedAt).not.toBeNull();
      expect(record.summary.report.uncompared).toBeGreaterThan(0);
      // Another run has no use for what is left of it.
      expect((await summaryOf('docs', '--out', 'out', '--limit', '2')).report?.uncompared).toBe(0);
    },
    LONG_MS,
  );

  it(
    'is missing from a run that was interrupted, and tells of all of it when that goes on',
    async () => {
      putDocuments(20);
      const middle = holdInTheMiddle(proxy, 3);
      const child = startOn(proxy, 'docs', '--out', 'out', '--json');
      await middle.caught;
      child.kill('SIGINT');
      middle.pass();
      const { code, stdout } = await end(child);
      expect(code).toBe(130);
      const interrupted: DemoSummary = JSON.parse(stdout);
      expect(interrupted).toMatchObject({ status: 'interrupted', report: null });
      const rest = await summaryOf('docs', '--out', 'out');
      expect(rest.chunks.kept).toBe(interrupted.chunks.succeeded);
      expect(rest.report).toMatchObject({ mismatched: 0, uncompared: 0 });
      const { total } = await hybrid('report', '--config', CONFIG);
      expect(total.routed.total).toBe(rest.chunks.read);
    },
    LONG_MS,
  );
});

describe('a demo that goes wrong on purpose', () => {
  it(
    'mismatch: fails, and says where the results differ; the run right after it is clean',
    async () => {
      // So many, because stable's own noise has to be known as well.
      putDocuments(100);
      const wrong = await summaryOf('docs', '--inject', 'mismatch', '--ratio', '0.1');
      expect(wrong).toMatchObject({ status: 'completed', injection: 'mismatch' });
      expect(wrong.namespace).toBe('hybrid-demo-inject-mismatch');
      expect(wrong.report?.verdict).toBe('failed');
      expect(wrong.report?.headline).toMatch(/pairs differ .*most often at \/metadata\/words/);
      expect(wrong.output).toMatch(/-inject-mismatch$/);

      const right = await summaryOf('docs', '--limit', '20');
      expect(right.report).toMatchObject({ verdict: 'inconclusive', mismatched: 0, uncompared: 0 });
      expect(right.report?.pairs).toBeGreaterThan(0);
      expect(right.live.ledger.succeeded).toBe(right.backends.canary.chunks);
      const own = join(wrong.output, 'demo.yaml');
      expect(await hybrid('parity', 'mismatches', '--config', CONFIG)).toHaveLength(0);
      const kept = await hybrid('parity', 'mismatches', '--config', own, '--limit', '1000');
      expect(kept).toHaveLength(wrong.report?.mismatched ?? -1);
      for (const { differences, stable, canary } of kept) {
        expect(differences).toMatchObject([{ path: '/metadata/words' }]);
        // Summaries are sentences of the documents.
        for (const side of [stable, canary]) expect(JSON.parse(side).metadata.summary).toBe('[redacted]');
      }
      const status = await hybrid('status', '--config', own, '--app', compiled(TASKS));
      expect({ ledger: status.ledger, plain: status.plain, parked: status.parked }).toEqual(wrong.live);
    },
    LONG_MS,
  );

  it(
    'errors: fails because canary does, and ends with 0 all the same',
    async () => {
      putDocuments(30);
      const { code, stdout, stderr } = await end(start('docs', '--inject', 'errors', '--ratio', '0.5'));
      expect(code).toBe(0);
      expect(stderr.replace(/\s+/g, ' ')).toMatch(
        /^Injected on purpose: on canary \(BullMQ\) 25 % of the chunks fail with E_INJECTED, on every try\. /,
      );
      expect(stderr).not.toMatch(/to see why/);
      expect(stdout).toMatch(/^\nDone, but for what was to fail: 30 documents, /);
      expect(stdout.replace(/\s+/g, ' ')).toMatch(
        /Verdict failed: generate-metadata: canary fails [\d.]+ % of its tasks, stable 0 %/,
      );
    },
    LONG_MS,
  );

  it(
    'slow: fails because of the median run time',
    async () => {
      putDocuments(50);
      const { report, backends } = await summaryOf('docs', '--inject', 'slow', '--ratio', '0.4');
      expect(backends.stable.failed + backends.canary.failed).toBe(0);
      expect(report).toMatchObject({ verdict: 'failed', mismatched: 0, uncompared: 0 });
      expect(report?.headline).toMatch(/canary is slower: its median run time is /);
    },
    LONG_MS,
  );

  it(
    'an interrupted one is not gone on with by a run without',
    async () => {
      putDocuments(15);
      const middle = holdInTheMiddle(proxy, 3);
      const child = startOn(proxy, 'docs', '--out', 'out', '--inject', 'mismatch', '--json');
      await middle.caught;
      child.kill('SIGINT');
      middle.pass();
      expect((await end(child)).code).toBe(130);
      const summary = await summaryOf('docs', '--out', 'out', '--limit', '3');
      expect(summary).toMatchObject({ injection: null, chunks: { kept: 0 }, report: { mismatched: 0 } });
      expect(readdirSync(join(home, 'out')).filter((name) => name.startsWith('document-'))).toHaveLength(3);
    },
    LONG_MS,
  );

  it('refuses a fault that there is not, and one for a rehearsal', async () => {
    const unknown = await end(start('--inject', 'chaos'));
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/Allowed choices are mismatch, errors, slow/);
    const both = await end(start('--inject', 'slow', '--drill'));
    expect(both.code).toBe(2);
    expect(both.stderr).toMatch(/--drill.*cannot be used with.*--inject/);
  });
});

describe('the demo on its default documents', () => {
  it(
    'is successful: not one pair differs',
    async () => {
      const { status, report } = await summaryOf('--out', 'out');
      expect(status).toBe('completed');
      expect(report).toMatchObject({ mismatched: 0, uncompared: 0 });
      expect(report?.pairs).toBeGreaterThan(300);
      expect(report?.headline).toMatch(/^successful: generate-metadata: /);
      const manager = await HybridTaskManager.open({
        config: await loadConfig({ file: CONFIG, env: { REDIS_URL: redis.url } }),
        tasks,
        followConfigFile: false,
      });
      try {
        expect(await manager.mismatches()).toEqual([]);
      } finally {
        await manager.close();
      }
    },
    LONG_MS,
  );
});
