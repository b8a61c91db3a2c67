import { batched } from '../domain/batch.ts';
import { RedisUnreachableError, UnknownSubmissionStateError } from '../domain/errors.ts';
import type { AcceptResult } from '../domain/ledger.ts';
import type { FlagAnswer, FlagSource, RoutingDecision } from '../domain/routing-decision.ts';
import type { BackendName } from '../domain/task.ts';
import type { BackendCapabilities, EnqueueRequest, EnqueueResult } from '../domain/task-backend.ts';
import { decide } from '../routing/router.ts';
import { saltOf } from '../routing/sticky-hash.ts';
import { keyHash } from '../state/idempotency-keys.ts';
import { isForced } from './assignment.ts';
import { CanaryHealth } from './canary-health.ts';
import { type Connections, enqueueMoved } from './connections.ts';
import { type Submission, taskSpecOf } from './submission.ts';

/** The control state may change while a submission is on its way; after this many surprises it goes to stable. */
const MOST_ROUNDS = 4;
/** A silent Redis is asked this often, always under the same id. */
const MOST_TRIES = 2;
const PRIORITY = ['priority'] as const;
const ENQUEUE_LIMITS = {
  maxItems: 500,
  weightOf: (request: EnqueueRequest) => request.payload.text.length,
};

/** Where a submission ended up. The id is another one than its own where an idempotency key was known. */
export interface Placement {
  readonly id: string;
  readonly decision: RoutingDecision;
  /**
   * The decision as it was made at first, where canary could have been chosen; null where it could not, because its share goes to
   * stable then, and what stable would have got anyway is half of a draw.
   */
  readonly drawn: RoutingDecision | null;
}

type Placed = Omit<Placement, 'drawn'>;

/** Takes a checked submission to exactly one backend. The protocol: docs/architecture.md, "A submission's way". */
export class Submitter {
  readonly #c: Connections;
  readonly #flags: FlagSource;
  readonly #isShared: (queue: string) => boolean;
  readonly #salt: number;
  readonly #health = new CanaryHealth();
  readonly #capabilities: Readonly<Record<BackendName, BackendCapabilities>>;
  readonly #enqueueStable: (request: EnqueueRequest) => Promise<EnqueueResult>;
  readonly #enqueueCanary: (request: EnqueueRequest) => Promise<EnqueueResult>;

  constructor(connections: Connections, flags: FlagSource, isShared: (queue: string) => boolean) {
    this.#c = connections;
    this.#flags = flags;
    this.#isShared = isShared;
    const { stable, canary } = connections;
    this.#capabilities = { stable: stable.capabilities, canary: canary.capabilities };
    this.#salt = saltOf(connections.config.namespace);
    this.#enqueueStable = batched((requests) => connections.stable.enqueue(requests), ENQUEUE_LIMITS);
    this.#enqueueCanary = batched((requests) => connections.canary.enqueue(requests), ENQUEUE_LIMITS);
  }

  async place(submission: Submission): Promise<Placement> {
    if (submission.isRepeat) {
      const known = await this.#find(submission);
      if (known) return { ...known, drawn: null };
    }
    let decision = await this.#decide(submission);
    // The first one: only what was drawn for canary is asked again when the state has changed meanwhile.
    const drawn = this.#isCanaryUsable() ? decision : null;
    for (let round = 0; decision.backend === 'canary'; round++) {
      const placed = await this.#toCanary(submission, decision);
      if (placed) return { ...placed, drawn };
      await this.#answered(submission, () => this.#c.plane.refresh());
      decision = await this.#decide(submission);
      if (round + 1 === MOST_ROUNDS) decision = { ...decision, backend: 'stable', reason: 'stale' };
    }
    return { ...(await this.#toStable(submission, decision)), drawn };
  }

  #isCanaryUsable(): boolean {
    return this.#c.canary.isReachable() && this.#health.isUsable();
  }

  /** Only flags need waiting for; a promise for every ratio decision would cost more than the decision. */
  #decide(submission: Submission): RoutingDecision | Promise<RoutingDecision> {
    const { mode, frozen } = this.#c.plane.state;
    if (mode !== 'flag' || frozen !== '') return this.#decideWith(submission, null);
    const { task, stickyKey, attributes } = submission;
    const answer = this.#flags.evaluate({ stickyKey, task: task.name, queue: task.queue, attributes });
    return answer.then((flag) => this.#decideWith(submission, flag));
  }

  #decideWith(submission: Submission, flag: FlagAnswer | null): RoutingDecision {
    return decide({
      control: this.#c.plane.state,
      salt: this.#salt,
      task: submission.task.name,
      stickyKey: submission.stickyKey,
      requested: submission.backend,
      needs: submission.priority === null ? undefined : PRIORITY,
      capabilities: this.#capabilities,
      flag,
      canaryReachable: this.#isCanaryUsable(),
    });
  }

