import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineTask, HybridTaskManager, loadConfig, type RollbackReport } from '../../src/index.ts';
import { buildProject } from '../support/build.ts';
import { type RedisServer, startRedis, uniqueName } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const TASKS = 20_000;
const WAVE = 500;
const PATIENCE_MS = 180_000;

/** The task of the test: each run appends its number to a file. */
const APP = `
import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { defineTask } from '../dist/src/index.js';
export const tasks = [defineTask({
  name: 'append', queue: 'lines', storeResult: false,
  input: z.object({ n: z.number() }), output: z.null(),
  handler: ({ n }) => { appendFileSync(process.env.LINES, n + '\\n'); return null; },
})];
`;
const append = defineTask({
  name: 'append',
  queue: 'lines',
  storeResult: false,
  input: z.object({ n: z.number() }),
  output: z.null(),
  handler: () => null,
});

let project: string;
let lines: string;
let config: string;
const workers: ChildProcess[] = [];
/** Of its own: on the one that all tests share somebody is always at work. */
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
  project = buildProject();
  copyFileSync('rollback.sh', join(project, 'rollback.sh'));
  mkdirSync(join(project, 'app'));
  writeFileSync(join(project, 'app/tasks.mjs'), APP);
  lines = join(project, 'lines');
  writeFileSync(lines, '');
  const name = uniqueName('acceptance');
  mkdirSync(join(project, 'config'));
  config = join(project, 'config/hybrid.yaml');
  writeFileSync(
    config,
    `namespace: ${name}   # of this test\nstable: { prefix: bq-${name} }\ncanary: { prefix: bull-${name} }\n` +
      `routing:\n  celeryRatio: 0.5 # half\napp: { module: app/tasks.mjs }\n`,
  );
}, PATIENCE_MS);

afterAll(() => {
  for (const worker of workers) worker.kill('SIGKILL');
});

const env = () => {
  const { NODE_OPTIONS: _jest, ...inherited } = process.env;
  return { ...inherited, REDIS_URL: redis.url, LINES: lines };
};

async function submitAll(): Promise<Record<string, number>> {
  const manager = await HybridTaskManager.open({
    config: await loadConfig({ file: config, env: { REDIS_URL: redis.url } }),
    tasks: [append],
    followConfigFile: false,
  });
  const placed = { stable: 0, canary: 0 };
  for (let from = 0; from < TASKS; from += WAVE) {
    const wave = Array.from({ length: WAVE }, (_, i) => manager.submit(append, { n: from + i }));
    for (const { backend } of await Promise.all(wave)) placed[backend] += 1;
  }
  await manager.close();
  return placed;
}

function startStableWorker(): ChildProcess {
  const args = ['dist/src/cli/main.js', 'worker', '--backend', 'stable', '--concurrency', '50'];
  const worker = spawn(process.execPath, args, { cwd: project, env: env(), stdio: 'ignore' });
  workers.push(worker);
  return worker;
}

describe('./rollback.sh --yes --json after 20,000 submissions at ratio 0.5, the workers stopped', () => {
  it(
    'exits with 0, and stable workers that are started then run each task exactly once',
    async () => {
      const placed = await submitAll();
      const { stdout } = await promisify(execFile)('bash', ['rollback.sh', '--yes', '--json'], {
        cwd: project,
        env: env(),
      });
      const report = JSON.parse(stdout) as RollbackReport;
      expect(report).toMatchObject({
        status: 'completed',
        problems: [],
        tasks: { moved: placed.canary, finishedOnCanary: 0, aborted: 0, left: 0 },
        ledger: { conserved: true, openCanary: 0, openMoved: placed.canary },
      });
      expect(readFileSync(config, 'utf8')).toContain('  celeryRatio: 0 # half\n');

      const pair = [startStableWorker(), startStableWorker()];
      const written = () => readFileSync(lines, 'utf8').split('\n').slice(0, -1);
      await waitFor(() => written().length >= TASKS, { what: 'as many lines as tasks', timeoutMs: 60_000 });
      const ended = pair.map((worker) => once(worker, 'exit'));
      for (const worker of pair) worker.kill('SIGTERM');
      await Promise.all(ended);
      const ran = written().map(Number);
      expect(ran.length).toBe(TASKS);
      expect(new Set(ran).size).toBe(TASKS);
    },
    PATIENCE_MS,
  );
});
