import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, totalmem, type } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import Table from 'cli-table3';
import pc from 'picocolors';
import type { Comparison, Figure, Measure } from './figures.ts';
import { PAYLOAD_BYTES } from './job.ts';

export interface BenchReport {
  readonly bench: string;
  readonly startedAt: string;
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly payloadBytes: number;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryMiB: number;
    readonly system: string;
    /** Of the last minute. Above the number of cores others were working, too, and the figures are worth less. */
    readonly loadAverage: number;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: readonly Figure[];
}

export function reportOf(
  bench: string,
  plan: { readonly isQuick: boolean; readonly rounds: number },
  startedAt: Date,
  redis: string | undefined,
  figures: readonly Figure[],
): BenchReport {
  return {
    bench,
    startedAt: startedAt.toISOString(),
    isQuick: plan.isQuick,
    rounds: plan.rounds,
    payloadBytes: PAYLOAD_BYTES,
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryMiB: Math.round(totalmem() / 1024 / 1024),
      system: type(),
      loadAverage: loadavg()[0] ?? 0,
    },
    versions: {
      node: process.versions.node,
      ...(redis === undefined ? {} : { redis }),
      ...Object.fromEntries(['bee-queue', 'bullmq', 'ioredis'].map((name) => [name, versionOf(name)])),
    },
    figures,
  };
}

/** @returns the path of the file */
export async function writeReport(report: BenchReport, folder: string): Promise<string> {
  const path = resolve(folder, `${report.bench}-${report.startedAt.replace(/[:.]/g, '-')}.json`);
  await mkdir(folder, { recursive: true });
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

export function renderReport(report: BenchReport): string {
  const comparisons = report.figures.filter((figure) => figure.kind === 'comparison');
  const measures = report.figures.filter((figure) => figure.kind === 'measure');
  const parts: string[] = [];
  if (comparisons.length > 0) parts.push(renderComparisons(comparisons), renderCosts(comparisons));
  if (measures.length > 0) parts.push(renderMeasures(measures));
  const { machine, versions } = report;
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  parts.push(
    pc.dim(`${machine.cpu}, ${machine.cores} cores, load ${machine.loadAverage.toFixed(1)}; `) +
      pc.dim(`${software.join(', ')}; medians of ${report.rounds} rounds`),
  );
  if (report.isQuick)
    parts.push(pc.yellow('--quick shows that the benchmark runs; its figures mean nothing.'));
  return parts.join('\n');
}

function renderComparisons(comparisons: readonly Comparison[]): string {
  const table = new Table({
    head: ['', 'ours/plain', 'spread', 'target', '', 'by CPU', 'ours, tasks/s', 'plain, tasks/s'],
    colAligns: ['left', 'right', 'right', 'right', 'left', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { title, ratio, cpuRatio, target, isReached, ours, plain } of comparisons) {
    table.push([
      title,
      pc.bold(ratio.median.toFixed(2)),
      `${ratio.min.toFixed(2)}..${ratio.max.toFixed(2)}`,
      target === null ? '' : `>= ${target.toFixed(2)}`,
      verdict(isReached),
      cpuRatio.toFixed(2),
      whole(ours.tasksPerSecond),
      whole(plain.tasksPerSecond),
    ]);
  }
  return table.toString();
}

/** Where the time goes. */
function renderCosts(comparisons: readonly Comparison[]): string {
  const table = new Table({
    head: ['per task', 'side', 'CPU, µs', 'Redis CPU, µs', 'Redis commands (those in scripts included)'],
    colAligns: ['left', 'left', 'right', 'right', 'left'],
    colWidths: [null, null, null, null, 64],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const comparison of comparisons) {
    for (const side of ['ours', 'plain'] as const) {
      const { cpuMicros, redisMicros, commands } = comparison[side];
      const calls = Object.entries(commands).map(([name, count]) => `${name} ${count.toFixed(2)}`);
      table.push([comparison.id, side, cpuMicros.toFixed(1), redisMicros.toFixed(1), calls.join(', ')]);
    }
  }
  return table.toString();
}

function renderMeasures(measures: readonly Measure[]): string {
  const table = new Table({
    head: ['', 'value', 'spread', 'target', ''],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const { title, unit, value, min, max, target, isReached } of measures) {
    const limit = target === null ? '' : `<= ${target} ${unit}`;
    table.push([
      title,
      pc.bold(`${value.toFixed(2)} ${unit}`),
      `${min.toFixed(2)}..${max.toFixed(2)}`,
      limit,
      verdict(isReached),
    ]);
  }
  return table.toString();
}

function verdict(isReached: boolean | null): string {
  if (isReached === null) return '';
  return isReached ? pc.green('reached') : pc.red('missed');
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

/** From the installed package itself; not every package lets its package.json be imported. */
function versionOf(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (found.name === name) return String(found.version);
    } catch {
      // not here
    }
  }
  return 'unknown';
}
