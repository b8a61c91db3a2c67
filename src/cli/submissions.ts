import type { HybridTaskManager, SubmitOptions, SubmittedTask, TaskDefinition } from '../index.ts';
import { decisionText } from './decision-text.ts';
import { exitCodeOf, shownError } from './failure.ts';
import { type InputLine, parseLine } from './json-input.ts';
import { print, printJson, say } from './output.ts';
import { plural } from './words.ts';

export interface SubmissionPlan {
  readonly manager: HybridTaskManager;
  readonly task: TaskDefinition;
  readonly options: SubmitOptions;
  /** Wait this long for each result, in milliseconds; null: not at all. */
  readonly waitMs: number | null;
  readonly asJson: boolean;
}

/** Prints where a submission went, and its result if that was asked for. @returns the exit code */
export async function submitOne(plan: SubmissionPlan, data: unknown): Promise<number> {
  const submitted = await plan.manager.submit(plan.task, data, plan.options);
  if (!plan.asJson) print(submissionText(submitted));
  if (plan.waitMs === null) {
    if (plan.asJson) printJson(submissionRecord(submitted));
    return 0;
  }
  try {
    const result = await submitted.result({ timeoutMs: plan.waitMs });
    if (plan.asJson) printJson({ ...submissionRecord(submitted), result });
    else print(JSON.stringify(result, null, 2));
    return 0;
  } catch (error) {
    if (!plan.asJson) throw error;
    // The id is worth more than the error: a script looks the task up with it.
    printJson({ ...submissionRecord(submitted), error: shownError(error) });
    return exitCodeOf(error);
  }
}

/** Submissions under way at once: enough to fill batches, few enough for a small memory. */
const MOST_AT_ONCE = 256;
/** After one of these the next line would fail the same way, only later. */
const HOPELESS = new Set(['E_UNKNOWN', 'E_REDIS_UNREACHABLE', 'E_CLOSED']);

/** Submits each line. A line that is not taken is told with its number, and the others go on. @returns the exit code */
export async function submitLines(plan: SubmissionPlan, lines: AsyncIterable<InputLine>): Promise<number> {
  const counts = { stable: 0, canary: 0, failed: 0 };
  let isHopeless = false;
  let lastLine = 0;
  const submitLine = async (line: InputLine) => {
    const { number } = line;
    try {
      const submitted = await plan.manager.submit(plan.task, parseLine(line, 'The line'), plan.options);
      const record = { line: number, ...submissionRecord(submitted) };
      counts[submitted.backend] += 1;
      if (plan.waitMs === null) {
        if (plan.asJson) printJson(record, { lines: true });
        else print(submissionText(submitted));
        return;
      }
      const result = await submitted.result({ timeoutMs: plan.waitMs });
      if (plan.asJson) printJson({ ...record, result }, { lines: true });
      else print(`${submitted.id}  ${JSON.stringify(result)}`);
    } catch (error) {
      counts.failed += 1;
      const shown = shownError(error);
      isHopeless ||= HOPELESS.has(shown.code);
      if (plan.asJson) printJson({ line: number, error: shown }, { lines: true });
      else say(`line ${number}: ${shown.message} (${shown.code})`);
    }
  };

  const underWay = new Set<Promise<void>>();
  for await (const line of lines) {
    if (isHopeless) break;
    lastLine = line.number;
    const submission = submitLine(line).finally(() => underWay.delete(submission));
    underWay.add(submission);
    if (underWay.size >= MOST_AT_ONCE) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (isHopeless) say(`Stopped after line ${lastLine}: Redis does not answer.`);
  tellSummary(counts, plan.asJson);
  return counts.failed === 0 ? 0 : 1;
}

function tellSummary(counts: { stable: number; canary: number; failed: number }, asJson: boolean): void {
  const submitted = counts.stable + counts.canary;
  const failed = counts.failed === 0 ? '' : `; ${plural(counts.failed, 'line')} failed`;
  if (asJson) printJson({ summary: { submitted, ...counts } }, { lines: true });
  else
    say(
      `${plural(submitted, 'submission')}: ${counts.stable} to stable, ${counts.canary} to canary${failed}`,
    );
}

function submissionText({ id, backend, decision }: SubmittedTask): string {
  return `${id}  ${backend}  ${decisionText(decision)}`;
}

function submissionRecord({ id, backend, decision }: SubmittedTask) {
  return { id, backend, reason: decision.reason, decision };
}
