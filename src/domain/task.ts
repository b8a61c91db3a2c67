import type { z } from 'zod';
import { InvalidTaskDefinitionError } from './errors.ts';
import type { ParityDefinition, ParityOptions } from './parity.ts';
import { readParityOptions } from './parity-options.ts';
import { isOwnQueue } from './task-backend.ts';

/** How long to wait before a failed attempt is tried again. Means the same on both backends. */
export interface Backoff {
  /** `fixed`: always `delayMs`. `exponential`: `delayMs * 2^(failures - 1)`. */
  readonly type: 'fixed' | 'exponential';
  /** Base delay in milliseconds. 0 retries at once. */
  readonly delayMs: number;
  /** Upper limit of one delay in milliseconds. @default 86_400_000 (a day) */
  readonly maxDelayMs?: number;
  /** Share of the delay that is random, 0 to 1: with 0.2 a delay of 1000 ms becomes 800 to 1000 ms. @default 0 */
  readonly jitter?: number;
}

/** Lines about one task; every line carries the task's ids. */
export interface TaskLogger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** What a handler is given beside its input. */
export interface TaskContext {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly backend: BackendName;
  /** 1 on the first run, one more after each failure; on canary also after a run that lost its worker or was aborted. */
  readonly attempt: number;
  /** Aborts when the soft time limit passes, when the task is cancelled, or when a rollback takes it back. */
  readonly signal: AbortSignal;
  readonly log: TaskLogger;
  /** This run is a copy, made only to be compared: leave out what must happen once, like sending a mail. */
  readonly shadow: boolean;
  /**
   * Publishes progress: a number from 0 to 100 or any small JSON value. Best effort: it never fails the task and does not wait
   * for Redis; of reports that come faster than they can be sent, the newest goes.
   */
  progress(value: unknown): Promise<void>;
}

/** The two roles. stable = bee-queue, canary = BullMQ. */
export type BackendName = 'stable' | 'canary';

/** What a team writes down about a task. Both backends run the same handler. */
export interface TaskOptions<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  /** Unique in a process; letters, digits, `-`, `_` and `.`, at most 100 characters. */
  readonly name: string;
  /** Queue name on both backends; the same characters as `name`. */
  readonly queue: string;
  /** Checked when submitting (nothing is enqueued if it fails) and again before the handler runs. */
  readonly input: I;
  /** Checked when the handler returns; a result that does not fit fails the task for good. */
  readonly output: O;
  readonly handler: (input: z.output<I>, context: TaskContext) => Promise<z.input<O>> | z.input<O>;
  /** Extra tries after the first one failed. @default 0 */
  readonly retries?: number;
  /** @default { type: 'exponential', delayMs: 1000, jitter: 0.2 } */
  readonly backoff?: Backoff;
  /**
   * Soft time limit of one attempt in milliseconds: `signal` aborts. A handler that then rejects is tried again if
   * tries are left; one that returns a result has succeeded; one that does neither fails for good, because a second
   * run beside it could do harm.
   * @default 600_000
   */
  readonly timeoutMs?: number;
  /** false: no stored result, no write for it; `result()` then refuses. @default true */
  readonly storeResult?: boolean;
  /** How long a success stays readable, in seconds. @default the config's results.resultTtlSeconds */
  readonly resultTtlSeconds?: number;
  /** How long a failure stays readable, in seconds. @default the config's results.failureTtlSeconds */
  readonly failureTtlSeconds?: number;
  /**
   * Whether this task runs the jobs of its queue that name no task: those of plain bee-queue producers, and those
   * submitted when the queue had one task. Where several tasks share a queue, exactly one says true, as a rule the one
   * that was there first: else a worker of them does not open. The only task of a queue runs them anyway.
   * @default false
   */
  readonly runsUnnamedJobs?: boolean;
  /** Whether and how both backends' results are compared. @default not compared */
  readonly parity?: ParityOptions<z.output<O>>;
}

