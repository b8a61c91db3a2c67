import { randomUUID } from 'node:crypto';
import { InvalidPayloadError, InvalidSubmissionError, NotJsonSafeError } from '../domain/errors.ts';
import { encodeJson } from '../domain/json.ts';
import type { TaskSpec } from '../domain/ledger.ts';
import type { RoutingDecision } from '../domain/routing-decision.ts';
import { checkAgainst } from '../domain/schema-check.ts';
import type { BackendName, TaskDefinition } from '../domain/task.ts';
import type { EncodedJson } from '../domain/task-backend.ts';
import { assertTaskId } from '../domain/task-id.ts';

/** What a caller may say about one submission. */
export interface SubmitOptions {
  /** Submissions with one key go to one backend as long as the ratio does not pass it by. @default the task's id */
  readonly stickyKey?: string;
  /** Two submissions of one task with one key are one task: the second gets the first one's handle. */
  readonly idempotencyKey?: string;
  /** Start no earlier than this many milliseconds from now. @default 0 */
  readonly delayMs?: number;
  /**
   * 1 (first) to 2_097_151 (last). Only canary knows priorities, so once the ratio in force is above 0 the submission
   * goes there whatever its bucket. On stable it is ignored, and the decision says so.
   */
  readonly priority?: number;
  /** Names the backend, for a test in production. A freeze and a canary that is down still win. */
  readonly backend?: BackendName;
  /** For the targeting rules of feature flags. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Repeats a submission that ended in E_UNKNOWN. Only ids of this library. */
  readonly id?: string;
}

/** A submission that passed every check and has its id. */
export interface Submission {
  readonly id: string;
  readonly isRepeat: boolean;
  readonly task: TaskDefinition;
  readonly payload: EncodedJson;
  readonly stickyKey: string;
  readonly idempotencyKey: string | null;
  readonly dueAt: number | null;
  readonly priority: number | null;
  readonly backend: BackendName | undefined;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly submittedAt: number;
}

/** What the ledger writes down of a submission. @param namesTask its queue serves several tasks */
export function taskSpecOf(
  { task, dueAt, priority }: Submission,
  namesTask: boolean,
  decision: RoutingDecision | null,
): TaskSpec {
  const { name, queue, retries, backoff, timeoutMs } = task;
  return { task: name, queue, namesTask, retries, backoff, timeoutMs, dueAt, priority, decision };
}

/** A new id of the one form that both queues store safely: `task-` and a UUID version 7, so ids sort by time. */
export function newTaskId(): string {
  // RFC 9562: 48 bits of time, the version, then random bits, which a version 4 UUID has in the same places.
  const time = Date.now().toString(16).padStart(12, '0');
  return `task-${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

const LONGEST_KEY = 512;
const LONGEST_DELAY_MS = 365 * 86_400_000;
const LAST_PRIORITY = 2_097_151;
const NONE: Readonly<Record<string, never>> = Object.freeze({});

const OPTION_CHECKS: {
  readonly [K in keyof Required<SubmitOptions>]: readonly [(given: unknown) => boolean, string];
} = {
  stickyKey: [isKey, `a string of 1 to ${LONGEST_KEY} characters`],
  idempotencyKey: [isKey, `a string of 1 to ${LONGEST_KEY} characters`],
  delayMs: [
    (n) => isWhole(n, 0, LONGEST_DELAY_MS),
    `a whole number of milliseconds from 0 to ${LONGEST_DELAY_MS}`,
  ],
  priority: [(n) => isWhole(n, 1, LAST_PRIORITY), `a whole number from 1 to ${LAST_PRIORITY}`],
  backend: [(b) => b === 'stable' || b === 'canary', '"stable" or "canary"'],
  attributes: [isAttributes, 'an object of strings, numbers and booleans'],
  id: [(id) => typeof id === 'string', 'an id from newTaskId()'],
};

/**
 * Checks everything that can be checked before anything is written.
 * @throws {InvalidSubmissionError | InvalidPayloadError | InvalidTaskIdError | NotJsonSafeError | PayloadTooLargeError}
 */
export function prepareSubmission(
  task: TaskDefinition,
  input: unknown,
  options: SubmitOptions,
  payloadLimitBytes: number,
): Submission {
  checkOptions(options);
  if (options.id !== undefined) assertTaskId(options.id);
  if (options.idempotencyKey !== undefined && !task.storeResult) {
    const allowed = 'a key only for a task that stores its result: the result is what a repeat is known by';
    throw new InvalidSubmissionError('idempotencyKey', options.idempotencyKey, allowed);
  }
  const id = options.id ?? newTaskId();
  const submittedAt = Date.now();
  return {
    id,
    isRepeat: options.id !== undefined,
    task,
    payload: encodePayload(task, input, payloadLimitBytes),
    stickyKey: options.stickyKey ?? id,
    idempotencyKey: options.idempotencyKey ?? null,
    dueAt: options.delayMs ? submittedAt + options.delayMs : null,
    priority: options.priority ?? null,
    backend: options.backend,
    attributes: options.attributes ?? NONE,
    submittedAt,
  };
}

function checkOptions(options: SubmitOptions): void {
  for (const [field, given] of Object.entries(options)) {
    if (given === undefined) continue;
    const check = Object.hasOwn(OPTION_CHECKS, field)
      ? OPTION_CHECKS[field as keyof SubmitOptions]
      : undefined;
    if (!check) throw new InvalidSubmissionError('option', field, Object.keys(OPTION_CHECKS).join(', '));
    if (!check[0](given)) throw new InvalidSubmissionError(field, given, check[1]);
  }
}

/** What the caller gave is what is stored; the schema's defaults and conversions are applied where the task runs. */
function encodePayload(task: TaskDefinition, input: unknown, limitBytes: number): EncodedJson {
  // Before the schema, which could run for ever on a value that contains itself.
  const payload = encodeJson('The payload', input, limitBytes);
  const checked = checkAgainst(task.input, input);
  if (!checked.isValid) throw new InvalidPayloadError(task.name, checked.issues);
  // bee-queue hands its worker {} in place of a falsy payload.
  if (!input)
    throw new NotJsonSafeError('The payload', '', `${JSON.stringify(input)}, which bee-queue turns into {}`);
  return payload;
}

function isKey(given: unknown): boolean {
  return typeof given === 'string' && given.length > 0 && given.length <= LONGEST_KEY;
}

function isWhole(given: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(given) && (given as number) >= min && (given as number) <= max;
}

function isAttributes(given: unknown): boolean {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false;
  return Object.values(given).every((v) => ['string', 'number', 'boolean'].includes(typeof v));
}
