import { batched } from '../domain/batch.ts';
import { RedisUnreachableError } from '../domain/errors.ts';
import type { PairKind } from '../domain/parity.ts';
import { jobRequestOf } from '../domain/queued-task.ts';
import type { BackendName } from '../domain/task.ts';
import type { EnqueueRequest, EnqueueResult } from '../domain/task-backend.ts';
import { copyTtlSeconds, pairPatienceMs } from '../execution/copy-patience.ts';
import { drawCopy, samplingSaltOf } from '../routing/copy-sampling.ts';
import { isForced } from './assignment.ts';
import type { Connections } from './connections.ts';
import { newTaskId, type Submission, taskSpecOf } from './submission.ts';
import type { Placement } from './submitter.ts';

/** Copies, and their payloads in UTF-16 units, that wait to be made; beyond that none are drawn, so that a slow Redis costs no memory. */
const MOST_WAITING = 1_000;
const MOST_WAITING_LENGTH = 16 * 1024 * 1024;
/** Copies are made together after this time, so that most submissions meet none of it. Milliseconds. */
const GATHER_MS = 100;
/** Copies made at once; others' submissions have their turn in between. */
const AT_ONCE = 25;

export interface CopyOrder {
  readonly kind: PairKind;
  readonly owner: BackendName;
  /** null: the pair is announced with the other copy. */
  readonly primary: string | null;
  /** The replay that it belongs to; null: none. */
  readonly replay: string | null;
  readonly id: string;
}

interface DrawnCopy {
  readonly submission: Submission;
  readonly order: CopyOrder;
}

/** Makes copies of submissions, after the caller has its answer and without anybody waiting for them. */
export class CopyMaker {
  readonly #c: Connections;
  readonly #isShared: (queue: string) => boolean;
  readonly #salt: number;
  #waiting: DrawnCopy[] = [];
  #waitingLength = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasToldFull = false;
  #making: Promise<void> | undefined;
  readonly #enqueue: Readonly<Record<BackendName, (request: EnqueueRequest) => Promise<EnqueueResult>>>;

  constructor(c: Connections, isShared: (queue: string) => boolean) {
    this.#c = c;
    this.#isShared = isShared;
    this.#salt = samplingSaltOf(c.config.namespace);
    const to = (backend: BackendName) =>
      batched((requests: readonly EnqueueRequest[]) => c[backend].enqueue(requests), {
        maxItems: 100,
        weightOf: (request) => request.payload.text.length,
      });
    this.#enqueue = { stable: to('stable'), canary: to('canary') };
  }

  /** Draws whether a submission is copied, and sees to it. Never throws and never waits. */
  consider(submission: Submission, { id, decision }: Placement): void {
    const { config, plane, canary } = this.#c;
    const { task } = submission;
    if (!task.parity.shadowSafe || config.parity.sampleRate === 0) return;
    // What was known already has had its draw.
    if (id !== submission.id || submission.isRepeat || isForced(decision)) return;
    const { primary } = config.parity;
    if (primary !== 'both' && primary !== decision.backend) return;
    const drawn = drawCopy(this.#salt, id, config.parity);
    // Noise is stable's: canary's own randomness must not excuse canary.
    const kind = drawn === 'control' && decision.backend === 'canary' ? 'shadow' : drawn;
    if (kind === null || plane.state.frozen !== '' || this.#isFull()) return;
    const other = decision.backend === 'stable' ? 'canary' : 'stable';
    const owner = kind === 'control' ? decision.backend : other;
    if (owner === 'canary' && !canary.isReachable()) return;
    this.#waitingLength += submission.payload.text.length;
    this.#waiting.push({ submission, order: { kind, owner, primary: id, replay: null, id: newTaskId() } });
    this.#timer ??= setTimeout(() => void this.#makeWaiting(), GATHER_MS);
  }

  #isFull(): boolean {
    return this.#waiting.length >= MOST_WAITING || this.#waitingLength >= MOST_WAITING_LENGTH;
  }

  /** Makes all copies that wait. Never rejects. */
  #makeWaiting(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#making ??= this.#makeInTurns().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #makeInTurns(): Promise<void> {
    while (this.#waiting.length > 0) {
      const drawn = this.#waiting.splice(0, AT_ONCE);
      for (const { submission } of drawn) this.#waitingLength -= submission.payload.text.length;
      const areAnswered = await Promise.all(drawn.map((copy) => this.#tryToMake(copy)));
      // Each further turn would wait for a time-out of its own.
      if (areAnswered.includes(false)) this.#giveUp('Redis does not answer');
    }
  }

  /** @returns false: Redis did not answer */
  async #tryToMake({ submission, order }: DrawnCopy): Promise<boolean> {
    try {
      await this.make(submission, order);
      return true;
    } catch (error) {
      this.#c.log.debug({ id: submission.id }, `not copied: ${(error as Error).message}`);
      return !(error instanceof RedisUnreachableError);
    }
  }

  /** Forgets the copies that wait. */
  #giveUp(why: string): void {
    const copies = this.#waiting.length;
    this.#waiting = [];
    this.#waitingLength = 0;
    if (copies > 0) this.#c.log.debug({ copies }, `not copied: ${why}`);
  }

  /**
   * Makes one copy.
   * @returns false: a freeze is in force, or there are as many copies as may be
   * @throws {RedisUnreachableError | BackendError} a copy that may have been made is cancelled, or given up at its deadline
   */
  async make(submission: Submission, order: CopyOrder): Promise<boolean> {
    const { config, copies, meter } = this.#c;
    const { task, payload } = submission;
    const { id, owner, kind, primary, replay } = order;
    const spec = { ...taskSpecOf(submission, this.#isShared(task.queue), null), copy: kind };
    const accepted = await copies.accept({
      id,
      owner,
      spec,
      payload: payload.text,
      entryTtlSeconds: copyTtlSeconds(task, config.parity.deadlineSeconds),
      pair: primary === null ? null : { primary, replay, patienceMs: pairPatienceMs(task, config) },
    });
    if (accepted.status === 'full') this.#tellFull();
    if (accepted.status !== 'accepted') return false;
    meter.count(task.name, owner, kind, 'submitted');
    const { acceptedAt } = accepted;
    const job = { id, spec, payload: payload.text, acceptedAt, dueAt: submission.dueAt, failures: 0 };
    const result = await this.#enqueue[owner]({ ...jobRequestOf(job, owner), payload });
    if (result.status !== 'error') return true;
    await copies.cancel([id]);
    throw result.error;
  }

  /** Once in a process: a system that stays full would say it with every copy. */
  #tellFull(): void {
    if (this.#hasToldFull) return;
    this.#hasToldFull = true;
    const { mostCopies } = this.#c.config.parity;
    this.#c.log.warn(
      { mostCopies },
      'no more copies for now: as many are unfinished, or wait to be compared, as parity.mostCopies or 256 MiB allow; do workers of both backends run?',
    );
  }

  /** Makes the copies that wait still. @param deadline resolves when nobody waits for that any longer */
  async close(deadline: Promise<void>): Promise<void> {
    await Promise.race([this.#makeRest(), deadline]);
    this.#giveUp('it took too long, and the manager is closed');
  }

  async #makeRest(): Promise<void> {
    // A turn that was under way may have begun without the last ones.
    while (this.#waiting.length > 0 || this.#making) await this.#makeWaiting();
  }
}
