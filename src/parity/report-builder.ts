import type { Aggregates } from '../domain/aggregates.ts';
import type { Mismatch } from '../domain/parity.ts';
import type { ComparisonReport, ReportGates, TaskComparison, Verdict } from '../domain/report.ts';
import { comparisonOf, type Figures, figuresOf } from './figures.ts';
import { headlineOf, type JudgedTask } from './headline.ts';
import { notesOf } from './notes.ts';
import { byTask, type Counted, hasCanary, isCompared } from './pools.ts';
import { SMALLEST_P } from './rule-sample-ratio.ts';
import { shownTimeline } from './shown-timeline.ts';
import { judgeTask, type TaskVerdict, worst } from './verdict.ts';

const MISMATCHES_SHOWN = 20;

export interface ReportInput {
  readonly namespace: string;
  /** Now, milliseconds since 1970. */
  readonly at: number;
  readonly window: { readonly from: number; readonly to: number };
  readonly aggregates: Aggregates;
  /** Those that are kept, in any order: the newest are shown, and all are looked through for examples. */
  readonly mismatches: readonly Mismatch[];
  /** How many mismatches the report holds. @default 20 */
  readonly mostMismatches?: number;
  readonly gates: ReportGates;
  /** What else to keep in mind when reading, one sentence each. @default [] */
  readonly notes?: readonly string[];
}

/** Failed ones first, those without a verdict last. */
const ORDER: readonly (Verdict | null)[] = ['failed', 'inconclusive', 'successful', null];

/** Makes the report of what was counted. The same input gives the same report. */
export function buildReport(input: ReportInput): ComparisonReport {
  const { namespace, at, window, aggregates, gates } = input;
  const newestFirst = [...input.mismatches].sort((a, b) => b.at - a.at);
  const { runs, pairs, timeline } = aggregates;
  const all: Counted = { runs, pairs, mismatches: newestFirst, timeline };
  const parts = byTask(all);
  const figures = new Map([...parts].map(([task, part]) => [task, figuresOf(part, task)]));
  const judged: JudgedTask[] = [];
  const tasks: TaskComparison[] = [];
  const onlyApart: string[] = [];
  for (const [task, part] of parts) {
    const found = figures.get(task) as Figures;
    const verdict = verdictOf(part, found, gates);
    if (verdict) judged.push({ task, figures: found, ...verdict });
    else if (hasCanary(part)) onlyApart.push(task);
    tasks.push({ task, verdict: verdict?.verdict ?? null, lines: verdict?.lines ?? [], ...found.shown });
  }
  // The parts are in the order of their names, and sorting keeps it.
  tasks.sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  const only = figures.size === 1 ? [...figures.values()][0] : undefined;
  const total = (only ?? comparisonOf(all, '')).shown;
  const verdict = judged.length === 0 ? 'inconclusive' : worst(judged.map((one) => one.verdict));
  return {
    namespace,
    at,
    window,
    newestAt: aggregates.newestAt,
    verdict,
    headline: `${verdict}: ${headlineOf({ verdict, judged, all, isFuture: window.from > at })}`,
    gates,
    total,
    tasks,
    mismatches: newestFirst.slice(0, input.mostMismatches ?? MISMATCHES_SHOWN),
    timeline: shownTimeline(timeline, aggregates),
    notes: [...(input.notes ?? []), ...notesOf(total, tasks, { onlyApart, timeline })],
    frozenSince: null,
  };
}

/** null: canary had nothing of it that could be held against stable. Wrong results fail a task even so, be it of a replay. */
function verdictOf(part: Counted, found: Figures, gates: ReportGates): TaskVerdict | null {
  const verdict = judgeTask(found, gates);
  return isCompared(part) || isKeptAway(found) || verdict.verdict === 'failed' ? verdict : null;
}

/** Whether the ratio sends some of it to canary, and so many that it is no chance that none came there. */
function isKeptAway({ shown: { routed } }: Figures): boolean {
  return (routed.sampleRatio?.pValue ?? 1) < SMALLEST_P;
}
