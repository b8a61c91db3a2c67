import { setTimeout as delay } from 'node:timers/promises';
import { build as buildHistogram } from 'hdr-histogram-js';
import { HybridTaskManager } from '../../src/index.ts';
import { openBenchRedis } from './bench-redis.ts';
import { type BenchChild, startChild } from './child-process.ts';
import { type Figure, measureOf } from './figures.ts';
import { benchTask, oursConfig, type SideSpec } from './job.ts';
import { machineMicros } from './machine-clock.ts';
import type { BenchPlan } from './rounds.ts';

const LISTENERS = 4;
const TARGET_MS = 100;
/** Between two changes, so that they do not fall into step with anything. */
const SHORTEST_PAUSE_MS = 5;
const PAUSES = 11;

/** How long after a change of the ratio other processes act on it: quiet ones, and ones that are submitting. */
export async function benchPropagate(plan: BenchPlan): Promise<{ redis: string; figures: Figure[] }> {
  const redis = await openBenchRedis();
  const listeners = Array.from({ length: LISTENERS }, () => startChild('propagate-child'));
  let changer: HybridTaskManager | undefined;
  try {
    const spec: SideSpec = { library: 'ours', backend: 'stable', redisUrl: redis.url, run: redis.run };
    changer = await HybridTaskManager.open({ config: oursConfig(spec), tasks: [benchTask(() => {})] });
    await Promise.all(listeners.map((listener) => listener.ask('open', spec)));
    const changes = plan.isQuick ? 10 : 200;
    const figures: Figure[] = [];
    for (const isBusy of [false, true]) {
      plan.say(`${changes} changes, ${isBusy ? 'while the others submit' : 'the others quiet'}`);
      await Promise.all(listeners.map((listener) => listener.ask('setBusy', isBusy)));
      await change(changer, listeners, 5);
      figures.push(figureOf(await change(changer, listeners, changes), changes, isBusy));
    }
    return { redis: redis.version, figures };
  } finally {
    await Promise.all(listeners.map((listener) => listener.end()));
    await changer?.close();
    await redis.close();
  }
}

/** @returns the delay of every listener for every change, in microseconds */
async function change(
  changer: HybridTaskManager,
  listeners: readonly BenchChild[],
  changes: number,
): Promise<number[]> {
  const delays: number[] = [];
  for (let n = 0; n < changes; n++) {
    const epoch = changer.state.epoch + 1;
    const acted = listeners.map((listener) => listener.ask<number>('actsOn', epoch));
    const from = machineMicros();
    await changer.setRatio(n % 2 === 0 ? 0.2 : 0.1, { reason: 'benchmark' });
    for (const at of await Promise.all(acted)) delays.push(at - from);
    await delay(SHORTEST_PAUSE_MS + (n % PAUSES));
  }
  return delays;
}

function figureOf(delays: readonly number[], changes: number, isBusy: boolean): Figure {
  const histogram = buildHistogram({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 });
  for (const micros of delays) histogram.recordValue(Math.max(1, micros));
  const ms = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000;
  const who = `${LISTENERS} ${isBusy ? 'processes that submit' : 'quiet processes'}`;
  return measureOf(
    {
      id: isBusy ? 'propagate-busy' : 'propagate',
      title: `a change of the ratio is acted on by ${who}, p99`,
      unit: 'ms',
      target: TARGET_MS,
    },
    { median: ms(99), min: ms(0), max: ms(100) },
    { changes, samples: delays.length, p50Ms: ms(50), p90Ms: ms(90), p99Ms: ms(99), maxMs: ms(100) },
  );
}
