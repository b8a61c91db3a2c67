import { setTimeout as delay } from 'node:timers/promises';
import { build as buildHistogram } from 'hdr-histogram-js';
import { HybridTaskManager } from '../../src/index.ts';
import { answerParent } from './child-process.ts';
import { benchTask, oursConfig, payloadOf, type SideSpec } from './job.ts';

/** Submissions to stable, in pairs: 500 a second. */
const PAIR_EVERY_MS = 4;

/** Of one stretch of time, in milliseconds. */
export interface Latencies {
  readonly submissions: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

let manager: HybridTaskManager | undefined;
let isStopped = false;
let submitting: Promise<void> | undefined;
let histogram = newHistogram();

function newHistogram() {
  return buildHistogram({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 });
}

async function submitSteadily(to: HybridTaskManager): Promise<void> {
  const task = benchTask(() => {});
  const startedAt = performance.now();
  for (let n = 0; !isStopped; n++) {
    for (let i = 0; i < 2; i++) {
      const from = performance.now();
      void to.submit(task, payloadOf(2 * n + i), { backend: 'stable' }).then(() => {
        histogram.recordValue(Math.max(1, Math.round((performance.now() - from) * 1000)));
      });
    }
    // By the clock and not by the pause: what was held up is made good, as traffic would.
    await delay(Math.max(0, startedAt + (n + 1) * PAIR_EVERY_MS - performance.now()));
  }
}

/** Traffic that goes on while somebody rolls back. */
answerParent(
  {
    begin: async (spec: SideSpec) => {
      manager = await HybridTaskManager.open({ config: oursConfig(spec), tasks: [benchTask(() => {})] });
      submitting = submitSteadily(manager);
    },
    /** What was measured since the last call. */
    read: async (): Promise<Latencies> => {
      const measured = histogram;
      histogram = newHistogram();
      const ms = (percentile: number) => measured.getValueAtPercentile(percentile) / 1000;
      return { submissions: measured.totalCount, p50Ms: ms(50), p99Ms: ms(99), maxMs: ms(100) };
    },
  },
  async () => {
    isStopped = true;
    await submitting;
    await manager?.close();
  },
);
