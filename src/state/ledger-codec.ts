import type { EntryHead } from '../domain/janitor.ts';
import type {
  AcceptRequest,
  AcceptResult,
  EntryState,
  LedgerEntry,
  MovedTask,
  StartResult,
  TaskSpec,
} from '../domain/ledger.ts';
import type { BackendName } from '../domain/task.ts';
import { row } from './rows.ts';

/** The row of one submission, in the order of accept.lua. */
export function acceptRow(r: AcceptRequest): string {
  const { hash, ttlSeconds } = r.key ?? { hash: '', ttlSeconds: 0 };
  return row(r.id, r.epoch, specText(r.spec), r.payload, r.entryTtlSeconds, hash, ttlSeconds);
}

/** The part of a spec that is the same for every submission of a task, as text, by the task's backoff object. */
const fixedParts = new WeakMap<TaskSpec['backoff'], { readonly spec: TaskSpec; readonly text: string }>();

/** JSON of a spec. Most of it never changes for a task, so it is written once. */
function specText(spec: TaskSpec): string {
  const { dueAt, priority, decision, ...fixed } = spec;
  const cached = fixedParts.get(spec.backoff);
  let text = cached && isSameTask(cached.spec, spec) ? cached.text : undefined;
  if (text === undefined) {
    text = JSON.stringify(fixed).slice(0, -1);
    fixedParts.set(spec.backoff, { spec, text });
  }
  return `${text},"dueAt":${dueAt},"priority":${priority},"decision":${JSON.stringify(decision)}}`;
}

function isSameTask(a: TaskSpec, b: TaskSpec): boolean {
  return (
    a.task === b.task &&
    a.queue === b.queue &&
    a.namesTask === b.namesTask &&
    a.retries === b.retries &&
    a.timeoutMs === b.timeoutMs
  );
}

export function parseAccept(reply: unknown): AcceptResult {
  if (typeof reply === 'string') return { status: 'accepted', acceptedAt: Number(reply) };
  const [status, a, b, c] = reply as readonly unknown[];
  if (status === 'duplicate') return { status, owner: a as BackendName, acceptedAt: Number(b) };
  if (status === 'key')
    return { status, id: String(a), owner: b as BackendName, confirmed: String(c) === '1' };
  return { status: 'stale' };
}

export function parseStart(reply: readonly unknown[]): StartResult {
  const [status, a, b] = reply;
  if (status === 'granted') return { status, attempt: Number(a), failures: Number(b) };
  if (status === 'absent') return { status, now: Number(a) };
  if (status === 'skip') return { status, why: a as 'moved' | 'finished' | 'cancelled' | 'parked' };
  return { status: 'busy' };
}

/**
 * `fields`: spec, payload, acceptedAt, dueAt of a retry or '', failures.
 * @throws {SyntaxError} spec or payload is not what was written
 */
export function movedTaskFrom(id: string, fields: readonly (string | undefined)[]): MovedTask {
  const [specText, payload = '', acceptedAt, dueAt, failures] = fields;
  const spec = readSpec(specText ?? '');
  if (spec === null) throw new SyntaxError('not a spec');
  JSON.parse(payload);
  const task = {
    id,
    spec,
    payload,
    acceptedAt: Number(acceptedAt),
    dueAt: dueAt ? Number(dueAt) : spec.dueAt,
    failures: Number(failures ?? 0),
  };
  if (!hasNumbers(task)) throw new SyntaxError('not numbers');
  return task;
}

/** All fields of an entry but its payload. */
export const HEAD_FIELDS = [
  'owner',
  'state',
  'spec',
  'attempt',
  'failures',
  'losses',
  'worker',
  'cancelRequested',
  'acceptedAt',
  'startedAt',
  'finishedAt',
  'movedAt',
  'dueAt',
] as const;

/** `row`: the values of HEAD_FIELDS, in their order. null: there is no such entry. */
export function headFrom(id: string, row: readonly (string | null)[]): EntryHead | null {
  const hash: Record<string, string> = {};
  HEAD_FIELDS.forEach((field, i) => {
    const value = row[i];
    if (value !== null && value !== undefined) hash[field] = value;
  });
  return entryFrom(id, hash);
}

/** null: it is not a spec. */
function readSpec(text: string): TaskSpec | null {
  try {
    const spec = JSON.parse(text) as Partial<TaskSpec> | null;
    const isSpec =
      typeof spec?.task === 'string' &&
      typeof spec.queue === 'string' &&
      typeof spec.retries === 'number' &&
      typeof spec.timeoutMs === 'number' &&
      typeof spec.backoff?.delayMs === 'number';
    return isSpec ? (spec as TaskSpec) : null;
  } catch {
    return null;
  }
}

/** Whether the numbers of a job can be made of it. */
function hasNumbers(task: Pick<MovedTask, 'acceptedAt' | 'dueAt' | 'failures'>): boolean {
  return [task.acceptedAt, task.dueAt ?? 0, task.failures].every(Number.isFinite);
}

const OWNERS: readonly string[] = ['canary', 'stable'] satisfies BackendName[];
const STATES: readonly string[] = [
  'accepted',
  'running',
  'retrying',
  'succeeded',
  'failed',
  'cancelled',
  'handed-over',
] satisfies EntryState[];

/** null: there is no such entry, or it cannot be read. */
export function entryFrom(id: string, hash: Readonly<Record<string, string>>): LedgerEntry | null {
  const spec = readSpec(hash.spec ?? '');
  if (!OWNERS.includes(hash.owner ?? '') || !STATES.includes(hash.state ?? '') || spec === null) return null;
  const time = (field: string) => (hash[field] === undefined ? null : Number(hash[field]));
  const entry: LedgerEntry = {
    id,
    owner: hash.owner as BackendName,
    state: hash.state as EntryState,
    spec,
    payload: hash.payload ?? null,
    attempt: Number(hash.attempt ?? 0),
    failures: Number(hash.failures ?? 0),
    losses: Number(hash.losses ?? 0),
    worker: hash.worker ?? null,
    cancelRequested: hash.cancelRequested === '1',
    acceptedAt: Number(hash.acceptedAt),
    startedAt: time('startedAt'),
    finishedAt: time('finishedAt'),
    movedAt: time('movedAt'),
    dueAt: time('dueAt') ?? spec.dueAt,
  };
  return hasNumbers(entry) ? entry : null;
}
