import { setTimeout as delay } from 'node:timers/promises';
import { openBenchRedis } from './bench-redis.ts';
import { startChild } from './child-process.ts';
import { type Figure, measureOf, spreadOf } from './figures.ts';
import type { SideSpec } from './job.ts';
import { makePending } from './pending-tasks.ts';
import type { RollbackReading } from './rollback-child.ts';
import type { BenchPlan } from './rounds.ts';
import type { Latencies } from './steady-child.ts';

const PENDING = 100_000;
const MICROS_PER_TASK_TARGET = 100;
const HEAP_TARGET_MIB = 64;
const MIB = 1024 * 1024;
/** How long the traffic is measured before and after. */
const OUTSIDE_MS = 5_000;

interface Run {
  readonly rollback: RollbackReading;
  readonly outside: Latencies;
  readonly during: Latencies;
}

/** The way back with 100,000 pending tasks while 500 submissions a second go on; and its time per task by their number. */
export async function benchRollback(plan: BenchPlan): Promise<{ redis: string; figures: Figure[] }> {
  const redis = await openBenchRedis();
  try {
    const { url: redisUrl, run } = redis;
    const pending = plan.isQuick ? 500 : PENDING;
    const runs: Run[] = [];
    for (let round = 1; round <= plan.rounds; round++) {
      plan.say(`round ${round} of ${plan.rounds}: making ${pending} pending tasks`);
      runs.push(
        await underTraffic(
          { library: 'ours', backend: 'canary', redisUrl, run: `${run}-${round}` },
          pending,
          plan,
        ),
      );
      await redis.clear();
    }
    const figures = figuresOf(runs, pending);
    for (const size of plan.isQuick
      ? [100]
      : [1_000, 10_000, 100_000, ...(plan.isLarge ? [1_000_000] : [])]) {
      plan.say(`${size} pending tasks, nothing else going on`);
      figures.push(
        await bySize({ library: 'ours', backend: 'canary', redisUrl, run: `${run}-size-${size}` }, size),
      );
      await redis.clear();
    }
    return { redis: redis.version, figures };
  } finally {
    await redis.close();
  }
}

async function underTraffic(spec: SideSpec, pending: number, plan: BenchPlan): Promise<Run> {
  await makePending(spec, pending, true);
  const operator = startChild('rollback-child');
  const traffic = startChild('steady-child');
  try {
    await operator.ask('open', spec);
    await traffic.ask('begin', spec);
    const pauseMs = plan.isQuick ? 200 : OUTSIDE_MS;
    await delay(pauseMs / 2);
    await traffic.ask('read');
    plan.say('measuring the traffic alone');
    await delay(pauseMs);
    const outside = await traffic.ask<Latencies>('read');
    plan.say(`rolling back ${pending} tasks`);
    const rollback = await operator.ask<RollbackReading>('rollback');
    const during = await traffic.ask<Latencies>('read');
    return { rollback, outside, during };
  } finally {
    await Promise.all([operator.end(), traffic.end()]);
  }
}

async function bySize(spec: SideSpec, size: number): Promise<Figure> {
  await makePending(spec, size, false);
  const operator = startChild('rollback-child');
  try {
    await operator.ask('open', spec);
    const reading = await operator.ask<RollbackReading>('rollback');
    const heading = {
      id: `rollback-evacuate-${size}`,
      title: `evacuating, ${size.toLocaleString('en-US')} pending, nothing else going on, per task`,
      unit: 'µs',
      target: null,
    };
    return measureOf(heading, spreadOf([microsPerTask(reading, 'evacuate')]), { ...reading });
  } finally {
    await operator.end();
  }
}

function microsPerTask({ phases, moved }: RollbackReading, phase: string): number {
  return ((phases[phase] ?? 0) * 1000) / Math.max(1, moved);
}

function figuresOf(runs: readonly Run[], pending: number): Figure[] {
  const count = pending.toLocaleString('en-US');
  const of = (pick: (run: Run) => number) => spreadOf(runs.map(pick));
  const figure = (
    id: string,
    title: string,
    unit: string,
    target: number | null,
    pick: (run: Run) => number,
  ) => measureOf({ id, title, unit, target }, of(pick));
  return [
    figure(
      'rollback-freeze',
      'from the call of the freeze to its answer: one script call',
      'ms',
      null,
      (run) => run.rollback.freezeMs,
    ),
    measureOf(
      {
        id: 'rollback-evacuate',
        title: `evacuating ${count} tasks beside 500 submissions/s, per task`,
        unit: 'µs',
        target: MICROS_PER_TASK_TARGET,
      },
      of((run) => microsPerTask(run.rollback, 'evacuate')),
      { runs },
    ),
    figure('rollback-verify', 'verifying that each is in a queue of stable, per task', 'µs', null, (run) =>
      microsPerTask(run.rollback, 'verify'),
    ),
    figure('rollback-tidy', 'removing what is left of it in BullMQ, per task', 'µs', null, (run) =>
      microsPerTask(run.rollback, 'tidy'),
    ),
    figure(
      'rollback-heap',
      "the operator's heap above its start, at most",
      'MiB',
      HEAP_TARGET_MIB,
      (run) => run.rollback.heapGrowth / MIB,
    ),
    figure(
      'rollback-traffic-outside',
      'submitting to stable, p99, before the rollback',
      'ms',
      null,
      (run) => run.outside.p99Ms,
    ),
    figure(
      'rollback-traffic-during',
      'submitting to stable, p99, during the rollback',
      'ms',
      null,
      (run) => run.during.p99Ms,
    ),
  ];
}
