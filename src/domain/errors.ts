import type { SchemaIssue } from './schema-check.ts';

/** Every error that this library throws on purpose. `code` never changes; messages may. */
export abstract class HybridTaskError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** Shows a given value in an error message: short, on one line, never a whole payload. Never throws. */
export function show(value: unknown): string {
  // Not String(value): it lists an array's contents, and runs an object's own code or finds none.
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : typeof value === 'bigint'
        ? `${value}n`
        : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export class InvalidTaskDefinitionError extends HybridTaskError {
  readonly code = 'E_INVALID_TASK_DEFINITION';
  readonly task: string;
  readonly field: string;
  readonly given: unknown;
  readonly allowed: string;
  constructor(task: string, field: string, given: unknown, allowed: string) {
    super(`Task ${show(task)}: ${field} is ${show(given)}; allowed: ${allowed}.`);
    this.task = task;
    this.field = field;
    this.given = given;
    this.allowed = allowed;
  }
}

export interface ConfigProblem {
  /** Dotted path of the field, or the environment variable. */
  readonly path: string;
  readonly given: string;
  readonly allowed: string;
}

/** The config file, a flag file or an environment variable cannot be used. All problems are listed, not only the first. */
export class InvalidConfigError extends HybridTaskError {
  readonly code = 'E_INVALID_CONFIG';
  readonly source: string;
  readonly problems: readonly ConfigProblem[];
  constructor(source: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super(
      `${source} cannot be used:\n${problems.map((p) => `  ${p.path}: given ${p.given}; allowed: ${p.allowed}`).join('\n')}`,
      options,
    );
    this.source = source;
    this.problems = problems;
  }
}

export class InvalidRatioError extends HybridTaskError {
  readonly code = 'E_INVALID_RATIO';
  readonly given: unknown;
  constructor(given: unknown) {
    super(
      `The ratio is ${show(given)}; allowed: a number from 0 (all to stable) to 1 (all to canary), like 0.05.`,
    );
    this.given = given;
  }
}

export class UnknownTaskError extends HybridTaskError {
  readonly code = 'E_UNKNOWN_TASK';
  /** null: a job that names no task, and no task here runs such jobs of its queue. */
  readonly task: string | null;
  readonly known: readonly string[];
  constructor(task: string | null, known: readonly string[]) {
    const problem =
      task === null
        ? 'The job names no task, and no task of its queue runs such jobs here'
        : `Task ${show(task)} is not known here`;
    super(`${problem}; known: ${known.length ? known.join(', ') : 'none'}.`);
    this.task = task;
    this.known = known;
  }
}

export class InvalidTaskIdError extends HybridTaskError {
  readonly code = 'E_INVALID_TASK_ID';
  readonly given: unknown;
  constructor(given: unknown) {
    super(
      `The id ${show(given)} is not one that this library made; allowed: an id from newTaskId(). ` +
        'To submit something of your own only once, give it as idempotencyKey.',
    );
    this.given = given;
  }
}

export class InvalidSubmissionError extends HybridTaskError {
  readonly code = 'E_INVALID_SUBMISSION';
  readonly field: string;
  readonly given: unknown;
  readonly allowed: string;
  constructor(field: string, given: unknown, allowed: string) {
    super(`${field} is ${show(given)}; allowed: ${allowed}.`);
    this.field = field;
    this.given = given;
    this.allowed = allowed;
  }
}

abstract class SchemaMismatchError extends HybridTaskError {
  readonly task: string;
  readonly issues: readonly SchemaIssue[];
  constructor(what: string, task: string, issues: readonly SchemaIssue[]) {
    const found = issues.map(({ path, problem }) => `${path || '(top)'}: ${problem}`);
    super(`The ${what} does not fit task ${show(task)}: ${found.join('; ')}.`);
    this.task = task;
    this.issues = issues;
  }
}

/** The payload does not fit the task's input schema. Nothing was enqueued. */
export class InvalidPayloadError extends SchemaMismatchError {
  readonly code = 'E_INVALID_PAYLOAD';
  constructor(task: string, issues: readonly SchemaIssue[]) {
    super('payload', task, issues);
  }
}

/** A handler's result does not fit the task's output schema. */
export class InvalidResultError extends SchemaMismatchError {
  readonly code = 'E_INVALID_RESULT';
  constructor(task: string, issues: readonly SchemaIssue[]) {
    super('result', task, issues);
  }
}

/** A value that JSON cannot hold without changing it. */
export class NotJsonSafeError extends HybridTaskError {
  readonly code = 'E_NOT_JSON_SAFE';
  readonly what: string;
  readonly path: string;
  readonly problem: string;
  constructor(what: string, path: string, problem: string) {
    super(
      `${what} cannot be stored as JSON: ${path || '(top)'} is ${problem}; allowed: objects, arrays, strings, finite numbers, booleans and null.`,
    );
    this.what = what;
    this.path = path;
    this.problem = problem;
  }
}

export class PayloadTooLargeError extends HybridTaskError {
  readonly code = 'E_PAYLOAD_TOO_LARGE';
  readonly what: string;
  /** null: not counted to the end. */
  readonly bytes: number | null;
  readonly limitBytes: number;
  constructor(what: string, bytes: number | null, limitBytes: number) {
    const size = bytes === null ? 'too many' : bytes;
    super(`${what} has ${size} bytes; allowed: ${limitBytes}. Store it elsewhere and submit a reference.`);
    this.what = what;
    this.bytes = bytes;
    this.limitBytes = limitBytes;
  }
}

/** Redis did not confirm in time. The task may or may not be enqueued; repeating under the same id is safe. */
export class UnknownSubmissionStateError extends HybridTaskError {
  readonly code = 'E_UNKNOWN';
  readonly id: string;
  constructor(id: string, options?: ErrorOptions) {
    super(
      `Redis did not confirm the submission of ${id}; it may have been accepted. Repeat it with { id: '${id}' }: that finds the first try and makes no second task.`,
      options,
    );
    this.id = id;
  }
}

/** `target` is a host and port, never a URL with its password. */
abstract class RedisProblemError extends HybridTaskError {
  readonly target: string;
  readonly problem: string;
  readonly advice: string;
  constructor(target: string, problem: string, advice: string, options?: ErrorOptions) {
    super(`Redis at ${target}: ${problem}. ${advice}`, options);
    this.target = target;
    this.problem = problem;
    this.advice = advice;
  }
}

/** There is no connection to Redis, or it answers nothing. */
export class RedisUnreachableError extends RedisProblemError {
  readonly code = 'E_REDIS_UNREACHABLE';
}

/** Redis answered, but it cannot be used as it is set up (evicts keys, too old, refuses a command). */
export class RedisUnsuitableError extends RedisProblemError {
  readonly code = 'E_REDIS_UNSUITABLE';
}

/** A backend's own failure, without the client library's error (that one carries command arguments, so the payload). */
export class BackendError extends HybridTaskError {
  readonly code = 'E_BACKEND';
  readonly backend: string;
  readonly operation: string;
  readonly problem: string;
  constructor(backend: string, operation: string, problem: string) {
    super(`${backend}: ${operation} failed: ${problem}.`);
    this.backend = backend;
    this.operation = operation;
    this.problem = problem;
  }
}

/** Another change came first. Read the state again and repeat if it is still wanted. */
export class ControlConflictError extends HybridTaskError {
  readonly code = 'E_CONTROL_CONFLICT';
  readonly expectedEpoch: number;
  readonly actualEpoch: number;
  constructor(expectedEpoch: number, actualEpoch: number) {
    super(
      `The control state is at epoch ${actualEpoch}, not ${expectedEpoch}: somebody else changed it meanwhile.`,
    );
    this.expectedEpoch = expectedEpoch;
    this.actualEpoch = actualEpoch;
  }
}

/** The system is frozen; only `hybrid resume` lifts it. */
export class FrozenError extends HybridTaskError {
  readonly code = 'E_FROZEN';
  readonly change: string;
  constructor(change: string) {
    super(`Frozen: ${change} is refused. To go on, run: hybrid resume --reason "..."`);
    this.change = change;
  }
}

/** Something that still sends tasks to stable, and what to type to end it. */
export interface DrainObstacle {
  readonly what: string;
  readonly command: string;
}

/** Tasks are still sent to stable, so it cannot be proved empty. */
export class NotDrainableError extends HybridTaskError {
  readonly code = 'E_NOT_DRAINABLE';
  readonly obstacles: readonly DrainObstacle[];
  constructor(obstacles: readonly DrainObstacle[]) {
    const told = obstacles.map(({ what, command }) => `${what} (to do: ${command})`);
    super(`Stable cannot be drained: ${told.join('; ')}.`);
    this.obstacles = obstacles;
  }
}

/** Nobody has used this namespace on this Redis: a typo, or the wrong server. */
export class UnknownNamespaceError extends HybridTaskError {
  readonly code = 'E_UNKNOWN_NAMESPACE';
  readonly namespace: string;
  readonly known: readonly string[];
  constructor(namespace: string, known: readonly string[]) {
    const others = known.length === 0 ? 'it has none at all' : `it has: ${known.slice(0, 20).join(', ')}`;
    super(`Nobody has used the namespace ${show(namespace)} on this Redis; ${others}. Nothing was changed.`);
    this.namespace = namespace;
    this.known = known;
  }
}

export class ResultTimeoutError extends HybridTaskError {
  readonly code = 'E_RESULT_TIMEOUT';
  readonly id: string;
  readonly timeoutMs: number;
  constructor(id: string, timeoutMs: number) {
    super(
      `Task ${id} has no outcome after ${timeoutMs} ms. It may be waiting or running still, or a plain bee-queue worker ran it, which records none; see: hybrid task ${id}`,
    );
    this.id = id;
    this.timeoutMs = timeoutMs;
  }
}

export class ResultNotStoredError extends HybridTaskError {
  readonly code = 'E_RESULT_NOT_STORED';
  readonly id: string;
  readonly task: string;
  constructor(id: string, task: string) {
    super(`Task ${show(task)} says storeResult: false, so ${id} has no result to wait for.`);
    this.id = id;
    this.task = task;
  }
}

/** The task ran and failed, or was cancelled. `taskError` is what its handler threw. */
export class TaskFailedError extends HybridTaskError {
  readonly code = 'E_TASK_FAILED';
  readonly id: string;
  readonly task: string;
  readonly status: 'failed' | 'cancelled';
  readonly taskError: { readonly name: string; readonly message: string; readonly code?: string } | undefined;
  constructor(
    id: string,
    task: string,
    status: 'failed' | 'cancelled',
    taskError: { readonly name: string; readonly message: string; code?: string } | undefined,
  ) {
    super(
      `Task ${show(task)} ${id} ${status}${taskError ? `: ${taskError.name}: ${taskError.message}` : ''}`,
    );
    this.id = id;
    this.task = task;
    this.status = status;
    this.taskError = taskError;
  }
}

export class TaskTimeoutError extends HybridTaskError {
  readonly code = 'E_TASK_TIMEOUT';
  readonly id: string;
  readonly timeoutMs: number;
  constructor(id: string, timeoutMs: number) {
    super(`Task ${id} ran longer than its time limit of ${timeoutMs} ms.`);
    this.id = id;
    this.timeoutMs = timeoutMs;
  }
}

/** Its workers kept dying while running it; it is parked and not tried again by itself. */
export class PoisonTaskError extends HybridTaskError {
  readonly code = 'E_POISON_TASK';
  readonly id: string;
  readonly losses: number;
  constructor(id: string, losses: number) {
    super(`Task ${id} lost its worker ${losses} times while running; it is parked.`);
    this.id = id;
    this.losses = losses;
  }
}

/** Something was used after close(). */
export class ClosedError extends HybridTaskError {
  readonly code = 'E_CLOSED';
  readonly what: string;
  constructor(what: string) {
    super(`${what} is closed.`);
    this.what = what;
  }
}
