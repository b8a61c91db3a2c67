import type { RollbackReport } from '../domain/rollback.ts';
import { freePort } from '../free-port.ts';
import type { Connections } from '../manager/connections.ts';
import { runRollback } from '../manager/rollback.ts';
import { newTaskId } from '../manager/submission.ts';
import { eventually } from './chronicle.ts';
import { withoutCanary } from './place.ts';
import { acceptedBy, type Stage } from './stage.ts';
import { Stream } from './stream.ts';

/** Submissions before the button, and after it. */
const BEFORE = 10;
const AFTER = 20;
const GRACE_MS = 2_000;
const PATIENCE_MS = 10_000;

type Problem = (sentence: string) => void;

/** What was so at the freeze. */
export interface Pressed {
  readonly stream: Stream;
  /** Accepted for canary until then. */
  readonly accepted: number;
}

/** Step 3: the red button, while a producer goes on and notices nothing. */
export async function pressTheButton(stage: Stage, problem: Problem): Promise<[string, Pressed]> {
  const { operator, roster, random, signal } = stage;
  const stream = new Stream(roster, random);
  stream.begin();
  try {
    const { epoch } = operator.plane.state;
    await untilSubmitted(() => stream.length, BEFORE, stream, signal);
    const startedAt = performance.now();
    await operator.plane.freeze({ reason: 'drill: the red button' });
    const ms = performance.now() - startedAt;
    stream.frozen();
    const accepted = await acceptedBy(stage);
    const late = await knockWithOldEpoch(stage, epoch, problem);
    await untilSubmitted(() => stream.sinceFreeze.length, AFTER, stream, signal);
    const pressed = { stream, accepted };
    await checkNothingNew(stage, pressed, problem);
    const detail = `frozen in ${ms.toFixed(1)} ms; of ${stream.sinceFreeze.length} submissions since, ${stream.strays.length} went to canary; one with the old epoch was ${late}`;
    return [detail, pressed];
  } catch (error) {
    await stream.stop();
    throw error;
  }
}

/** As a producer would that was asleep when the button was pressed, and believes what it knew. */
async function knockWithOldEpoch(
  { operator, tasks }: Stage,
  epoch: number,
  problem: Problem,
): Promise<string> {
  const { name: task, queue, retries, backoff, timeoutMs } = tasks.wait;
  const rest = { namesTask: false, dueAt: null, priority: null, decision: null };
  const { status } = await operator.ledger.accept({
    id: newTaskId(),
    epoch,
    spec: { task, queue, retries, backoff, timeoutMs, ...rest },
    payload: '{}',
    entryTtlSeconds: 3600,
    key: null,
  });
  if (status !== 'stale') problem(`A producer that missed the freeze was answered "${status}".`);
  return status === 'stale' ? 'refused' : status;
}

async function untilSubmitted(length: () => number, n: number, stream: Stream, signal: AbortSignal) {
  const isSo = async () => length() >= n || stream.failure !== null;
  const isDone = await eventually(isSo, PATIENCE_MS, signal);
  if (stream.failure) throw stream.failure;
  if (!isDone) throw new Error(`The producer submitted ${length()} tasks in ${PATIENCE_MS / 1000} s.`);
}

/** Counted twice: by what the producer was told, and by the ledger. */
export async function checkNothingNew(
  stage: Stage,
  { stream, accepted }: Pressed,
  problem: Problem,
): Promise<void> {
  const now = await acceptedBy(stage);
  if (now !== accepted) problem(`The ledger accepted ${now - accepted} tasks for canary after the freeze.`);
  const [stray] = stream.strays;
  if (stray)
    problem(`${stream.strays.length} submissions went to canary after the freeze, ${stray.handle.id} first.`);
}

export interface WayBack {
  readonly canaryDown: boolean;
  readonly sabotage: (connections: Connections) => Connections;
}

/** Step 4: the rollback itself, with the producer still submitting. */
export async function rollBack(
  stage: Stage,
  pressed: Pressed,
  { canaryDown, sabotage }: WayBack,
  problem: Problem,
): Promise<[string, RollbackReport]> {
  const { crew, gate, roster, signal } = stage;
  const operator = canaryDown
    ? await crew.operator(withoutCanary(crew.config, await freePort()))
    : stage.operator;
  const { stream } = pressed;
  try {
    const report = await runRollback(sabotage(operator), 'drill:operator', () => operator.queues.list(), {
      reason: 'drill',
      graceMs: GRACE_MS,
      persist: false,
      services: false,
      signal,
      onEvent: ({ type }) => {
        // Within the grace these end by themselves.
        if (type === 'waiting') gate.open();
      },
    });
    await stream.stop();
    if (stream.failure) problem(`A submission during the rollback was not taken: ${stream.failure.message}`);
    await checkNothingNew(stage, pressed, problem);
    for (const { code, message } of report.problems) problem(`${message} (${code})`);
    const { moved, finishedOnCanary, cancelled, aborted, left } = report.tasks;
    const accounted = moved + finishedOnCanary + cancelled + left;
    if (accounted !== pressed.accepted)
      problem(`Canary had ${pressed.accepted} unfinished tasks; the report speaks of ${accounted}.`);
    const heeding = roster.of('heeding the abort').length;
    if (aborted !== heeding) problem(`${aborted} tasks were aborted; ${heeding} waited for that.`);
    const where = canaryDown ? ', BullMQ not reachable' : '';
    const detail = `${moved} moved, ${finishedOnCanary} finished on canary, ${cancelled} cancelled, ${aborted} aborted, ${left} left${where}`;
    return [detail, report];
  } finally {
    gate.open();
    await stream.stop();
  }
}
