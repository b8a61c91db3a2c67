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

/** The arguments of one submission, in the order of accept.lua. */
export function acceptArguments(r: AcceptRequest): (string | number)[] {
  return [
    r.id,
    r.epoch,
    JSON.stringify(r.spec),
    r.payload,
    r.spec.retries,
    r.entryTtlSeconds,
    r.key?.hash ?? '',
    r.key?.ttlSeconds ?? 0,
  ];
}

export function parseAccept(reply: readonly unknown[]): AcceptResult {
  const [status, a, b, c] = reply;
  if (status === 'accepted') return { status, acceptedAt: Number(a) };
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

/** `fields`: spec, payload, acceptedAt, dueAt of a retry or '', failures. */
export function movedTaskFrom(id: string, fields: readonly (string | undefined)[]): MovedTask {
  const [specText, payload, acceptedAt, dueAt, failures] = fields;
  const spec = JSON.parse(specText ?? '{}') as TaskSpec;
  return {
    id,
    spec,
    payload: payload ?? 'null',
    acceptedAt: Number(acceptedAt),
    dueAt: dueAt ? Number(dueAt) : spec.dueAt,
    failures: Number(failures ?? 0),
  };
}

/** null: there is no such entry. */
export function entryFrom(id: string, hash: Readonly<Record<string, string>>): LedgerEntry | null {
  if (!hash.owner || !hash.spec) return null;
  const time = (field: string) => (hash[field] === undefined ? null : Number(hash[field]));
  const spec = JSON.parse(hash.spec) as TaskSpec;
  return {
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
}
