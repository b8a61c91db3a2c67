import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Figure } from '../../scripts/bench/figures.ts';
import type { BenchReport } from '../../scripts/bench/report.ts';
import { compiled } from '../support/compiled.ts';
import { plainClient, redisUrl } from '../support/redis.ts';

/** One run starts up to six processes; on a busy machine that takes its time. */
const PATIENCE_MS = 90_000;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hybrid-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One short iteration, so that the benchmarks keep running; what they measure here means nothing. */
async function quick(name: string, env: Readonly<Record<string, string>>): Promise<readonly Figure[]> {
  const { NODE_OPTIONS: _jest, ...inherited } = process.env;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [compiled('scripts/bench/main.ts'), name, '--quick', '--json', '--out', folder],
    { env: { ...inherited, ...env }, cwd: folder },
  );
  expect(stderr).toBe('');
  const { file, ...report } = JSON.parse(stdout) as BenchReport & { readonly file: string };
  expect(dirname(file)).toBe(folder);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(report);
  expect(report).toMatchObject({ bench: name, isQuick: true, rounds: 1, payloadBytes: 400 });
  expect(report.machine.cores).toBeGreaterThan(0);
  expect(report.versions).toMatchObject({ node: process.versions.node, bullmq: expect.any(String) });
  return report.figures;
}

function expectComparisons(figures: readonly Figure[], targets: Readonly<Record<string, number | null>>) {
  expect(Object.fromEntries(figures.map(({ id, target }) => [id, target]))).toEqual(targets);
  for (const figure of figures) {
    if (figure.kind !== 'comparison') throw new Error(`${figure.id} is a ${figure.kind}`);
    for (const value of [...Object.values(figure.ratio), figure.cpuRatio])
      expect(Number.isFinite(value)).toBe(true);
    expect(figure.isReached).toBe(figure.target === null ? null : figure.ratio.median >= figure.target);
    expect(figure.plain.rounds).toHaveLength(1);
    expect(Math.max(...Object.values(figure.plain.commands))).toBeGreaterThanOrEqual(1);
  }
}

function expectMeasures(figures: readonly Figure[], targets: Readonly<Record<string, number | null>>) {
  expect(Object.fromEntries(figures.map(({ id, target }) => [id, target]))).toEqual(targets);
  for (const figure of figures) {
    if (figure.kind !== 'measure') throw new Error(`${figure.id} is a ${figure.kind}`);
    for (const value of [figure.value, figure.min, figure.max]) expect(Number.isFinite(value)).toBe(true);
  }
}

/** The figures of one share of copies. */
function costsOf(id: string, mostP50: number | null): Readonly<Record<string, number | null>> {
  return { [id]: null, [`${id}-p50`]: mostP50, [`${id}-p99`]: null, [`${id}-many`]: null };
}

describe('the benchmarks run', () => {
  it(
    'rollback',
    async () => {
      expectMeasures(await quick('rollback', { REDIS_URL: redisUrl() }), {
        'rollback-freeze': null,
        'rollback-evacuate': 100,
        'rollback-verify': null,
        'rollback-tidy': null,
        'rollback-heap': 64,
        'rollback-traffic-outside': null,
        'rollback-traffic-during': null,
        'rollback-evacuate-100': null,
      });
    },
    PATIENCE_MS,
  );

  it(
    'route',
    async () => {
      expectMeasures(await quick('route', {}), { 'route-ratio': 1, 'route-flag': null });
    },
    PATIENCE_MS,
  );

  it(
    'submit, on a Redis of its own',
    async () => {
      expectComparisons(await quick('submit', { REDIS_URL: '' }), {
        'submit-stable': 1,
        'submit-stable-sequential': null,
        'submit-canary': 0.85,
        'submit-canary-sequential': null,
      });
    },
    PATIENCE_MS,
  );

  it(
    'process',
    async () => {
      const figures = await quick('process', { REDIS_URL: redisUrl() });
      expectComparisons(figures, { 'process-stable': 0.9, 'process-canary': 0.75 });
    },
    PATIENCE_MS,
  );

  it(
    'propagate',
    async () => {
      const figures = await quick('propagate', { REDIS_URL: redisUrl() });
      expectMeasures(figures, { propagate: 100, 'propagate-busy': 100 });
    },
    PATIENCE_MS,
  );

  it(
    'parity',
    async () => {
      expectMeasures(await quick('parity', { REDIS_URL: redisUrl() }), {
        'parity-0': null,
        ...costsOf('parity-1', null),
        ...costsOf('parity-10', 1.05),
        ...costsOf('parity-100', null),
      });
    },
    PATIENCE_MS,
  );

  it('and leave nothing in a Redis that was given to them', async () => {
    const redis = plainClient();
    const found: string[] = [];
    for await (const keys of redis.scanStream({ match: '*bench-*', count: 1000 })) found.push(...keys);
    expect(found).toEqual([]);
  });
});

describe('a mistake in the command line', () => {
  it.each([
    [[], 'Which benchmark? One of: route, submit, process, propagate, rollback, parity.'],
    [
      ['sumbit'],
      'There is no benchmark "sumbit"; allowed: route, submit, process, propagate, rollback, parity.',
    ],
    [['route', '--rounds', '0'], '--rounds: given "0"; allowed: a whole number from 1 to 1000.'],
    [['process', '--memory'], '--memory goes with submit only.'],
  ])('%j', async (args, message) => {
    const { runBench } = await import('../../scripts/bench/main.ts');
    const said: string[] = [];
    expect(await runBench(args, (text) => said.push(text))).toBe(2);
    expect(said.join('')).toContain(message);
  });
});
