import { type Contents, type Entry, isAlive, isOpen } from './redis-contents.ts';
import type { Scenario } from './scenario.ts';
import type { Call } from './scripts.ts';
import { type State, taskId } from './state.ts';

const FINISHED: readonly Entry['state'][] = ['succeeded', 'failed', 'cancelled'];
const OWNER_SETS = { canary: 'openCanary', stable: 'openMoved' } as const;

/** What a script may never do, whoever calls it and when. @returns the promise that it broke */
export function brokenByCall(
  call: Call,
  before: Contents,
  after: Contents,
  reply: string,
): string | undefined {
  return brokenByEntries(before, after) ?? brokenByAnswer(call, before, after, reply);
}

function brokenByEntries(before: Contents, after: Contents): string | undefined {
  if (!isConserved(after)) return 'I8: the counts agree with the entries after every script';
  for (const [id, outcome] of Object.entries(before.outcomes)) {
    const now = after.outcomes[id];
    if (now?.status !== outcome.status || now.by !== outcome.by) return 'I1: a recorded outcome stays';
  }
  for (const [id, entry] of Object.entries(before.entries)) {
    const now = after.entries[id];
    if (now === undefined) return 'no script removes an entry';
    if (FINISHED.includes(entry.state) && now.state !== entry.state)
      return 'I1: a finished task stays as it finished';
    const isAsked = entry.cancelRequested !== undefined && entry.state === 'running';
    if (isAsked && (now.state === 'accepted' || now.state === 'retrying'))
      return 'a requested cancel is kept';
  }
  return undefined;
}

function brokenByAnswer(call: Call, before: Contents, after: Contents, reply: string): string | undefined {
  switch (call.name) {
    case 'accept': {
      if (before.entries[call.id] !== undefined) {
        return reply.startsWith('duplicate')
          ? undefined
          : 'an accepted task is a duplicate, also when frozen';
      }
      if (after.entries[call.id] === undefined) return undefined;
      if (before.control.frozen !== '') return 'I3: nothing is accepted while frozen';
      if (before.control.epoch !== call.epoch) return 'I3: nothing is accepted under an older epoch';
      return undefined;
    }
    case 'start':
      return reply.startsWith('granted') ? brokenByGrant(call, before.entries[call.id], before) : undefined;
    case 'finish': {
      const entry = before.entries[call.id];
      if (reply !== 'recorded' || !isOpen(entry)) return undefined;
      return entry.token === call.token ? undefined : 'I1: the outcome is that of the run granted last';
    }
    case 'retry':
      return brokenByRetry(call, before.entries[call.id], after.entries[call.id], after, reply);
    case 'reassign':
      for (const id of call.ids) {
        const [entry, now] = [before.entries[id], after.entries[id]];
        if (entry?.owner === now?.owner) continue;
        if (call.onlyWhileFrozen && before.control.frozen === '') {
          return 'a rollback moves nothing once somebody has resumed';
        }
        if (entry?.state === 'running' && isAlive(before, entry.worker))
          return 'never moved under a live worker';
      }
      return undefined;
    default:
      return undefined;
  }
}

function brokenByGrant(
  call: Extract<Call, { name: 'start' }>,
  entry: Entry | undefined,
  before: Contents,
): string | undefined {
  if (entry === undefined) return 'I2: only an entry can be granted';
  if (entry.owner !== call.backend) return 'I2: only the backend that owns a task starts it';
  if (!isOpen(entry)) return 'a finished or cancelled task is not started';
  const isRepeat = entry.state === 'running' && entry.token === call.token && entry.worker === call.worker;
  if (isRepeat) return undefined;
  if (entry.cancelRequested !== undefined) return 'no run begins after a cancel was requested';
  const isHeld = entry.state === 'running' && entry.worker !== call.worker && isAlive(before, entry.worker);
  return isHeld ? 'I2: never granted beside another live worker' : undefined;
}

function brokenByRetry(
  call: Extract<Call, { name: 'retry' }>,
  entry: Entry | undefined,
  now: Entry | undefined,
  after: Contents,
  reply: string,
): string | undefined {
  if (entry === undefined || now === undefined) return undefined;
  const isRepeat = entry.retryOf === call.token && isOpen(entry) && entry.state !== 'running';
  if (isRepeat && reply === 'fenced') return 'a question asked again is answered as before';
  if (entry.state === 'running' && now.state !== 'running' && entry.token !== call.token) {
    return "I2: a run does not end another one's";
  }
  if (call.free === '1' && entry.failures !== now.failures) return 'an abort by rollback costs no try';
  const isBack = reply === 'retrying' && entry.state === 'running' && now.owner === 'canary';
  return isBack && after.control.frozen !== '' ? 'a retry while frozen goes to stable' : undefined;
}

/** Both identities of I8, and the sets. */
function isConserved(c: Contents): boolean {
  const count = (field: string) => Number(c.counts[field] ?? 0);
  const sum = (...fields: string[]) => fields.reduce((total, field) => total + count(field), 0);
  for (const owner of ['canary', 'stable'] as const) {
    const open = Object.keys(c.entries).filter((id) => {
      const entry = c.entries[id];
      return isOpen(entry) && entry.owner === owner;
    });
    if (open.sort().join() !== c[OWNER_SETS[owner]].join()) return false;
  }
  const closed = sum('succeeded', 'failed', 'cancelled');
  const movedClosed = sum('movedSucceeded', 'movedFailed', 'movedCancelled', 'handedOver');
  return (
    count('accepted') === closed + count('reassigned') + c.openCanary.length &&
    count('reassigned') === movedClosed + c.openMoved.length &&
    count('accepted') === Object.keys(c.entries).length
  );
}

/** What may hold in no state. */
export function brokenByState(state: State, contents: Contents, scenario: Scenario): string | undefined {
  if (state.isRolledBack && contents.openCanary.length > 0) {
    return 'I4: after rollback canary has no unfinished task';
  }
  if (scenario.isKeyed) {
    const tasks = Array.from({ length: scenario.tasks }, (_, task) => task);
    const known = tasks.filter(
      (task) => contents.entries[taskId(task)] !== undefined || state.plain[task]?.record !== 'absent',
    );
    if (known.length > 1) return 'one task for one idempotency key';
  }
  return undefined;
}

/** What has to hold at the moment when rollback says 0. */
export function brokenByExit(state: State, contents: Contents): string | undefined {
  for (const [task, job] of state.moved.entries()) {
    const entry = contents.entries[taskId(task)];
    // One that a worker of stable has begun since the walk is the janitor's care, should that worker die.
    if (entry?.owner !== 'stable' || entry.state !== 'accepted') continue;
    const isQueued = job.record === 'live' && job.waiting + job.active > 0;
    if (!isQueued) return 'I4: after rollback every moved task that was not begun is in a queue of stable';
  }
  return undefined;
}

/** Every submission that was accepted or confirmed has come to an end. */
export function areAllFinished(state: State, contents: Contents): boolean {
  return state.mayBegin.every((_, task) => {
    const entry = contents.entries[taskId(task)];
    if (entry !== undefined) return !isOpen(entry);
    const isSubmitted = (state.submitted & (1 << task)) !== 0;
    return !isSubmitted || contents.outcomes[taskId(task)] !== undefined;
  });
}
