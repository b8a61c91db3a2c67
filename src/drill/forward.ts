import { planOf } from '../manager/rollback.ts';
import type { SubmitOptions } from '../manager/submission.ts';
import { eventually } from './chronicle.ts';
import { shuffled } from './random.ts';
import { shortened } from './roster.ts';
import { type Stage, turnForward } from './stage.ts';
import type { Kind } from './tasks.ts';

const HOUR_MS = 3_600_000;
/** Due when everything is back on stable. Milliseconds. */
const SOON_MS = 3_000;
/** How long the heart of the worker that dies beats on. Milliseconds. */
const DYING_MS = 1_000;
const PATIENCE_MS = 10_000;
const LAST_PRIORITY = 1000;

/** Step 2: everything to canary, tasks of every state. @returns what was seen; what is wrong goes to `problem` */
export async function goForward(
  stage: Stage,
  mix: ReadonlyMap<Kind, number>,
  problem: (sentence: string) => void,
): Promise<string> {
  const { roster, producer } = stage;
  await turnForward(stage);
  const orders = [...mix].flatMap(([kind, n]) =>
    Array.from({ length: n }, (_, i) => [kind, optionsOf(kind, i, stage.random)] as const),
  );
  await roster.submitAll(shuffled(orders, stage.random));
  for (const task of roster.of('with a key')) {
    const id = await roster.repeat(task);
    if (id !== task.handle.id) problem(`A second submission with the key of ${task.handle.id} became ${id}.`);
  }
  const astray = roster.all.filter(
    ({ kind, handle }) => handle.backend !== (kind === 'on stable' ? 'stable' : 'canary'),
  );
  for (const sentence of shortened(
    astray.map(
      ({ kind, handle }) => `${handle.id} (${kind}) went to ${handle.backend}: ${handle.decision.reason}.`,
    ),
  ))
    problem(sentence);
  await letOneWorkerDie(stage);
  await waitForStates(stage, problem);
  for (const { handle } of roster.of('cancelled')) {
    const answer = await producer.cancel(handle.id);
    if (answer !== 'requested') problem(`Cancelling ${handle.id}, which runs, was answered "${answer}".`);
  }
  return [...mix].map(([kind, n]) => `${n} ${kind}`).join(', ');
}

function optionsOf(kind: Kind, index: number, random: () => number): SubmitOptions {
  switch (kind) {
    case 'prioritised':
      return { priority: 1 + Math.floor(random() * LAST_PRIORITY) };
    case 'delayed':
      return { delayMs: SOON_MS };
    case 'in an hour':
      return { delayMs: HOUR_MS };
    case 'with a key':
      return { idempotencyKey: `drill ${index}` };
    case 'on stable':
      return { backend: 'stable' };
    default:
      return {};
  }
}

/** Asks for the tasks like a worker that begins to run them, and is never heard of again. */
async function letOneWorkerDie({ roster, operator }: Stage): Promise<void> {
  const worker = { id: 'worker-of-the-drill-that-died', ttlMs: DYING_MS, maxLosses: 3 };
  for (const { handle } of roster.of('of a dead worker')) {
    const request = { id: handle.id, token: `${worker.id}:${handle.id}`, failureTtlSeconds: 60 };
    const { status } = await operator.ledger.start('canary', worker, request);
    if (status !== 'granted')
      throw new Error(`${handle.id} was not given to the worker that is to die: ${status}.`);
  }
}

/** Until the ledger says of every task what the drill has it for. */
async function waitForStates(stage: Stage, problem: (sentence: string) => void): Promise<void> {
  const { roster, operator, signal } = stage;
  const count = (...kinds: Kind[]) => kinds.reduce((sum, kind) => sum + roster.of(kind).length, 0);
  const onCanary = roster.all.length - count('on stable');
  const should = {
    running: count('finishing', 'heeding the abort', 'cancelled', 'of a dead worker'),
    retrying: count('for a retry'),
    accepted: 0,
  };
  should.accepted = onCanary - should.running - should.retrying;
  let is = { ...should, accepted: -1 };
  const isSo = async () => {
    const { open } = await planOf(operator, await operator.queues.list());
    is = { running: 0, retrying: 0, accepted: 0 };
    for (const queue of open) {
      is.running += queue.running + queue.orphaned;
      is.retrying += queue.retrying;
      is.accepted += queue.accepted;
    }
    return JSON.stringify(is) === JSON.stringify(should);
  };
  if (await eventually(isSo, PATIENCE_MS, signal)) return;
  const text = ({ running, retrying, accepted }: typeof is) =>
    `${accepted} waiting, ${retrying} for a retry, ${running} running`;
  problem(`After ${PATIENCE_MS / 1000} s canary has ${text(is)}; it should have ${text(should)}.`);
}

/** When tasks are due, by id, as the ledger has it. A due time that cannot be is a problem. */
export async function dueTimes(
  { roster, operator }: Stage,
  problem: (sentence: string) => void,
): Promise<ReadonlyMap<string, number>> {
  const due = new Map<string, number>();
  for (const kind of ['delayed', 'in an hour'] as const) {
    for (const { handle, submittedAt, options } of roster.of(kind)) {
      const dueAt = (await operator.ledger.get(handle.id))?.dueAt ?? null;
      const delayMs = options.delayMs ?? 0;
      if (dueAt === null || dueAt < submittedAt + delayMs || dueAt > Date.now() + delayMs)
        problem(`${handle.id} (${kind}) is not due ${delayMs / 1000} s after its submission.`);
      due.set(handle.id, dueAt ?? 0);
    }
  }
  return due;
}
