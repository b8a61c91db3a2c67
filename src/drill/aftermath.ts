import { ResultTimeoutError, TaskFailedError } from '../domain/errors.ts';
import { movedQueueOf } from '../domain/task-backend.ts';
import { eventually } from './chronicle.ts';
import { type DrillTask, shortened, wrongRuns } from './roster.ts';
import { type Stage, turnForward } from './stage.ts';
import { KINDS } from './tasks.ts';

/** A retry comes after 7 s; where so long nothing happens, nothing will. */
const STILL_MS = 8_500;
const PATIENCE_MS = 15_000;
/** An outcome is written right after its run. */
const RESULT_MS = 3_000;
const AGAIN = 10;

type Problem = (sentence: string) => void;

/** Step 5: stable's workers run what came back; what is due in an hour waits for it, to the millisecond. */
export async function runOnStable(
  stage: Stage,
  due: ReadonlyMap<string, number>,
  problem: Problem,
): Promise<string> {
  const { roster, chronicle, operator, producer, tasks } = stage;
  const unended = await untilEnded(stage);
  const stuck = unended.map(
    ({ handle, kind }) =>
      `${handle.id} (${kind}) did not end; for ${STILL_MS / 1000} s no task has begun or ended.`,
  );
  for (const sentence of shortened(stuck)) problem(sentence);
  const early = roster.all.flatMap(({ handle, kind }) => {
    const startedAt = chronicle.runsOf(handle.id)[0]?.startedAt;
    const dueAt = due.get(handle.id);
    if (startedAt === undefined || dueAt === undefined || startedAt >= dueAt) return [];
    return [`${handle.id} (${kind}) ran ${dueAt - startedAt} ms before it was due.`];
  });
  for (const sentence of shortened(early)) problem(sentence);

  const later = roster.of('in an hour');
  const queue = movedQueueOf(tasks[KINDS['in an hour'].queue].queue);
  const { delayed } = await operator.stable.counts(queue);
  const listed = await operator.stable.list(queue, 'delayed', 0, delayed);
  const wrong = later.flatMap(({ handle }) => {
    const is = listed.find(({ id }) => id === handle.id)?.dueAt ?? null;
    const should = due.get(handle.id) ?? null;
    if (is === should) return [];
    return [
      `${handle.id} (in an hour) is ${is === null ? 'not in the delayed set of bee-queue' : `${is - (should ?? 0)} ms off its due time`}.`,
    ];
  });
  for (const sentence of shortened(wrong)) problem(sentence);
  for (const { handle } of later) {
    const answer = await producer.cancel(handle.id);
    if (answer !== 'cancelled') problem(`Cancelling ${handle.id}, which waits, was answered "${answer}".`);
  }
  await untilQuiet(stage, problem);
  const ran = roster.all.length - later.length - unended.length;
  return `${ran} ended; ${later.length} in an hour kept their due time and were cancelled`;
}

/** @returns those that did not end, although they had the time */
async function untilEnded(stage: Stage): Promise<readonly DrillTask[]> {
  const { chronicle, signal } = stage;
  for (;;) {
    const before = chronicle.changes;
    if (await chronicle.until(() => unfinished(stage).length === 0, STILL_MS, signal)) return [];
    if (chronicle.changes === before) return unfinished(stage);
  }
}

/** Tasks whose last run has not ended. */
function unfinished({ roster, chronicle }: Stage): readonly DrillTask[] {
  return roster.all.filter(({ kind, handle }) => {
    const runs = chronicle.runsOf(handle.id);
    const { length } = KINDS[kind].runs;
    return length > 0 && !(runs.length >= length && runs.every(({ ended }) => ended !== null));
  });
}

/** Whatever would run a second time, has. */
async function untilQuiet({ operator, tasks, signal }: Stage, problem: Problem): Promise<void> {
  const names = [tasks.run.queue, tasks.wait.queue].flatMap((queue) => [queue, movedQueueOf(queue)]);
  const isQuiet = async () => {
    const counts = await Promise.all(names.map((name) => operator.stable.counts(name)));
    return counts.every(({ waiting, active }) => waiting + active === 0);
  };
  if (!(await eventually(isQuiet, PATIENCE_MS, signal)))
    problem(`After ${PATIENCE_MS / 1000} s bee-queue still has jobs that wait or run.`);
}

