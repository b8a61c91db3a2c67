import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { configFrom, type HybridConfig, routingOf } from './config.ts';
import type { ControlState, RoutingSettings } from './domain/control-state.ts';
import { ClosedError, UnknownTaskError } from './domain/errors.ts';
import type { Mismatch } from './domain/parity.ts';
import type { ComparisonReport } from './domain/report.ts';
import type { RollbackPlan, RollbackReport } from './domain/rollback.ts';
import type { FlagSource } from './domain/routing-decision.ts';
import type { TaskDefinition } from './domain/task.ts';
import { TaskRegistry } from './execution/task-registry.ts';
import { createLogger } from './logging.ts';
import { countSubmission } from './manager/assignment.ts';
import { type ReportOptions, reportOf } from './manager/comparison-report.ts';
import { applyRouting, type FollowedFile, joinLiveState } from './manager/config-sync.ts';
import { type Connections, openConnections } from './manager/connections.ts';
import { CopyMaker } from './manager/copies.ts';
import { type DrainOptions, type DrainReport, drainStable } from './manager/drain.ts';
import { openFlags } from './manager/flags.ts';
import type { ManagerOptions } from './manager/manager-options.ts';
import { changeRatio, type RatioChange } from './manager/ratio.ts';
import { type ReplayedInput, type ReplayOptions, type ReplayResult, replay } from './manager/replay.ts';
import { planOf, type RollbackOptions, runRollback } from './manager/rollback.ts';
import { readStatus, type SystemStatus } from './manager/status.ts';
import { prepareSubmission, type SubmitOptions } from './manager/submission.ts';
import { SubmittedTask } from './manager/submitted-task.ts';
import { Submitter } from './manager/submitter.ts';
import { cancelTask, findTask, type TaskReport } from './manager/task-lookup.ts';
import { type AuditEntry, readAudit } from './state/audit-log.ts';

/** Routes submissions to stable or canary, and lets an operator see and change how. */
export class HybridTaskManager {
  readonly config: HybridConfig;
  readonly #connections: Connections;
  readonly #actor: string;
  readonly #flags: FlagSource;
  readonly #tasks: TaskRegistry;
  readonly #submitter: Submitter;
  readonly #copies: CopyMaker;
  readonly #file: FollowedFile | null;
  #isClosed = false;

  private constructor(
    c: Connections,
    actor: string,
    flags: FlagSource,
    tasks: TaskRegistry,
    file: FollowedFile | null,
  ) {
    this.config = c.config;
    this.#actor = actor;
    this.#connections = c;
    this.#flags = flags;
    this.#tasks = tasks;
    this.#file = file;
    const isShared = (queue: string) => tasks.isShared(queue);
    this.#submitter = new Submitter(c, flags, isShared);
    this.#copies = new CopyMaker(c, isShared);
  }

  /**
   * Connects and reads the live state. Canary and the flag service may be down.
   * @throws {InvalidConfigError | InvalidTaskDefinitionError | RedisUnreachableError | RedisUnsuitableError}
   * @throws {UnknownNamespaceError} only with `mustExist`
   */
  static async open(options: ManagerOptions): Promise<HybridTaskManager> {
    const config = await configFrom(options.config);
    const tasks = new TaskRegistry(options.tasks);
    const log = options.log ?? createLogger(config.log.level);
    const actor = options.actor ?? `manager:${hostname()}`;
    const connections = await openConnections(config, actor, log, options.mustExist);
    let flags: FlagSource | undefined;
    try {
      const { plane } = connections;
      await connections.queues.add(tasks.queues);
      flags = await openFlags(config, plane, log, options.asksFlags);
      const file = await joinLiveState(config, plane, log, options.followConfigFile !== false);
      return new HybridTaskManager(connections, actor, flags, tasks, file);
    } catch (error) {
      await flags?.close();
      await connections.close();
      throw error;
    }
  }

  /** The live state that this process acts on. */
  get state(): ControlState {
    return this.#connections.plane.state;
  }

