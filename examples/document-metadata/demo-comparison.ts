import {
  type ComparisonReport,
  type HybridConfig,
  HybridTaskManager,
  renderReport,
  type SystemStatus,
} from '../../src/index.ts';
import type { Figures } from './demo-figures.ts';
import type { DemoFolder } from './demo-folder.ts';
import { plainLog } from './demo-log.ts';
import type { DemoSummary } from './demo-summary.ts';
import { plural } from './demo-text.ts';
import { tasks } from './task.ts';

/** A copy takes as long as the run that it is a copy of; beyond this, something is wrong with it. */
const COMPARED_WITHIN_MS = 60_000;

/**
 * Waits for the comparisons of a run that has all its answers.
 * @param enough ends the wait early
 * @returns pairs that are not compared
 */
export async function awaitComparisons(
  figures: Figures,
  enough: AbortSignal,
  say: (text: string) => void,
): Promise<number> {
  const left = await figures.compared(COMPARED_WITHIN_MS, enough, (pairs) =>
    say(
      `All chunks have their answer. Comparing ${plural(pairs, 'more pair')} of answers; Ctrl-C: not those.`,
    ),
  );
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
export async function lookBack(config: HybridConfig, figures: Figures, startedAt: number): Promise<LookBack> {
  const manager = await HybridTaskManager.open({
    config,
    tasks,
    log: plainLog(() => {}),
    followConfigFile: false,
  });
  try {
    const to = await figures.now();
    // A time span, and not the time, or a machine whose clock is wrong would have another window.
    const from = to - Math.max(1000, Date.now() - startedAt);
    return { status: await manager.status(), report: await manager.report({ from, to }) };
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
