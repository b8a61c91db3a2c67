import type { ComparisonReport } from '../domain/report.ts';
import { plural } from '../domain/wording.ts';

/** What to keep in mind when reading, one sentence each. */
export function notesOf({ backends, parity }: ComparisonReport['total'], judgedTasks: number): string[] {
  const notes: string[] = [];
  const [stable, canary] = [backends.stable.apart, backends.canary.apart];
  const apart =
    Math.max(canary.submitted, canary.succeeded + canary.failed) + stable.succeeded + stable.failed;
  if (apart > 0) {
    notes.push(
      `${plural(apart, 'task was', 'tasks were')} forced to canary or brought back from it; these are counted apart and in no comparison, because chance did not choose them.`,
    );
  }
  if (stable.submitted > 0) {
    notes.push(
      `${plural(stable.submitted, 'task was', 'tasks were')} forced to stable (named by the caller, frozen, canary down); bee-queue's own jobs do not say so, so their runs count with stable's others.`,
    );
  }
  if (parity.unjudged > 0) {
    notes.push(
      `${plural(parity.unjudged, 'pair')} could not be judged: stable gave no outcome in time, or the task's own comparison failed. They count neither for nor against canary; where they are more than the mismatches allowed, no verdict is successful.`,
    );
  }
  if (parity.dropped > 0) {
    notes.push(
      `${plural(parity.dropped, 'pair was', 'pairs were')} dropped: cancelled, moved, or without an outcome on either side.`,
    );
  }
  if (judgedTasks > 1) {
    notes.push('The total mixes tasks that may have had different ratios; only single tasks are judged.');
  }
  return notes;
}