  /**
   * Checks the payload, decides, enqueues. Resolves when Redis has confirmed.
   *
   * @param task a definition or its name
   * @throws {UnknownTaskError | InvalidPayloadError | NotJsonSafeError | PayloadTooLargeError | InvalidSubmissionError}
   *   nothing was enqueued
   * @throws {UnknownSubmissionStateError} E_UNKNOWN: Redis stayed silent; repeat it under the error's id
   */
  async submit<I extends z.ZodType, O extends z.ZodType>(
    task: TaskDefinition<I, O> | string,
    input: z.input<I>,
    options: SubmitOptions = {},
  ): Promise<SubmittedTask<O>> {
    if (this.#isClosed) throw new ClosedError('The manager');
    const name = typeof task === 'string' ? task : task.name;
    const definition = this.#tasks.get(name) as TaskDefinition<I, O> | undefined;
    if (!definition) throw new UnknownTaskError(name, this.#tasks.names);
    const { payloadBytes } = this.config.limits;
    const submission = prepareSubmission(definition, input, options, payloadBytes);
    const placement = await this.#submitter.place(submission);
    const { id, decision } = placement;
    if (decision.reason !== 'duplicate') countSubmission(this.#connections.meter, submission, placement);
    this.#copies.consider(submission, placement);
    return new SubmittedTask<O>(id, decision, definition, this.#connections.outcomes);
  }

  /** What is known of a task, wherever it went; null: nothing. */
  async find(id: string): Promise<TaskReport | null> {
    return findTask(this.#connections, id, await this.#queues());
  }

  /** `requested`: it is running and was asked to stop. */
  async cancel(id: string): Promise<'cancelled' | 'requested' | 'finished' | 'absent'> {
    return cancelTask(this.#connections, id, await this.#queues());
  }

  /** Those of its own tasks, and those that any process of the namespace has used. */
  async #queues(): Promise<readonly string[]> {
    return [...new Set([...this.#tasks.queues, ...(await this.#connections.queues.list())])];
  }

  /**
   * Sets the share of submissions that go to canary, for all processes.
   *
   * @param ratio 0 to 1; null, only with a task: remove the task's own ratio
   * @throws {InvalidRatioError} @throws {UnknownTaskError} @throws {FrozenError} @throws {ControlConflictError}
   */
  setRatio(ratio: number | null, options: RatioChange): Promise<ControlState> {
    return changeRatio(this.#connections.plane, this.#tasks, ratio, options);
  }

  get #fileRouting(): RoutingSettings {
    return this.#file?.routing ?? routingOf(this.config);
  }

  /** Makes the config file's routing section live. @throws {FrozenError} */
  apply(options: { readonly reason: string }): Promise<ControlState> {
    return applyRouting(this.#connections.plane, this.#fileRouting, options);
  }

  /** From the moment this resolves, nothing is accepted for canary, whatever any process believes (I3). */
  freeze(options: { readonly reason: string }): Promise<ControlState> {
    return this.#connections.plane.freeze(options);
  }

  /**
   * Takes everything back to stable: freezes, moves what canary has not begun, waits for what it runs, verifies, tidies up
   * and reports. May be repeated, run by several at once, and killed anywhere: run again it ends in the same state.
   *
   * @returns `needs-person` where something is left to do, named in `problems`
   * @throws {RedisUnreachableError} Redis stayed away for a minute; what was done stays
   */
  rollback(options: RollbackOptions): Promise<RollbackReport> {
    return runRollback(this.#connections, this.#actor, () => this.#queues(), options);
  }

  /** What a rollback would do now. Changes nothing. */
  async planRollback(): Promise<RollbackPlan> {
    return planOf(this.#connections, await this.#queues());
  }

  /** Lifts a freeze. The ratio stays 0 until somebody raises it. */
  resume(options: { readonly reason: string }): Promise<ControlState> {
    return this.#connections.plane.resume(options);
  }

  /** Waits until stable is empty. @throws {NotDrainableError} tasks are still sent there */
  drainStable(options: DrainOptions = {}): Promise<DrainReport> {
    return drainStable(this.#connections, () => this.#queues(), options);
  }

  /**
   * Compares the backends over a window of time: routing, errors, times, results, and a verdict.
   * @throws {InvalidConfigError} a window that cannot be
   */
  report(options: ReportOptions = {}): Promise<ComparisonReport> {
    return reportOf(this.#connections, options);
  }

  /** The newest pairs of runs whose results differ, newest first. The newest 1,000 are kept. */
  mismatches(
    options: { readonly task?: string; readonly limit?: number } = {},
  ): Promise<readonly Mismatch[]> {
    return this.#connections.pairs.mismatches({ task: options.task, limit: options.limit ?? 20 });
  }

  /** Pairs of this process's tasks that wait to be compared. */
  waitingPairs(): Promise<number> {
    return this.#connections.pairs.countWaiting(this.#tasks.names);
  }

  /**
   * Begins comparing anew: forgets all figures and kept mismatches of the namespace, and the waiting pairs of this process's
   * tasks. For a namespace of experiments; tasks are not touched.
   */
  async forgetComparisons(): Promise<void> {
    const { figures, pairs } = this.#connections;
    await Promise.all([figures.forget(), pairs.forget(this.#tasks.names)]);
  }

  /**
   * Runs recorded inputs on both backends, as copies that are nobody's work, and compares the results. An input that cannot
   * be replayed or read ends it, and so does a freeze: that is the result's `problem`. Where nothing was before, it is thrown.
   * @throws {InvalidPayloadError | NotJsonSafeError | PayloadTooLargeError} the first input does not fit
   * @throws {InvalidSubmissionError} the first input's task is not shadowSafe
   * @throws {FrozenError} a freeze was in force from the beginning
   * @throws {RedisUnreachableError} a Redis does not answer, however much was compared; what was submitted runs on
   */
  replay(
    inputs: AsyncIterable<ReplayedInput> | Iterable<ReplayedInput>,
    options: ReplayOptions = {},
  ): Promise<ReplayResult> {
    return replay(this.#connections, this.#copies, inputs, options);
  }

  /** Calls back after each change of the live state, whichever process made it. @returns a function that ends it */
  onChange(listener: (state: ControlState, before: ControlState) => void): () => void {
    return this.#connections.plane.onChange(listener);
  }

  async status(): Promise<SystemStatus> {
    return readStatus(this.#connections, this.#flags, await this.#queues(), this.#fileRouting);
  }

  /** The newest changes of the live state, newest first. */
  audit(limit = 20): Promise<readonly AuditEntry[]> {
    return readAudit(this.#connections.control, limit);
  }

  /** Parked tasks, newest first: each lost its worker too often and waits for a person. */
  parked(limit = 100): Promise<readonly string[]> {
    return this.#connections.ledger.parked(limit);
  }

  /**
   * Closes all connections. Submissions under way are not waited for; copies and figures that are not written yet are, for
   * one command's time-out at most.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file?.close();
    await this.#flags.close();
    const written = new AbortController();
    const { signal } = written;
    const deadline = sleep(this.config.redis.commandTimeoutMs, undefined, { signal }).catch(() => {});
    await this.#copies.close(deadline);
    await this.#connections.close(deadline);
    written.abort();
  }
}
