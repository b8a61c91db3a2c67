import type { z } from 'zod';
import { ResultNotStoredError, TaskFailedError } from '../domain/errors.ts';
import type { RoutingDecision } from '../domain/routing-decision.ts';
import type { BackendName, TaskDefinition } from '../domain/task.ts';
import type { OutcomeStore } from '../state/outcome-store.ts';

/** Waiting for a result without a word about how long. */
const DEFAULT_RESULT_TIMEOUT_MS = 60_000;

/** The handle of a submission. */
export class SubmittedTask<O extends z.ZodType = z.ZodType> {
  readonly id: string;
  readonly decision: RoutingDecision;
  readonly task: string;
  readonly #definition: TaskDefinition<z.ZodType, O>;
  readonly #outcomes: OutcomeStore;

  constructor(
    id: string,
    decision: RoutingDecision,
    definition: TaskDefinition<z.ZodType, O>,
    outcomes: OutcomeStore,
  ) {
    this.id = id;
    this.decision = decision;
    this.task = definition.name;
    this.#definition = definition;
    this.#outcomes = outcomes;
  }

  /** Where it was enqueued. A rollback may have moved it since; `manager.find(id)` tells. */
  get backend(): BackendName {
    return this.decision.backend;
  }

  /**
   * Waits for the handler's result, whichever backend runs it.
   *
   * @param options.timeoutMs longest wait in milliseconds @default 60_000
   * @throws {TaskFailedError} it failed or was cancelled
   * @throws {ResultTimeoutError} not finished yet; the task goes on
   * @throws {ResultNotStoredError} the task says storeResult: false
   */
  async result(options: { readonly timeoutMs?: number } = {}): Promise<z.output<O>> {
    if (!this.#definition.storeResult) throw new ResultNotStoredError(this.id, this.task);
    const outcome = await this.#outcomes.wait(this.id, options.timeoutMs ?? DEFAULT_RESULT_TIMEOUT_MS);
    if (outcome.status !== 'succeeded')
      throw new TaskFailedError(this.id, this.task, outcome.status, outcome.error);
    return outcome.value as z.output<O>;
  }
}
