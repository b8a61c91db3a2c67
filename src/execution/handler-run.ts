import { InvalidPayloadError, InvalidResultError, TaskTimeoutError } from '../domain/errors.ts';
import { encodeJson } from '../domain/json.ts';
import type { Logger } from '../domain/logger.ts';
import type { OutcomeError } from '../domain/outcome.ts';
import { checkAgainst } from '../domain/schema-check.ts';
import type { TaskContext, TaskDefinition } from '../domain/task.ts';
import type { Delivery, EncodedJson } from '../domain/task-backend.ts';
import { HandlerContext } from './handler-context.ts';
import type { AbortCause, RunningTask } from './running-tasks.ts';
import { describeThrown } from './thrown-value.ts';

export interface HandlerRunOptions {
  /** Largest result, UTF-8 bytes of its JSON. */
  readonly resultLimitBytes: number;
  /** How long an aborted handler may take to settle before its run is given up, in milliseconds. */
  readonly abortGraceMs: number;
  readonly log: Logger;
}

/** How a handler ended. `final`: trying again would not help, or would run beside a handler that does not stop. */
export type HandlerResult =
  | { readonly status: 'succeeded'; readonly value: EncodedJson | null }
  | {
      readonly status: 'failed';
      readonly error: OutcomeError;
      readonly final: boolean;
      readonly cause: AbortCause | null;
    };

/** Runs one attempt. Never rejects and always settles, whatever the handler does. */
export async function runHandler(
  task: TaskDefinition,
  delivery: Delivery,
  attempt: number,
  run: RunningTask,
  options: HandlerRunOptions,
): Promise<HandlerResult> {
  const input = checkAgainst(task.input, delivery.data);
  if (!input.isValid) return failed(new InvalidPayloadError(task.name, input.issues), true, null);
  const timeout = () => new TaskTimeoutError(delivery.id, task.timeoutMs);
  let giveUp: (value: typeof GAVE_UP) => void = () => {};
  let grace: NodeJS.Timeout | undefined;
  // A rollback or a shutdown waits for the handler instead: its task goes elsewhere only when it has ended.
  run.onAbort = (cause) => {
    if (cause === 'timeout' || cause === 'cancel')
      grace ??= setTimeout(() => giveUp(GAVE_UP), options.abortGraceMs);
  };
  // Cancelled between the start that was granted and here.
  if (run.cause !== null) run.onAbort(run.cause);
  const limit = setTimeout(() => run.abort('timeout', timeout()), task.timeoutMs);
  const context = new HandlerContext(task, delivery, attempt, run, options.log);
  try {
    const value = await new Promise<unknown>((resolve, reject) => {
      giveUp = resolve;
      callHandler(task, input.value, context).then(resolve, reject);
    });
    if (value !== GAVE_UP) return succeeded(task, value, options.resultLimitBytes);
    options.log.warn(
      { task: task.name, id: delivery.id },
      'handler ignores its abort signal; given up, it may run on',
    );
    return failed(timeout(), true, run.cause === 'cancel' ? 'cancel' : 'timeout');
  } catch (thrown) {
    return failed(run.cause === 'timeout' ? timeout() : thrown, false, run.cause);
  } finally {
    context.end();
    clearTimeout(limit);
    clearTimeout(grace);
  }
}

const GAVE_UP = Symbol('gave up');

/** async, so that a handler that throws at once ends like one that rejects. */
async function callHandler(task: TaskDefinition, input: unknown, context: TaskContext): Promise<unknown> {
  return task.handler(input, context);
}

function succeeded(task: TaskDefinition, value: unknown, limitBytes: number): HandlerResult {
  try {
    const output = checkAgainst(task.output, value);
    if (!output.isValid) return failed(new InvalidResultError(task.name, output.issues), true, null);
    if (output.value === undefined) return { status: 'succeeded', value: null };
    return { status: 'succeeded', value: encodeJson('The result', output.value, limitBytes) };
  } catch (error) {
    return failed(error, true, null);
  }
}

function failed(thrown: unknown, final: boolean, cause: AbortCause | null): HandlerResult {
  return { status: 'failed', error: describeThrown(thrown), final, cause };
}
