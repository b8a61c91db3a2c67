import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import BeeQueue from 'bee-queue';
import { Queue } from 'bullmq';
import { runDemo } from '../../examples/document-metadata/demo.ts';
import type { DemoSummary } from '../../examples/document-metadata/demo-summary.ts';
import type { DocumentRecord } from '../../examples/document-metadata/records.ts';
import { tasks } from '../../examples/document-metadata/task.ts';
import { HybridTaskManager, loadConfig, type SystemStatus } from '../../src/index.ts';
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
const PROGRAM = 'examples/document-metadata/demo.ts';
const NAMESPACE = 'hybrid-demo';
/** Each run starts several processes. */
const LONG_MS = 120_000;

let home: string;
let redis: RedisServer;
/** In front of it, for a demo that is to be held up. */
let proxy: TcpProxy;
beforeAll(async () => {
  redis = await startRedis();
  proxy = await startTcpProxy(redis.url);
});
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'hybrid-demo-test-'));
  await plainClient(redis.url).flushall(); // this file's own server
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});
afterAll(async () => {
  await proxy.close();
  await expectNoLeakedConnections();
});

const SENTENCES = [
  'The night shift empties the queue before the first trains leave the station.',
  'Every parcel carries a label that names the street, the floor and the weight.',
  'A second conveyor was built beside the first, and both are watched by the same clerk.',
  'When a belt stops, its parcels are moved by hand and counted again at the gate.',
  'Nobody likes surprises at three in the morning, least of all the people on call.',
];
const CHINESE = '夜班的分拣员把包裹放到新的传送带上。旧的传送带还在工作，两边的数字每天早上都要核对一次。';

/** About `paragraphs` * 400 characters, different for every number. */
function prose(number: number, paragraphs: number): string {
  const lines = Array.from({ length: paragraphs }, (_, p) =>
    SENTENCES.map((_, s) => SENTENCES[(number + p + s) % SENTENCES.length])
      .concat(`Note ${number}-${p}.`)
      .join(' '),
  );
  return lines.join('\n\n');
}

