import type { Budget } from './state.ts';

/** Rules that live in TypeScript; each can be taken out. */
export interface Rules {
  /** A submission whose accept stays silent never falls to stable. */
  readonly silentAcceptNeverFalls: boolean;
  /** A worker without an answer asks again. */
  readonly asksAgain: boolean;
  /** A worker that was held up after the grant asks again before it runs. */
  readonly heldUpAsksAgain: boolean;
  readonly tokensAreUnique: boolean;
  /** The repeat of a keyed submission whose enqueue on stable was never confirmed enqueues it again. */
  readonly unconfirmedKeysAreEnqueued: boolean;
  readonly hasJanitor: boolean;
  readonly janitorWalksBothOwners: boolean;
  /** Not only what was never started: also retrying, and running under a dead worker. */
  readonly janitorWalksAllStates: boolean;
  readonly janitorRemovesDeadJobs: boolean;
  readonly verifyEnqueuesMissing: boolean;
  readonly verifyReadsControlAgain: boolean;
  /** A rollback whose patience ended looks again when what ran on has ended meanwhile, and does not say 0 at once. */
  readonly verifiesAgainWhatRanOn: boolean;
}

export const ALL_RULES: Rules = {
  silentAcceptNeverFalls: true,
  asksAgain: true,
  heldUpAsksAgain: true,
  tokensAreUnique: true,
  unconfirmedKeysAreEnqueued: true,
  hasJanitor: true,
  janitorWalksBothOwners: true,
  janitorWalksAllStates: true,
  janitorRemovesDeadJobs: true,
  verifyEnqueuesMissing: true,
  verifyReadsControlAgain: true,
  verifiesAgainWhatRanOn: true,
};

/** Who takes part, and what may go wrong. */
export interface Scenario {
  readonly tasks: number;
  /** For each producer, the task that it submits. */
  readonly producers: readonly number[];
  readonly workers: readonly ('canary' | 'stable')[];
  /** For each operator, how often it starts a rollback. */
  readonly operators: readonly number[];
  readonly budget: Partial<Budget>;
  /** Tries beyond the first. */
  readonly retries: number;
  /** Lost workers before a task is parked. */
  readonly maxLosses: number;
  /** All submissions bring one idempotency key. */
  readonly isKeyed: boolean;
  /** Producers that decide for stable from the start. */
  readonly toStable: readonly number[];
  /** Handlers on canary honour an abort while frozen (the end of rollback's grace). */
  readonly aborts: boolean;
  /** Canary keeps completed jobs. */
  readonly keepsCompleted: boolean;
  /** A rollback's patience may end while tasks still run on canary. */
  readonly losesPatience: boolean;
  /** Somebody will start the rollback, sooner or later; without it nothing may hang on that. */
  readonly rollbackComes: boolean;
}

export const NO_BUDGET: Budget = {
  crash: 0,
  pause: 0,
  heartbeat: 0,
  lock: 0,
  giveUp: 0,
  fail: 0,
  producerCrash: 0,
  operatorCrash: 0,
  janitorCrash: 0,
  lost: 0,
  late: 0,
  add: 0,
  cancel: 0,
  resume: 0,
  ratio: 0,
};
