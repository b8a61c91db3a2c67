import {
  HybridTaskError,
  InvalidPayloadError,
  InvalidResultError,
  show,
  TaskTimeoutError,
} from '../domain/errors.ts';
import { encodeJson } from '../domain/json.ts';
import type { Logger } from '../domain/logger.ts';
import type { OutcomeError } from '../domain/outcome.ts';
import type { TaskContext, TaskDefinition, TaskLogger } from '../domain/task.ts';
import type { Delivery, EncodedJson } from '../domain/task-backend.ts';
import type { AbortCause, RunningTask } from './running-tasks.ts';

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
  const input = task.input.safeParse(delivery.data);
  if (!input.success) {
    return failed(new InvalidPayloadError(task.name, issuesOf(input.error.issues)), true, null);
  }
  let giveUp: () => void = () => {};
  const gaveUp = new Promise<typeof GAVE_UP>((resolve) => {
    giveUp = () => resolve(GAVE_UP);
  });
  let grace: NodeJS.Timeout | undefined;
  const giveUpSoon = () => {
    grace ??= setTimeout(giveUp, options.abortGraceMs);
  };
  const limit = setTimeout(() => {
    run.cause ??= 'timeout';
    run.controller.abort(new TaskTimeoutError(delivery.id, task.timeoutMs));
    giveUpSoon();
  }, task.timeoutMs);
  // A rollback or a shutdown waits for the handler instead: its task goes elsewhere only when it has ended.
  run.controller.signal.addEventListener('abort', () => {
    if (run.cause === 'cancel') giveUpSoon();
  });
  try {
    const context = contextOf(task, delivery, attempt, run, options.log);
    const value = await Promise.race([callHandler(task, input.data, context), gaveUp]);
    if (value !== GAVE_UP) return succeeded(task, value, options.resultLimitBytes);
    options.log.warn(
      { task: task.name, id: delivery.id },
      'handler ignores its abort signal; given up, it may run on',
    );
    const cause = run.cause === 'cancel' ? 'cancel' : 'timeout';
    return failed(new TaskTimeoutError(delivery.id, task.timeoutMs), true, cause);
  } catch (thrown) {
    const reason: unknown = run.cause === 'timeout' ? run.controller.signal.reason : thrown;
    return failed(reason, false, run.cause);
  } finally {
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
    const output = task.output.safeParse(value);
    if (!output.success)
      return failed(new InvalidResultError(task.name, issuesOf(output.error.issues)), true, null);
    if (output.data === undefined) return { status: 'succeeded', value: null };
    return { status: 'succeeded', value: encodeJson('The result', output.data, limitBytes) };
  } catch (error) {
    return failed(error, true, null);
  }
}

function failed(thrown: unknown, final: boolean, cause: AbortCause | null): HandlerResult {
  return { status: 'failed', error: describeThrown(thrown), final, cause };
}

/** What is stored of a thrown value. Never the value itself: it may hold the payload or refer to itself. */
export function describeThrown(thrown: unknown): OutcomeError {
  if (thrown instanceof HybridTaskError) {
    return { name: thrown.name, message: thrown.message, code: thrown.code };
  }
  // By shape and not by instanceof: an error may come from another realm.
  if (
    typeof thrown === 'object' &&
    thrown !== null &&
    'message' in thrown &&
    typeof thrown.message === 'string'
  ) {
    const { name, code } = thrown as { name?: unknown; code?: unknown };
    return {
      name: typeof name === 'string' ? name : 'Error',
      message: thrown.message.slice(0, 4096),
      ...(typeof code === 'string' ? { code } : {}),
    };
  }
  const what = typeof thrown === 'object' && thrown !== null ? 'an object that is no Error' : show(thrown);
  return { name: 'NonError', message: `The handler threw ${what}.`, code: 'E_NON_ERROR_THROWN' };
}

/** zod's issues without the values. */
export function issuesOf(
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): { path: string; problem: string }[] {
  return issues.map((i) => ({ path: i.path.map((step) => `/${String(step)}`).join(''), problem: i.message }));
}

function contextOf(
  task: TaskDefinition,
  delivery: Delivery,
  attempt: number,
  run: RunningTask,
  log: Logger,
): TaskContext {
  const ids = { task: task.name, id: delivery.id, backend: delivery.backend, attempt };
  return {
    ...ids,
    queue: task.queue,
    signal: run.controller.signal,
    log: taskLogger(log, ids),
    progress: async (value) => {
      try {
        await delivery.progress(value);
      } catch (error) {
        log.debug({ ...ids, problem: describeThrown(error).message }, 'progress was not published');
      }
    },
  };
}

function taskLogger(log: Logger, ids: Record<string, unknown>): TaskLogger {
  let child: Logger | undefined;
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: Record<string, unknown> = {}) => {
      child ??= log.child(ids);
      child[level](fields, message);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