function put(name: string, content: string | Uint8Array): void {
  const path = join(home, 'docs', name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
}

/** English and Chinese, three kinds of files, names with blanks; and two files that cannot be read. */
function putMixedDocuments(): void {
  for (let i = 0; i < 20; i++) put(`parcel notes/part ${i}.md`, `# Part ${i}\n\n${prose(i, 1 + (i % 9))}`);
  for (let i = 0; i < 5; i++) put(`夜班 笔记/第${i}页.txt`, `${CHINESE.repeat(10 + 20 * i)}\n`);
  put('sheet.html', `<title>Sheet</title><p>${prose(3, 4).replaceAll('\n\n', '</p><p>')}</p>`);
  put('empty.md', '');
  put('picture.txt', new Uint8Array([137, 80, 0, 1, 2]));
}

function putDocuments(count: number, paragraphs: number): void {
  for (let i = 0; i < count; i++) put(`document-${i}.md`, `# Document ${i}\n\n${prose(i, paragraphs)}`);
}

interface StartOptions {
  readonly url?: string;
  readonly out?: string;
}

function start(args: readonly string[] = [], { url = redis.url, out = 'out' }: StartOptions = {}): TestChild {
  return runTypeScript(
    { file: PROGRAM },
    {
      args: [join(home, 'docs'), '--json', '--out', join(home, out), ...args],
      env: { REDIS_URL: url, WORKER_COUNT: '1' },
      cwd: home,
    },
  );
}

async function end(child: TestChild): Promise<{ code: number | NodeJS.Signals; stdout: string }> {
  const lines: string[] = [];
  try {
    for (;;) lines.push(await child.nextLine());
  } catch {
    return { code: await child.ended, stdout: lines.join('\n') };
  }
}

/** @throws with what it complained about, if it did not end with 0 */
async function summaryOf(child: TestChild): Promise<DemoSummary> {
  const { code, stdout } = await end(child);
  if (code !== 0) throw new Error(`The demo ended with ${code}:\n${stdout}\n${child.complaints()}`);
  return JSON.parse(stdout);
}

async function withManager<T>(run: (manager: HybridTaskManager) => Promise<T>, url = redis.url): Promise<T> {
  const manager = await HybridTaskManager.open({
    config: await loadConfig({ file: CONFIG, env: { REDIS_URL: url } }),
    tasks,
    followConfigFile: false,
  });
  try {
    return await run(manager);
  } finally {
    await manager.close();
  }
}

function documentsIn(folder: string): DocumentRecord[] {
  return readdirSync(join(home, folder))
    .filter((name) => name.endsWith('.json') && name !== 'run.json')
    .map((name) => JSON.parse(readFileSync(join(home, folder, name), 'utf8')));
}

/** Everything that is in Redis, as clients see it that know nothing of this library. */
async function countPlainly() {
  const client = plainClient(redis.url);
  const valuesOf = async <T>(pattern: string, read: (key: string) => Promise<T>) =>
    Promise.all((await client.keys(`{${NAMESPACE}}:${pattern}`)).map(read));
  const isCopy = ({ copy }: Record<string, string>) => copy !== undefined;
  const all = await valuesOf('task:*', async (key) => ({ key, ...(await client.hgetall(key)) }));
  const copies = new Set(all.filter(isCopy).map(({ key }) => key.slice(key.indexOf(':task:') + 6)));
  const entries: Record<string, string>[] = all.filter((entry) => !isCopy(entry));
  const recorded = await valuesOf('outcome:*', async (key) => JSON.parse((await client.get(key)) ?? ''));
  // Copies are nobody's work: they are in no count of the demo's.
  const outcomes = recorded.filter(({ id }) => !copies.has(id));
  const connection = { url: redis.url };
  const bull = new Queue('metadata_queue', { prefix: 'hybrid-demo-bull', connection });
  const bullCounts = await bull.getJobCounts();
  await bull.close();
  const bee: Record<string, number> = {};
  for (const name of ['metadata_queue', 'metadata_queue.moved']) {
    const queue = new BeeQueue(name, {
      prefix: 'hybrid-demo-bq',
      redis: { url: redis.url } as never,
      isWorker: false,
      getEvents: false,
    });
    const { waiting, active, delayed, failed } = await queue.checkHealth();
    bee[name] = waiting + active + delayed + failed;
    await queue.close();
  }
  return { entries, outcomes, copies, bullCounts, bee };
}

describe('the demo', () => {
  it(
    'says what plain clients count in Redis, and what hybrid status says right after it',
    async () => {
      putMixedDocuments();
      const summary = await summaryOf(start(['--ratio', '0.4']));
      const { entries, outcomes, copies, bullCounts, bee } = await countPlainly();
      const { stable, canary } = summary.backends;

      expect(summary).toMatchObject({
        status: 'completed',
        namespace: NAMESPACE,
        ratio: { target: 0.4, changes: [] },
      });
      expect(summary.documents).toEqual({ read: 26, completed: 26, partial: 0, split: 0 });
      expect(stable.documents + canary.documents).toBe(26);
      expect(stable.documents * canary.documents).toBeGreaterThan(0);
      expect(stable.chunks + canary.chunks).toBe(summary.chunks.read);
      expect(summary.chunks).toMatchObject({ failed: 0, kept: 0, unanswered: 0, succeeded: outcomes.length });
      const { pairs = 0, controlPairs = 0 } = summary.report ?? {};
      expect(pairs + controlPairs).toBe(copies.size);
      expect(summary.chunks.chinese).toBeGreaterThanOrEqual(5);
      expect(summary.chunks.chinese + summary.chunks.english).toBe(summary.chunks.read);
      expect(summary.skipped.first.map(({ reason }) => reason)).toEqual(['empty', 'binary']);

      expect(entries.map(({ owner, state }) => `${owner} ${state}`)).toEqual(
        Array.from({ length: canary.chunks }, () => 'canary succeeded'),
      );
      const ran = (backend: string) =>
        outcomes.filter((outcome) => outcome.backend === backend && outcome.status === 'succeeded').length;
      expect([ran('stable'), ran('canary')]).toEqual([stable.succeeded, canary.succeeded]);
      expect([stable.succeeded, canary.succeeded]).toEqual([stable.chunks, canary.chunks]);
      const { waiting, active, delayed, failed } = bullCounts;
      expect([waiting, active, delayed, failed]).toEqual([0, 0, 0, 0]);
      expect(bee).toEqual({ metadata_queue: 0, 'metadata_queue.moved': 0 });

      const status = runTypeScript(
        { file: 'src/cli/main.ts' },
        {
          args: [
            'status',
            '--config',
            CONFIG,
            '--app',
            compiled('examples/document-metadata/task.ts'),
            '--json',
          ],
          env: { REDIS_URL: redis.url },
        },
      );
      const shown: SystemStatus = JSON.parse((await end(status)).stdout);
      expect(shown.control).toMatchObject({ celeryRatio: 0.4, epoch: summary.ratio.epoch });
      expect(shown.ledger).toMatchObject({
        accepted: entries.length,
        succeeded: entries.length,
        conserved: true,
      });
      expect(shown.plain).toEqual({ succeeded: stable.chunks, failed: 0, cancelled: 0 });
      expect(shown.workers).toEqual([]);
      expect({ ledger: shown.ledger, plain: shown.plain, parked: shown.parked }).toEqual(summary.live);

      const documents = documentsIn('out');
      expect(documents).toHaveLength(26);
      const backendOf = new Map(outcomes.map(({ id, backend }) => [id, backend]));
      for (const { status: state, chunks } of documents) {
        expect(state).toBe('completed');
        for (const chunk of chunks) expect(chunk.backend).toBe(backendOf.get(chunk.taskId));
        expect(new Set(chunks.map(({ backend }) => backend)).size).toBe(1);
      }
      expect(readdirSync(join(home, 'out', 'in-progress'))).toEqual([]);
    },
    LONG_MS,
  );

  it(
    'begins anew when it is run again, with the ratio that it is given',
    async () => {
      putDocuments(6, 4);
      const first = await summaryOf(start(['--ratio', '0']));
      expect(first.backends.stable.chunks).toBe(first.chunks.submitted);
      expect(first.backends.canary).toMatchObject({ documents: 0, chunks: 0, documentShare: 0 });
      const second = await summaryOf(start(['--ratio', '1', '--limit', '5']));
      expect(second.backends.canary.chunks).toBe(second.chunks.submitted);
      expect(second.documents).toMatchObject({ read: 5, completed: 5 });
      expect(second.chunks.kept).toBe(0);
      expect(second.ratio.epoch).toBe(first.ratio.epoch + 1);
      expect(second.live.plain.succeeded).toBe(first.chunks.submitted);
      expect(second.live.ledger.succeeded).toBe(second.chunks.submitted);
      expect(documentsIn('out').map(({ documentId }) => documentId)).toHaveLength(5);
    },
    LONG_MS,
  );

  it(
    'tells what somebody has changed meanwhile',
    async () => {
      putDocuments(40, 12);
      const middle = holdInTheMiddle(proxy, 10);
      const [child, epoch] = await withManager(async (manager) => {
        const started = start(['--ratio', '0'], { url: proxy.url });
        await middle.caught;
        return [started, (await manager.setRatio(1, { reason: 'in the middle' })).epoch] as const;
      });
      middle.pass();
      const summary = await summaryOf(child);
      expect(summary.status).toBe('completed');
      expect(summary.ratio).toMatchObject({ target: 0, changes: [{ epoch, celeryRatio: 1, frozen: false }] });
      expect(summary.backends.canary.chunks).toBeGreaterThan(0);
      expect(summary.live.ledger.succeeded).toBe(summary.backends.canary.chunks);
    },
    LONG_MS,
  );

  it(
    'goes on after Ctrl-C when it is run again',
    async () => {
      putDocuments(40, 12);
      const middle = holdInTheMiddle(proxy, 10);
      const child = start([], { url: proxy.url });
      await middle.caught;
      child.kill('SIGINT');
      middle.pass();
      const { code, stdout } = await end(child);
      expect(code).toBe(130);
      const interrupted: DemoSummary = JSON.parse(stdout);
      expect(interrupted.status).toBe('interrupted');
      expect(interrupted.documents.read).toBeLessThan(40);
      await expectWhole(await summaryOf(start()), interrupted.chunks.succeeded);
    },
    LONG_MS,
  );

  it(
    'leaves no worker behind when it is killed, on a Redis that lives on',
    async () => {
      putDocuments(40, 12);
      const middle = holdInTheMiddle(proxy, 10);
      const workers = await withManager(async (manager) => {
        const child = start([], { url: proxy.url });
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
    LONG_MS,
  );

  it(
    'takes its private Redis along when it is killed, and the next run does the rest',
    async () => {
      putDocuments(40, 12);
      // Without REDIS_URL: a private server in the folder.
      const child = start([], { url: '' });
      const record = join(home, '.hybrid', 'redis', 'server.json');
      const url = await waitFor(() => urlIn(record), { what: 'the private Redis', timeoutMs: 60_000 });
      // It is written down before it listens.
      await waitFor(() => hasWorker(url), { what: 'a worker on the private Redis', timeoutMs: 60_000 });
      const workers = await withManager(async (manager) => {
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
      const summary = await summaryOf(start([], { url: '' }));
      expect(summary.redis.isPrivate).toBe(true);
      await expectWhole(summary, 1);
      await waitFor(() => readJson(record) === null, {
        what: 'the end of the private Redis',
        timeoutMs: 30_000,
      });
    },
    LONG_MS,
  );
});

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
  expect(documentsIn('out').filter(({ status }) => status === 'completed')).toHaveLength(40);
}

function urlIn(record: string): string {
  const server = readJson<{ port: number }>(record);
  return server === null ? '' : `redis://127.0.0.1:${server.port}`;
}

function hasWorker(url: string): Promise<boolean> {
  return withManager(async (manager) => (await manager.status()).workers.length > 0, url).catch(() => false);
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

describe('a demo that does not begin', () => {
  const { REDIS_URL } = process.env;
  afterEach(() => {
    if (REDIS_URL === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = REDIS_URL;
  });
  const run = async (...argv: string[]) => {
    const said: string[] = [];
    const write = (text: unknown) => said.push(String(text)) > 0;
    const spies = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation(write as typeof stream.write),
    );
    const code = await runDemo(argv).finally(() => {
      for (const spy of spies) spy.mockRestore();
    });
    return { code, text: said.join('') };
  };
  const out = () => join(home, 'out');

  it.each(['50%', '1.5', '-1', 'NaN', ''])('refuses --ratio %j', async (given) => {
    const { code, text } = await run(`--ratio=${given}`);
    expect(code).toBe(2);
    expect(text).toBe(
      `error: The ratio is ${JSON.stringify(given)}; allowed: a number from 0 (all to stable) to 1 (all to canary), like 0.05. (E_INVALID_RATIO)\n`,
    );
  });

  it.each([
    ['--limit=0', /--limit.*Allowed: a whole number from 1/],
    ['--fast', /unknown option '--fast'/],
  ])('refuses %s and says how to get help', async (given, sentence) => {
    const { code, text } = await run(given);
    expect(code).toBe(2);
    expect(text).toMatch(sentence);
    expect(text).toMatch(/npm run demo -- --help/);
  });

  it('refuses a folder that is not there', async () => {
    const { code, text } = await run(join(home, 'nowhere'), '--out', out());
    expect(code).toBe(2);
    expect(text).toMatch(/nowhere cannot be read: it does not exist; allowed: .*\(E_UNREADABLE_SOURCE\)/);
  });

  it('refuses an empty folder', async () => {
    mkdirSync(join(home, 'docs'));
    const { code, text } = await run(join(home, 'docs'), '--out', out());
    expect(code).toBe(2);
    expect(text).toMatch(/^error: There is no document in .*docs; allowed: \.md, .*\(E_NO_DOCUMENTS\)\n$/);
  });

  it('refuses a folder with nothing but binary files, naming them', async () => {
    put('a.txt', new Uint8Array([1, 0, 2]));
    put('b.md', new Uint8Array([0]));
    const { code, text } = await run(join(home, 'docs'), '--json', '--out', out());
    expect(code).toBe(2);
    const { error } = JSON.parse(text);
    expect(error.code).toBe('E_NO_DOCUMENTS');
    expect(error.message).toMatch(/2 passed over: .*a\.txt: binary; .*b\.md: binary/);
  });

  it('refuses an output folder that cannot be made', async () => {
    putDocuments(1, 1);
    const { code, text } = await run(join(home, 'docs'), '--out', join(home, 'docs', 'document-0.md', 'out'));
    expect(code).toBe(2);
    expect(text).toMatch(/cannot be written: a file stands where a folder is needed.*\(E_OUTPUT_FOLDER\)/);
  });

  it('refuses an output folder with other files in it, and leaves them alone', async () => {
    putDocuments(1, 1);
    const { code, text } = await run(join(home, 'docs'), '--out', join(home, 'docs'));
    expect(code).toBe(2);
    expect(text).toMatch(/there are files in it that are not from this demo.*--out DIR \(E_OUTPUT_IN_USE\)/);
    expect(readdirSync(join(home, 'docs'))).toEqual(['document-0.md']);
  });

  it('refuses an output folder that another demo is writing to', async () => {
    putDocuments(1, 1);
    mkdirSync(out());
    const record = { program: 'hybrid demo', runId: 'another', pid: process.ppid, finishedAt: null };
    writeFileSync(join(out(), 'run.json'), JSON.stringify(record));
    const { code, text } = await run(join(home, 'docs'), '--out', out());
    expect(code).toBe(2);
    expect(text).toMatch(/another demo \(process \d+\) is writing to it/);
  });

  it('says so when a freeze is in force, submits nothing, and ends with 3', async () => {
    putDocuments(1, 1);
    await withManager((manager) => manager.freeze({ reason: 'test' }));
    process.env.REDIS_URL = redis.url;
    const { code, text } = await run(join(home, 'docs'), '--json', '--out', out());
    expect(code).toBe(3);
    const { error } = JSON.parse(text);
    expect(error.code).toBe('E_FROZEN');
    expect(error.message).toMatch(/npx hybrid resume --reason "\.\.\." --config .*demo\.yaml/);
    const { plain, ledger, control } = await withManager((manager) => manager.status());
    expect([plain.succeeded, ledger.accepted, control.frozen]).toEqual([0, 0, 'rollback']);
  });

  it('explains itself', async () => {
    const { code, text } = await run('--help');
    expect(code).toBe(0);
    expect(text).toMatch(/^Usage: hybrid demo \[options\] \[folder\]/);
  });
});
