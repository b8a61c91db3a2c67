import { setTimeout as sleep } from 'node:timers/promises';
import { FrozenError, InvalidSubmissionError } from '../domain/errors.ts';
import type { Mismatch } from '../domain/parity.ts';
import type { TaskDefinition } from '../domain/task.ts';
import type { Connections } from './connections.ts';
import type { CopyMaker, CopyOrder } from './copies.ts';
import { newTaskId, prepareSubmission, type Submission } from './submission.ts';

/**
 * Inputs that are not compared yet, at most: a long file does not fill Redis. It begins with few and then has as many as were
 * lately finished in a quarter of the deadline, so that few wait past it; what had no turn by then is dropped.
 */
const [FIRST_OPEN, MOST_OPEN] = [10, 500];
const LOOK_MS = 200;
const DEFAULT_TIMEOUT_MS = 600_000;
const MISMATCHES_GIVEN = 100;

export interface ReplayedInput {
  readonly task: TaskDefinition;
  readonly input: unknown;
}

/** How far a replay is. */
export interface ReplayProgress {
  readonly submitted: number;
  readonly matched: number;
  readonly mismatched: number;
  /** Cancelled, or without an outcome on either side. */
  readonly dropped: number;
}

export interface ReplayOptions {
  /** Longest time without any progress, in milliseconds. @default 600_000 */
  readonly timeoutMs?: number;
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Stops waiting; what was submitted runs on and is compared all the same. */
  readonly signal?: AbortSignal;
}

export interface ReplayResult extends ReplayProgress {
  /** Not compared when the wait ended. */
  readonly open: number;
  /** Whether every input was submitted; false: it was stopped, or gave up before the last one. */
  readonly isComplete: boolean;
  /** Why there were no more inputs than these: one that could not be taken or read, or a freeze; else null. */
  readonly problem: Error | null;
  /** The newest of this replay, at most 100. */
  readonly mismatches: readonly Mismatch[];
}

/**
 * Runs recorded inputs on both backends, compares them, and waits for it. None of it counts as anybody's work. An input that
 * cannot be replayed or read ends it, and so does a freeze: what was before is compared, and the result has the error as its
 * `problem`. Where nothing was before, it is thrown.
 * @throws {InvalidPayloadError | NotJsonSafeError | PayloadTooLargeError} the first input does not fit
 * @throws {InvalidSubmissionError} the first input's task is not shadowSafe
 * @throws {FrozenError} a freeze was in force from the beginning
 * @throws {RedisUnreachableError} a Redis does not answer, however much was compared; what was submitted runs on
 */
export async function replay(
  c: Connections,
  copies: CopyMaker,
  inputs: AsyncIterable<ReplayedInput> | Iterable<ReplayedInput>,
  { timeoutMs = DEFAULT_TIMEOUT_MS, onProgress, signal }: ReplayOptions,
): Promise<ReplayResult> {
  const id = newTaskId();
  let submitted = 0;
  let progress: ReplayProgress = { submitted, matched: 0, mismatched: 0, dropped: 0 };
  let changedAt = performance.now();
  const settled = () => progress.matched + progress.mismatched + progress.dropped;
  const look = async () => {
    const before = settled();
    progress = { submitted, ...(await c.pairs.replayed(id)) };
    if (settled() !== before) changedAt = performance.now();
    onProgress?.(progress);
  };
  /** Waits until it is so, or nothing changes any more. @returns whether it is so */
  const waitUntil = async (isSo: () => boolean | Promise<boolean>) => {
    changedAt = performance.now();
    for (;;) {
      await look();
      if (await isSo()) return true;
      if (signal?.aborted || performance.now() - changedAt > timeoutMs) return false;
      await sleep(LOOK_MS);
    }
  };
  const atMost = (open: number) => waitUntil(() => submitted - settled() <= open);
  let mostOpen = FIRST_OPEN;
  const makeRoom = async () => {
    if (submitted - settled() < mostOpen) return true;
    const [since, before] = [performance.now(), settled()];
    const isRoom = await atMost(mostOpen / 2);
    const perMs = (settled() - before) / (performance.now() - since);
    const inTime = Math.floor(perMs * c.config.parity.deadlineSeconds * 250);
    mostOpen = Math.max(FIRST_OPEN, Math.min(inTime, 2 * mostOpen, MOST_OPEN));
    return isRoom;
  };
  const ended: Ended = { problem: null };
  let isGoingOn = true;
  try {
    for await (const submission of submissionsOf(inputs, c.config.limits.payloadBytes, ended)) {
      isGoingOn = !signal?.aborted && (await submitPair(c, copies, submission, id, waitUntil));
      if (!isGoingOn) break;
      submitted += 1;
      isGoingOn = await makeRoom();
      if (!isGoingOn) break;
    }
  } catch (error) {
    if (!(error instanceof FrozenError)) throw error;
    // Nobody runs copies any more: there is nothing to wait for.
    isGoingOn = false;
    ended.problem = error;
  }
  const { problem } = ended;
  if (problem !== null && submitted === 0) throw problem;
  const isComplete = isGoingOn && !signal?.aborted && problem === null;
  // Where nothing changes any more, waiting once was enough.
  if (isGoingOn) await atMost(0);
  else await look();
  const all = await c.pairs.mismatches({ limit: Number.MAX_SAFE_INTEGER });
  const mismatches = all.filter((mismatch) => mismatch.replay === id).slice(0, MISMATCHES_GIVEN);
  return { ...progress, open: submitted - settled(), isComplete, problem, mismatches };
}

interface Ended {
  problem: Error | null;
}

/** Ends before an input that does not fit, or cannot be read: `ended` says why. */
async function* submissionsOf(
  inputs: AsyncIterable<ReplayedInput> | Iterable<ReplayedInput>,
  limitBytes: number,
  ended: Ended,
): AsyncGenerator<Submission> {
  try {
    for await (const { task, input } of inputs) yield prepare(task, input, limitBytes);
  } catch (error) {
    ended.problem =
      error instanceof Error ? error : new Error('The inputs end in an error.', { cause: error });
  }
}

function prepare(task: TaskDefinition, input: unknown, limitBytes: number): Submission {
  if (!task.parity.shadowSafe) {
    const allowed = 'a task that is defined with parity: { shadowSafe: true }, because its inputs run twice';
    throw new InvalidSubmissionError('task', task.name, allowed);
  }
  return prepareSubmission(task, input, {}, limitBytes);
}

/** @returns false: there are as many copies as may be, and that does not change */
async function submitPair(
  c: Connections,
  copies: CopyMaker,
  submission: Submission,
  id: string,
  waitUntil: (isSo: () => Promise<boolean>) => Promise<boolean>,
): Promise<boolean> {
  const make = async (order: Pick<CopyOrder, 'owner' | 'primary' | 'id'>): Promise<boolean> => {
    const isMade = async () => copies.make(submission, { kind: 'replay', replay: id, ...order });
    if (await isMade()) return true;
    return waitUntil(async () => {
      if (c.plane.state.frozen !== '') throw new FrozenError('a replay');
      return isMade();
    });
  };
  const stable = newTaskId();
  let isPair = false;
  try {
    // Stable's first: the pair is announced with canary's.
    if (await make({ owner: 'stable', primary: null, id: stable })) {
      isPair = await make({ owner: 'canary', primary: stable, id: newTaskId() });
    }
    return isPair;
  } finally {
    // Nobody would look at it, and nobody would end it.
    if (!isPair) await c.copies.cancel([stable]);
  }
}
