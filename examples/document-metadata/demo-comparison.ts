import { setTimeout as delay } from 'node:timers/promises';
import {
  type ComparisonReport,
  type HybridConfig,
  HybridTaskManager,
  renderReport,
  type SystemStatus,
} from '../../src/index.ts';
import type { DemoFolder } from './demo-folder.ts';
import { plainLog } from './demo-log.ts';
import type { DemoSummary } from './demo-summary.ts';
import { plural } from './demo-text.ts';
import { tasks } from './task.ts';

/** A copy takes as long as the run that it is a copy of; beyond this, something is wrong with it. */
const COMPARED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 250;

/**
 * Waits for the comparisons of a run that has all its answers.
 * @param enough ends the wait early
 * @returns pairs that are not compared
 */
export async function awaitComparisons(
  manager: HybridTaskManager,
  enough: AbortSignal,
  say: (text: string) => void,
): Promise<number> {
  const endAt = performance.now() + COMPARED_WITHIN_MS;
  let left = await manager.waitingPairs();
  if (left > 0) {
    say(
      `All chunks have their answer. Comparing ${plural(left, 'more pair')} of answers; Ctrl-C: not those.`,
    );
  }
  // Twice in a row: a copy may just be on its way to Redis.
  for (let empty = 0; empty < 2 && !enough.aborted && performance.now() < endAt; ) {
    await delay(LOOK_EVERY_MS, undefined, { signal: enough }).catch(() => {});
    left = await manager.waitingPairs();
    empty = left === 0 ? empty + 1 : 0;
  }
  if (left > 0) say(`${plural(left, 'pair was', 'pairs were')} not compared; the report is without them.`);
  return left;
}

export interface LookBack {
  readonly status: SystemStatus;
  readonly report: ComparisonReport;
}

/**
 * What Redis says of a run when every process that took part has written down what it counted.
 * @param startedAt milliseconds since 1970, on this machine's clock
 */
export async function lookBack(config: HybridConfig, startedAt: number): Promise<LookBack> {
  const manager = await HybridTaskManager.open({
    config,
    tasks,
    log: plainLog(() => {}),
    followConfigFile: false,
  });
  try {
    const lastMs = Math.max(1000, Date.now() - startedAt);
    return { status: await manager.status(), report: await manager.report({ lastMs }) };
  } finally {
    await manager.close();
  }
}

/** Puts the report beside the results. @throws {OutputFolderError} */
export async function keepReport(
  report: ComparisonReport,
  uncompared: number,
  folder: DemoFolder,
): Promise<NonNullable<DemoSummary['report']>> {
  const path = await folder.writeReport(await renderReport(report, 'html'));
  const { verdict, headline, total } = report;
  const { pairs, mismatched, noise } = total.parity;
  return { verdict, headline, path, pairs, mismatched, controlPairs: noise.pairs, uncompared };
}
