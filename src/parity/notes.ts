import type { TimelineEntry } from '../domain/aggregates.ts';
import type { ComparisonReport, TaskComparison } from '../domain/report.ts';
import { count, plural, timestamp } from '../domain/wording.ts';
import { COMPARED_ARMS } from './pools.ts';

/** Fewer together do not change an interval that anybody would see. */
const LEAST_TOGETHER = 0.05;
const MOST_NAMED = 3;
const HOUR_MS = 3_600_000;

/** What notes are made of besides the figures that are shown. */
export interface Background {
  /** Tasks without a verdict that canary has run for a reason: forced, replayed. */
  readonly onlyApart: readonly string[];
  readonly timeline: readonly TimelineEntry[];
}

/** What to keep in mind when reading, one sentence each. */
export function notesOf(
  total: ComparisonReport['total'],
  tasks: readonly TaskComparison[],
  { onlyApart, timeline }: Background,
): string[] {
  const notes = [
    ...apartNotes(total),
    ...togetherNotes(total),
    ...keptAwayNotes(tasks.filter(({ task }) => !onlyApart.includes(task))),
    ...onlyApartNotes(onlyApart),
    ...wholeHourNotes(timeline),
    ...pairNotes(total.parity),
  ];
  if (tasks.filter(({ verdict }) => verdict !== null).length > 1) {
    notes.push('The total mixes tasks that may have had different ratios; only single tasks are judged.');
  }
  return notes;
}

function apartNotes({ backends }: ComparisonReport['total']): string[] {
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
  return notes;
}

/** An interval takes submissions for independent; those that go one way together are not. */
function togetherNotes({ backends: { stable, canary } }: ComparisonReport['total']): string[] {
  // With a ratio of 0 or 1 all go one way, and nothing is compared but shadows.
  if (stable.assigned.submitted === 0 || canary.assigned.submitted === 0) return [];
  const assigned = stable.assigned.submitted + canary.assigned.submitted;
  const together = assigned - stable.assigned.randomised - canary.assigned.randomised;
  if (together < LEAST_TOGETHER * assigned) return [];
  return [
    `${count(together)} of ${count(assigned)} submissions were not sent by a draw of their own (a shared sticky key, a flag's own rules, a ratio of 0 or 1, canary down); where such tasks are like each other, the intervals of errors and times are narrower than they should be. Shadows are drawn one by one, so they are not affected.`,
  ];
}

/** Tasks without a verdict that canary may have been meant to run: an outage of canary looks like that. */
function keptAwayNotes(tasks: readonly TaskComparison[]): string[] {
  const kept = tasks.filter(
    ({ verdict, backends }) => verdict === null && backends.stable.apart.submitted > 0,
  );
  if (kept.length === 0) return [];
  const submitted = kept.reduce((sum, { backends }) => sum + backends.stable.apart.submitted, 0);
  return [
    `Not judged, and in no verdict above: ${named(kept.map(({ task }) => task))}. Canary has run none of it, and ${plural(submitted, 'submission was', 'submissions were')} forced to stable, which is what an outage of canary looks like.`,
  ];
}

function onlyApartNotes(tasks: readonly string[]): string[] {
  if (tasks.length === 0) return [];
  return [
    `Not judged, and in no verdict above: ${named(tasks)}. Only what was forced to canary or replayed has run there of it; chance did not choose that, so no verdict rests on it. (Replayed results that differ would fail it.)`,
  ];
}

/** What a former version has added up tells no shares within an hour. */
function wholeHourNotes(timeline: readonly TimelineEntry[]): string[] {
  const whole = timeline.filter(({ arm, spanMs }) => spanMs >= HOUR_MS && COMPARED_ARMS.includes(arm));
  if (whole.length === 0) return [];
  const last = whole.reduce((end, { at, spanMs }) => Math.max(end, at + spanMs), 0);
  return [
    `Some figures from before ${timestamp(last)} are kept by the hour only, so a share of canary that changed within one of these hours is not seen.`,
  ];
}

/** A few names, and how many more there are. */
export function named(tasks: readonly string[]): string {
  const more = tasks.length - MOST_NAMED;
  return [...tasks.slice(0, MOST_NAMED), ...(more > 0 ? [`${count(more)} more`] : [])].join(', ');
}

function pairNotes({ unjudged, dropped }: ComparisonReport['total']['parity']): string[] {
  const notes: string[] = [];
  if (unjudged > 0) {
    notes.push(
      `${plural(unjudged, 'pair')} could not be judged: stable gave no outcome in time, or the task's own comparison failed. They count neither for nor against canary; where they are more than the mismatches allowed, no verdict is successful.`,
    );
  }
  if (dropped > 0) {
    notes.push(
      `${plural(dropped, 'pair was', 'pairs were')} dropped: cancelled, moved, without an outcome on either side, or their copy had no turn in time or lost its worker.`,
    );
  }
  return notes;
}