  /** null: the decision is out of date. */
  async #toCanary(submission: Submission, decision: RoutingDecision): Promise<Placed | null> {
    const { id, task } = submission;
    const accepted = await this.#answered(submission, () => this.#accept(submission, decision));
    if (accepted.status === 'stale') return null;
    if (accepted.status === 'key') return this.#keyed(submission, accepted, decision);
    if (accepted.status === 'duplicate' && accepted.owner === 'stable') {
      return { id, decision: { ...decision, backend: 'stable', reason: 'duplicate' } };
    }
    const request = this.#request(submission, decision, accepted.acceptedAt);
    const result = await this.#enqueueCanary(request);
    if (result.status !== 'error') {
      this.#health.worked();
      return { id, decision };
    }
    this.#health.failed();
    this.#c.log.warn({ id, task: task.name }, `canary did not take the task: ${result.error.message}`);
    return this.#failOver(submission, decision);
  }

  #accept(submission: Submission, decision: RoutingDecision): Promise<AcceptResult> {
    const { task, idempotencyKey } = submission;
    const { results, idempotency } = this.#c.config;
    const resultTtl = task.resultTtlSeconds ?? results.resultTtlSeconds;
    const failureTtl = task.failureTtlSeconds ?? results.failureTtlSeconds;
    return this.#c.ledger.accept({
      id: submission.id,
      epoch: decision.epoch,
      spec: taskSpecOf(submission, this.#isShared(submission.task.queue), decision),
      payload: submission.payload.text,
      entryTtlSeconds: Math.max(resultTtl, failureTtl),
      key:
        idempotencyKey === null
          ? null
          : { hash: keyHash(task.name, idempotencyKey), ttlSeconds: idempotency.ttlSeconds },
    });
  }

  /** Canary did not confirm the add. Unless a worker has the task already, it becomes stable's. */
  async #failOver(submission: Submission, decision: RoutingDecision): Promise<Placed> {
    const { id } = submission;
    const [result] = await this.#answered(submission, () => this.#c.ledger.reassign([id]));
    if (result?.status === 'left' && result.owner === 'canary') return { id, decision };
    // Redis was restarted in between and has forgotten the acceptance.
    if (result?.status === 'absent') {
      return this.#toStable(submission, { ...decision, backend: 'stable', reason: 'canary-down' });
    }
    if (result?.status === 'moved') {
      try {
        await enqueueMoved(this.#c.stable, [result.task]);
      } catch (error) {
        // The entry is stable's; a janitor enqueues what is in no queue.
        this.#c.log.warn({ id }, `the moved task is left to the janitor: ${(error as Error).message}`);
      }
    }
    return { id, decision: { ...decision, backend: 'stable', reason: 'canary-down' } };
  }

  async #toStable(submission: Submission, decision: RoutingDecision): Promise<Placed> {
    const { id, task, idempotencyKey } = submission;
    if (idempotencyKey === null) {
      await this.#enqueue(submission, this.#request(submission, decision, null));
      return { id, decision };
    }
    const hash = keyHash(task.name, idempotencyKey);
    const { ttlSeconds } = this.#c.config.idempotency;
    const claim = await this.#answered(submission, () => this.#c.keys.claim(hash, id, ttlSeconds));
    if (claim.status === 'known') return this.#keyed(submission, claim, decision);
    await this.#enqueue(submission, this.#request(submission, decision, null));
    await this.#answered(submission, () => this.#c.keys.confirm(hash));
    return { id, decision };
  }

  /** The idempotency key is known: the first submission's task is the caller's. */
  async #keyed(
    submission: Submission,
    known: { readonly id: string; readonly owner: BackendName; readonly confirmed: boolean },
    decision: RoutingDecision,
  ): Promise<Placed> {
    const { task, idempotencyKey } = submission;
    if (known.owner === 'stable' && !known.confirmed) {
      // Its producer may have died before the enqueue; the same id makes this harmless if it had not.
      const request = { ...this.#request(submission, decision, null), id: known.id };
      await this.#enqueue({ ...submission, id: known.id }, request);
      await this.#answered(submission, () => this.#c.keys.confirm(keyHash(task.name, idempotencyKey ?? '')));
    }
    // Its own claim, whose answer was lost.
    if (known.id === submission.id) return { id: known.id, decision };
    const entry = known.owner === 'canary' ? await this.#c.ledger.get(known.id) : null;
    const backend = entry?.owner ?? known.owner;
    return { id: known.id, decision: { ...decision, backend, reason: 'duplicate' } };
  }

  /** Where an earlier try of the same submission left it. */
  async #find(submission: Submission): Promise<Placed | null> {
    const { id, task } = submission;
    const decision = await this.#decide(submission);
    const entry = await this.#answered(submission, () => this.#c.ledger.get(id));
    if (entry) {
      // The add of the first try may be what was lost; `accept` answers `duplicate` and the add is repeated.
      return this.#toCanary(submission, { ...decision, backend: entry.owner, reason: 'duplicate' });
    }
    const [presence] = await this.#answered(submission, () => this.#c.stable.has(task.queue, [id]));
    const isKnown =
      presence !== 'absent' || (await this.#answered(submission, () => this.#c.outcomes.isRecorded(id)));
    return isKnown ? { id, decision: { ...decision, backend: 'stable', reason: 'duplicate' } } : null;
  }

  async #enqueue(submission: Submission, request: EnqueueRequest): Promise<void> {
    await this.#answered(submission, async () => {
      const result = await this.#enqueueStable(request);
      if (result.status === 'error') throw result.error;
    });
  }

  /** Repeats a question that got no answer, and says E_UNKNOWN if it stays silent. */
  async #answered<T>(submission: Submission, ask: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof RedisUnreachableError)) throw error;
        if (tries === MOST_TRIES) throw new UnknownSubmissionStateError(submission.id, { cause: error });
      }
    }
  }

  #request(submission: Submission, decision: RoutingDecision, acceptedAt: number | null): EnqueueRequest {
    const { task } = submission;
    return {
      id: submission.id,
      queue: task.queue,
      task: task.name,
      namesTask: this.#isShared(task.queue),
      payload: submission.payload,
      mark: acceptedAt === null ? null : { acceptedAt },
      isForced: isForced(decision),
      retries: task.retries,
      backoff: task.backoff,
      timeoutMs: task.timeoutMs,
      dueAt: submission.dueAt,
      priority: submission.priority,
      enqueuedAt: submission.submittedAt,
    };
  }
}