/** Step 6: nothing ran too seldom, too often or in the wrong place. @returns also the runs */
export function checkRuns(stage: Stage, problem: Problem): [string, number] {
  const { roster, chronicle } = stage;
  const wrong = wrongRuns(roster.all, chronicle);
  for (const sentence of shortened(wrong)) problem(`${sentence}.`);
  const runs = countRuns(stage);
  const text = `${roster.all.length} tasks, ${runs} runs`;
  if (wrong.length > 0) return [`${text}; ${wrong.length} tasks ran otherwise than they should`, runs];
  const second = (['for a retry', 'heeding the abort'] as const).map(
    (kind) => `${roster.of(kind).length} ${kind}`,
  );
  return [`${text}; second runs only for ${second.join(', ')}`, runs];
}

/** Of everything that was there before it went forward again. */
function countRuns({ roster, chronicle }: Stage): number {
  return roster.all
    .filter(({ kind }) => kind !== 'forward again')
    .reduce((sum, { handle }) => sum + chronicle.runsOf(handle.id).length, 0);
}

/** Step 7: the same id, the same answer, wherever it ran. */
export async function readResults({ roster }: Stage, problem: Problem): Promise<string> {
  const answers = await Promise.all(
    roster.all.map(async ({ kind, number, handle }) => {
      const { ends } = KINDS[kind];
      const found = await handle
        .result({ timeoutMs: RESULT_MS })
        .then((value) => (value.number === number ? 'succeeded' : 'another result'), nameOfFailure);
      return found === ends ? [] : [`${handle.id} (${kind}) should have ${ends}; found: ${found}.`];
    }),
  );
  for (const sentence of shortened(answers.flat())) problem(sentence);
  for (const task of roster.of('with a key')) {
    const id = await roster.repeat(task);
    if (id !== task.handle.id) problem(`The key of ${task.handle.id} has led to ${id} since the rollback.`);
  }
  return `${roster.all.length} read by the ids that were given`;
}

function nameOfFailure(error: unknown): string {
  if (error instanceof TaskFailedError) return error.status;
  // Its message advises to look into a namespace that will be gone.
  return error instanceof ResultTimeoutError ? 'no outcome' : (error as Error).message;
}

/** Step 8: resume, and a few tasks to canary. */
export async function goForwardAgain(
  stage: Stage,
  canaryWasDown: boolean,
  problem: Problem,
): Promise<string> {
  const { operator, roster, crew, tasks, signal } = stage;
  const { frozen, celeryRatio } = await operator.plane.resume({ reason: 'drill: resume' });
  if (frozen !== '' || celeryRatio !== 0) problem(`After resuming the ratio is ${celeryRatio}, not 0.`);
  await turnForward(stage);
  await roster.submitAll(Array.from({ length: AGAIN }, () => ['forward again', {}]));
  const again = roster.of('forward again');
  for (const { handle } of again) {
    await handle.result({ timeoutMs: PATIENCE_MS });
    if (handle.backend !== 'canary') problem(`${handle.id} went to stable: ${handle.decision.reason}.`);
  }
  for (const sentence of shortened(wrongRuns(again, stage.chronicle))) problem(`${sentence}.`);
  if (!canaryWasDown) return `${again.length} tasks succeeded on canary`;
  // BullMQ still has the jobs of what was moved: its workers are told to skip them.
  const { queue } = tasks.wait;
  const { waiting } = await operator.canary.counts(queue);
  await crew.worker('canary', [tasks.wait], AGAIN);
  const isEmpty = async () => {
    const counts = await operator.canary.counts(queue);
    return counts.waiting + counts.active === 0;
  };
  if (!(await eventually(isEmpty, PATIENCE_MS, signal))) problem('BullMQ kept jobs of what was moved.');
  return `${again.length} tasks succeeded on canary, which skipped ${waiting} left-over jobs`;
}

/** Step 9: everything is accounted for, and nothing has run since. @param counted the runs of step 6 */
export async function checkLedger(stage: Stage, counted: number, problem: Problem): Promise<string> {
  const { counts } = await stage.operator.rollbackLedger.snapshot();
  const { accepted, succeeded, failed, cancelled, reassigned, openCanary, openMoved } = counts;
  const text = `${accepted} accepted = ${succeeded} succeeded + ${failed} failed + ${cancelled} cancelled + ${reassigned} moved + ${openCanary} open`;
  if (!counts.conserved) problem(`The ledger does not add up: ${text}.`);
  if (openCanary + openMoved > 0)
    problem(`The ledger has unfinished tasks: ${openCanary} on canary, ${openMoved} moved.`);
  const since = countRuns(stage) - counted;
  if (since > 0) problem(`${since} runs have begun since they were counted.`);
  return text;
}