/** A definition with every default filled in. */
export interface TaskDefinition<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly queue: string;
  readonly input: I;
  readonly output: O;
  readonly handler: (input: z.output<I>, context: TaskContext) => Promise<z.input<O>> | z.input<O>;
  readonly retries: number;
  readonly backoff: Required<Backoff>;
  readonly timeoutMs: number;
  readonly storeResult: boolean;
  readonly resultTtlSeconds: number | null;
  readonly failureTtlSeconds: number | null;
  readonly runsUnnamedJobs: boolean;
  readonly parity: ParityDefinition;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const DAY_MS = 86_400_000;
/** The longest delay that a Node timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Declares a task once, for whoever submits it and whoever runs it.
 *
 * @throws {InvalidTaskDefinitionError} naming the field, what was given and what is allowed
 */
export function defineTask<I extends z.ZodType, O extends z.ZodType>(
  options: TaskOptions<I, O>,
): TaskDefinition<I, O> {
  const fail = (field: string, given: unknown, allowed: string): never => {
    throw new InvalidTaskDefinitionError(String(options.name), field, given, allowed);
  };
  const name = 'letters, digits, ".", "_" and "-", starting with a letter or digit, at most 100 characters';
  const isName = (given: unknown) => typeof given === 'string' && NAME.test(given);
  if (!isName(options.name)) fail('name', options.name, name);
  if (!isName(options.queue)) fail('queue', options.queue, name);
  if (isOwnQueue(options.queue))
    fail('queue', options.queue, 'a name that does not end in ".moved" or ".copies"');
  if (typeof options.handler !== 'function') fail('handler', typeof options.handler, 'a function');
  for (const field of ['input', 'output'] as const) {
    if (typeof options[field]?.safeParse !== 'function') fail(field, typeof options[field], 'a zod schema');
  }
  const whole = (field: string, value: number, min: number, max: number): number =>
    Number.isSafeInteger(value) && value >= min && value <= max
      ? value
      : fail(field, value, `a whole number from ${min} to ${max}`);
  const backoff = options.backoff ?? { type: 'exponential', delayMs: 1000, jitter: 0.2 };
  if (backoff.type !== 'fixed' && backoff.type !== 'exponential')
    fail('backoff.type', backoff.type, '"fixed" or "exponential"');
  const jitter = backoff.jitter ?? 0;
  if (!(jitter >= 0 && jitter <= 1)) fail('backoff.jitter', jitter, 'a number from 0 to 1');
  const ttl = (field: string, value: number | undefined) =>
    value === undefined ? null : whole(field, value, 1, 315_360_000);
  const parity = readParityOptions(options.name, options.parity);
  if (parity.shadowSafe && options.storeResult === false)
    fail(
      'parity.shadowSafe',
      true,
      'true only for a task that stores its result: results are what is compared',
    );
  return Object.freeze({
    name: options.name,
    queue: options.queue,
    input: options.input,
    output: options.output,
    handler: options.handler,
    retries: whole('retries', options.retries ?? 0, 0, 1000),
    backoff: Object.freeze({
      type: backoff.type,
      delayMs: whole('backoff.delayMs', backoff.delayMs, 0, MAX_TIMER_MS),
      maxDelayMs: whole('backoff.maxDelayMs', backoff.maxDelayMs ?? DAY_MS, 0, MAX_TIMER_MS),
      jitter,
    }),
    timeoutMs: whole('timeoutMs', options.timeoutMs ?? 600_000, 1, MAX_TIMER_MS),
    storeResult: options.storeResult ?? true,
    resultTtlSeconds: ttl('resultTtlSeconds', options.resultTtlSeconds),
    failureTtlSeconds: ttl('failureTtlSeconds', options.failureTtlSeconds),
    runsUnnamedJobs: options.runsUnnamedJobs ?? false,
    parity,
  });
}
