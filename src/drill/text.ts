import type { DrillReport, DrillStep } from './report.ts';

const SIGNS = { passed: '✓', failed: '✗', skipped: '-' } as const;
/** The longest name of a step, and a blank. */
const NAME_WIDTH = 15;

/** One line for a step, and one for each thing that was wrong in it. */
export function drillStepText({ name, status, ms, detail, problems }: DrillStep): string {
  const time = status === 'skipped' ? 'skipped' : `${(ms / 1000).toFixed(1)} s`;
  const line = `${SIGNS[status]} ${name.padEnd(NAME_WIDTH)}${time.padStart(7)}  ${detail}`.trimEnd();
  return [line, ...problems.map((problem) => `    ${problem}`)].join('\n');
}

/** The verdict with its reasons, then what it rests on. */
export function drillText(report: DrillReport): string {
  const { verdict, reasons, namespace, seed, durationMs, tasks, keys } = report;
  const submitted = Object.values(tasks).reduce((sum, n) => sum + n, 0);
  const failed = report.isInterrupted ? 'Drill interrupted; it has proved nothing:' : 'Drill FAILED:';
  const lines =
    verdict === 'passed'
      ? [
          'Drill passed: forward, the red button, back and forward again; every task ran as often as it should.',
        ]
      : [failed, ...reasons.map((reason) => `  ${reason}`)];
  if (submitted === 0) return lines.join('\n');
  lines.push(
    '',
    `${submitted} synthetic tasks in ${(durationMs / 1000).toFixed(1)} s${report.isCanaryDown ? ', BullMQ not reachable during the rollback' : ''}; seed ${seed}.`,
  );
  if (keys?.remaining === 0)
    lines.push(`The namespace ${namespace} is gone: ${keys.removed} keys removed, nothing left.`);
  else
    lines.push(`Keys of ${namespace} may be left; the next drill, an hour from now or later, removes them.`);
  return lines.join('\n');
}
