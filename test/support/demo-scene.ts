import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { DemoSummary } from '../../examples/document-metadata/demo-summary.ts';
import type { DocumentRecord } from '../../examples/document-metadata/records.ts';
import { tasks } from '../../examples/document-metadata/task.ts';
import { HybridTaskManager, loadConfig } from '../../src/index.ts';
import { runTypeScript, type TestChild } from './child.ts';
import { expectNoLeakedConnections, plainClient, type RedisServer, startRedis } from './redis.ts';
import { type Interception, startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

export const DEMO_CONFIG = join(process.cwd(), 'config/demo.yaml');
/** Each run of the demo starts several processes. */
export const DEMO_TEST_MS = 180_000;

const SENTENCES = [
  'The night shift empties the queue before the first trains leave the station.',
  'Every parcel carries a label that names the street, the floor and the weight.',
  'A second conveyor was built beside the first, and both are watched by the same clerk.',
  'When a belt stops, its parcels are moved by hand and counted again at the gate.',
  'Nobody likes surprises at three in the morning, least of all the people on call.',
];

/** About `paragraphs` * 400 characters; no two paragraphs are alike. */
export function prose(document: number, paragraphs: number): string {
  const lines = Array.from({ length: paragraphs }, (_, p) =>
    SENTENCES.map((_, s) => SENTENCES[(document + p + s) % SENTENCES.length])
      .concat(`This is written above gate ${document}-${p}.`)
      .join(' '),
  );
  return lines.join('\n\n');
}

/** What a process has said when it has ended. */
export async function endOf(child: TestChild) {
  const lines: string[] = [];
  try {
    for (;;) lines.push(await child.nextLine());
  } catch {
    return { code: await child.ended, stdout: lines.join('\n'), stderr: child.complaints() };
  }
}

/** For the top of a test file: a Redis server for all of its tests, and an empty folder for each. */
export function demoScene(): DemoScene {
  const scene = new DemoScene();
  beforeAll(() => scene.open());
  beforeEach(() => scene.begin());
  afterEach(() => scene.remove());
  afterAll(async () => {
    await scene.close();
    await expectNoLeakedConnections();
  });
  return scene;
}

/** A folder with documents, and the demo run on it. */
export class DemoScene {
  /** Another one for each test. */
  home = '';
  #redis: RedisServer | undefined;
  /** In front of it, for a demo that is to be held up. */
  #proxy: TcpProxy | undefined;

  async open(): Promise<void> {
    this.#redis = await startRedis();
    this.#proxy = await startTcpProxy(this.#redis.url);
  }

  async begin(): Promise<void> {
    this.home = mkdtempSync(join(tmpdir(), 'hybrid-demo-test-'));
    await plainClient(this.url).flushall(); // this file's own server
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.#proxy?.close();
  }

  get url(): string {
    return this.#redis?.url ?? '';
  }

  get proxyUrl(): string {
    return this.#proxy?.url ?? '';
  }

  put(name: string, content: string | Uint8Array): void {
    const path = join(this.home, 'docs', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  /** @param paragraphs of each; three are about a chunk */
  putDocuments(count: number, paragraphs = 18): void {
    for (let i = 0; i < count; i++) {
      this.put(`document-${i}.md`, `# Document ${i}\n\n${prose(i, paragraphs)}`);
    }
  }

  /** With one worker. @param url '' for a private Redis */
  startAt(url: string, ...args: string[]): TestChild {
    return runTypeScript(
      { file: 'examples/document-metadata/demo.ts' },
      { args, env: { REDIS_URL: url, WORKER_COUNT: '1' }, cwd: this.home },
    );
  }

  start(...args: string[]): TestChild {
    return this.startAt(this.url, ...args);
  }

  /** @throws with what it complained about, if it did not end with 0 */
  async summaryOf(...args: string[]): Promise<DemoSummary> {
    return this.summaryAt(this.url, ...args);
  }

  async summaryAt(url: string, ...args: string[]): Promise<DemoSummary> {
    return summaryFrom(this.startAt(url, '--json', ...args));
  }

  /**
   * Holds up a submission of a demo at `proxyUrl`, once it has so many answers: until pass() it is in the middle of its
   * run, however long the test takes to act on that; up to redis.commandTimeoutMs, if it is to go on well.
   */
  holdInTheMiddle(answers: number): Interception {
    let seen = 0;
    if (this.#proxy === undefined) throw new Error('The scene is not open.');
    return this.#proxy.intercept('request', (request) => {
      const text = request.toString();
      seen += text.split('"status":"succeeded"').length - 1;
      return seen >= answers && text.includes('chunkText');
    });
  }

  async withManager<T>(run: (manager: HybridTaskManager) => Promise<T>, url = this.url): Promise<T> {
    const manager = await HybridTaskManager.open({
      config: await loadConfig({ file: DEMO_CONFIG, env: { REDIS_URL: url } }),
      tasks,
      followConfigFile: false,
    });
    try {
      return await run(manager);
    } finally {
      await manager.close();
    }
  }

  /** What `hybrid` prints as JSON. */
  async hybrid(...args: string[]) {
    const child = runTypeScript(
      { file: 'src/cli/main.ts' },
      { args: [...args, '--json'], env: { REDIS_URL: this.url }, cwd: this.home },
    );
    const { stdout, stderr } = await endOf(child);
    if (stderr !== '') throw new Error(stderr);
    return JSON.parse(stdout);
  }

  /** The results in the folder `out`. */
  results(): DocumentRecord[] {
    const folder = join(this.home, 'out');
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json') && name !== 'run.json')
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  }
}

/** @throws with what it complained about, if it did not end with 0 */
export async function summaryFrom(child: TestChild): Promise<DemoSummary> {
  const { code, stdout, stderr } = await endOf(child);
  if (code !== 0) throw new Error(`The demo ended with ${code}:\n${stdout}\n${stderr}`);
  return JSON.parse(stdout);
}
