import type { RunCell } from '../domain/aggregates.ts';
import type { BackendSide, ReportGates, TaskComparison, Unfinished } from '../domain/report.ts';
import type { BackendName } from '../domain/task.ts';
import { count, percent } from '../domain/wording.ts';
import { cellsOf, sumCounts } from './pools.ts';

/** Some are always on their way. */
const USUAL_SHARE = 0.05;

/** What was submitted and has not ended. */
export function unfinishedOf(runs: readonly RunCell[], backend: BackendName): Unfinished {
  const open = (arms: Parameters<typeof cellsOf>[2]) => {
    const { submitted, succeeded, failed } = sumCounts(cellsOf(runs, backend, arms));
    // What was submitted before the window may end in it.
    return Math.max(0, submitted - succeeded - failed);
  };
  return {
    // A run of bee-queue's own job does not say that it was forced there: only together do submissions and runs add up.
    assigned: open(backend === 'stable' ? ['assigned', 'forced'] : ['assigned']),
    shadow: open(['shadow']),
  };
}

/**
 * Says that canary leaves more unfinished than stable does. Runs that hang, or wait for ever, are in no error rate and in
 * no time, so what is left looks good.
 *
 * @returns null: it does not
 */
export function unfinishedDoubt(
  { stable, canary }: TaskComparison['backends'],
  gates: ReportGates,
): string | null {
  const onStable = stable.unfinished.assigned + stable.unfinished.shadow;
  const ofStable = submittedTo(stable) + stable.shadow.submitted;
  const usual = ofStable === 0 ? 0 : onStable / ofStable;
  const most = usual + Math.max(USUAL_SHARE, gates.errorRateDifference);
  const sides = [
    ['tasks sent to', canary.unfinished.assigned, canary.assigned.submitted],
    ['copies on', canary.unfinished.shadow, canary.shadow.submitted],
  ] as const;
  const found = sides.filter(
    ([, open, of]) => open > 0 && open >= gates.minimumTasks / 10 && open / of > most,
  );
  if (found.length === 0) return null;
  const seen = found.map(([what, open, of]) => `${count(open)} of ${count(of)} ${what} canary`);
  return `${seen.join(' and ')} have not ended (${percent(usual)} on stable: ${count(onStable)} of ${count(ofStable)})`;
}

/** What is forced there counts with the others, as far as it cannot be told apart. */
function submittedTo({ assigned, apart }: BackendSide): number {
  return assigned.submitted + apart.submitted;
}
