import type { WorkerEvent } from '../domain/events.ts';
import type { StartResult, WorkerLease } from '../domain/ledger.ts';
import type { TaskDefinition } from '../domain/task.ts';
import type { Delivery, Settlement } from '../domain/task-backend.ts';
import { type HandlerResult, runHandler } from './handler-run.ts';
import { errorFor, type Lifetimes, lifetimesOf, outcomeOf } from './outcome-record.ts';
import { askUntilAnswered } from './persistence.ts';
import { retryDelayMs } from './retry-delay.ts';
import type { RunEnvironment } from './run-environment.ts';
import { armOf, type MeteredRun, meterRun } from './run-metering.ts';
import { waitForDefinition } from './unknown-task.ts';

/** A delivery that may not run now is looked at again after this time. */
const BUSY_RETRY_MS = 1_000;

let deliveries = 0;

interface Grant {
  readonly delivery: Delivery;
  readonly task: TaskDefinition;
  readonly token: string;
  readonly attempt: number;
  readonly failures: number;
  readonly lifetimes: Lifetimes;
}

/** A granted run whose handler has ended. */
interface EndedRun extends Grant {
  readonly times: Pick<MeteredRun, 'startedAt' | 'runMs'>;
}

const isCopy = ({ mark }: Delivery): boolean => mark?.copy !== undefined;

/** Runs a delivery that has a ledger entry: asks for the task, runs it, records how it ended. */
export async function runLedgerDelivery(
  delivery: Delivery,
  task: TaskDefinition | undefined,
  env: RunEnvironment,
): Promise<Settlement> {
  if (!task) return waitForDefinition(delivery, env);
  const emit = emitter(delivery, task.name, env);
  if (env.running.has(delivery.id)) {
    emit('skipped', 0, 'running in this process');
    return busy(delivery, env);
  }
  const run = env.running.begin(delivery.id);
  try {
    const lease = env.lease();
    run.worker = lease.id;
    const token = `${lease.id}:${++deliveries}`;
    const lifetimes = lifetimesOf(task, env, isCopy(delivery));
    const start = await askToStart(delivery, task, lease, token, lifetimes, env);
    if (start.status === 'busy') {
      emit('skipped', 0, 'running under another worker');
      return busy(delivery, env);
    }
    if (start.status === 'skip') {
      emit(start.why === 'parked' ? 'parked' : 'skipped', 0, start.why);
      if (start.why === 'parked') env.meter.count(task.name, delivery.backend, armOf(delivery), 'failed');
      return { kind: 'complete' };
    }
    const { attempt, failures } = start;
    emit('granted', attempt);
    // Not from the run's beginning: until here it has waited for the ledger, which is no time of the handler's.
    const [startedAt, begunAt] = [Date.now(), performance.now()];
    const result = await runHandler(task, delivery, attempt, run, env);
    const times = { startedAt, runMs: performance.now() - begunAt };
    return await settle({ delivery, task, token, attempt, failures, lifetimes, times }, result, emit, env);
  } finally {
    env.running.end(run);
  }
}

type Emit = (type: WorkerEvent['type'], attempt: number, detail?: string) => void;

function emitter(delivery: Delivery, task: string, env: RunEnvironment): Emit {
  const { id, queue, backend, mark } = delivery;
  const copy = mark?.copy === undefined ? {} : { copy: mark.copy };
  return (type, attempt, detail) => {
    const event = { type, id, task, queue, backend, attempt, at: Date.now(), ...copy };
    env.emit(detail ? { ...event, detail } : event);
  };
}

/** Where a backend cannot postpone, its delivery ends here, and the janitor covers the task. */
function busy(delivery: Delivery, env: RunEnvironment): Settlement {
  if (!env.canPostpone(delivery.backend)) return { kind: 'complete' };
  return { kind: 'postpone', delayMs: BUSY_RETRY_MS };
}

type Start = Exclude<StartResult, { status: 'absent' }>;

async function askToStart(
  delivery: Delivery,
  task: TaskDefinition,
  lease: WorkerLease,
  token: string,
  lifetimes: Lifetimes,
  env: RunEnvironment,
): Promise<Start> {
  const { id, backend } = delivery;
  const request = { id, token, failureTtlSeconds: task.storeResult ? lifetimes.failure : 0 };
  for (;;) {
    const askedAt = performance.now();
    const ask = () => env.ledger.start(backend, lease, request);
    const answer = await askUntilAnswered('start', ask, env.giveUp, env.log);
    if (answer.status === 'absent') {
      // Nobody's work, so nothing is lost with it.
      if (isCopy(delivery)) return { status: 'skip', why: 'finished' };
      const age = answer.now - (delivery.mark?.acceptedAt ?? answer.now);
      // An entry outlives its task by the longer lifetime, so an old job without one has finished long ago.
      if (age > Math.min(lifetimes.result, lifetimes.failure) * 1000)
        return { status: 'skip', why: 'finished' };
      await askUntilAnswered('adopt', () => adopt(delivery, task, lifetimes, env), env.giveUp, env.log);
      continue;
    }
    // Held up for so long that others may believe this worker dead: the grant may be somebody else's by now.
    const heldUp = performance.now() - askedAt > lease.ttlMs / 2;
    if (answer.status !== 'granted' || !heldUp) return answer;
  }
}

function adopt(
  delivery: Delivery,
  task: TaskDefinition,
  lifetimes: Lifetimes,
  env: RunEnvironment,
): Promise<void> {
  env.log.warn(
    { id: delivery.id, task: task.name },
    'Redis lost the entry of this task; it is written again',
  );
  return env.ledger.adopt(delivery.backend, delivery.id, {
    spec: {
      task: task.name,
      queue: task.queue,
      namesTask: env.tasks.isShared(task.queue),
      retries: task.retries,
      backoff: task.backoff,
      timeoutMs: task.timeoutMs,
      dueAt: null,
      priority: null,
      decision: null,
    },
    payload: JSON.stringify(delivery.data),
    acceptedAt: delivery.mark?.acceptedAt ?? Date.now(),
    entryTtlSeconds: lifetimes.entry,
  });
}

async function settle(
  grant: EndedRun,
  result: HandlerResult,
  emit: Emit,
  env: RunEnvironment,
): Promise<Settlement> {
  if (result.status === 'failed' && !result.final) {
    const free = result.cause === 'rollback' || result.cause === 'shutdown';
    if (free || result.cause === 'cancel' || grant.failures < grant.task.retries) {
      return tryAgain(grant, result.error, free, emit, env);
    }
  }
  if (result.status === 'failed' && result.cause === 'cancel')
    return tryAgain(grant, result.error, true, emit, env);
  const { delivery, task, token, attempt, lifetimes, times } = grant;
  const request = {
    id: delivery.id,
    token,
    backend: delivery.backend,
    state: result.status,
    outcome: task.storeResult ? outcomeOf(task.name, delivery, result, attempt, times.startedAt) : null,
    outcomeTtlSeconds: result.status === 'succeeded' ? lifetimes.result : lifetimes.failure,
    entryTtlSeconds: lifetimes.entry,
    isCopy: isCopy(delivery),
  };
  const answer = await askUntilAnswered('finish', () => env.ledger.finish(request), env.giveUp, env.log);
  emit(answer === 'fenced' ? 'fenced' : result.status, attempt, detailOf(result));
  if (answer === 'recorded') meterRun(env.meter, task, delivery, { attempt, ...times, end: result.status });
  if (answer === 'fenced' || result.status === 'succeeded') return { kind: 'complete' };
  return { kind: 'fail', error: errorFor(result.error) };
}

const detailOf = (result: HandlerResult): string | undefined =>
  result.status === 'failed' ? (result.error.code ?? result.error.name) : undefined;

async function tryAgain(
  grant: EndedRun,
  error: Extract<HandlerResult, { status: 'failed' }>['error'],
  free: boolean,
  emit: Emit,
  env: RunEnvironment,
): Promise<Settlement> {
  const { delivery, task, token, attempt, times } = grant;
  const delayMs = free ? 0 : retryDelayMs(task.backoff, grant.failures + 1, env.random());
  const ask = () => env.ledger.retry(delivery.id, token, { free, dueAt: Date.now() + delayMs });
  const answer = await askUntilAnswered('retry', ask, env.giveUp, env.log);
  emit(answer.status, attempt, error.code ?? error.name);
  if (!free && (answer.status === 'retrying' || answer.status === 'moved')) {
    meterRun(env.meter, task, delivery, { attempt, ...times, end: 'retried' });
  }
  if (answer.status === 'retrying') return { kind: 'retry', delayMs, error: errorFor(error) };
  // A crash before this enqueue is what the janitor is for.
  if (answer.status === 'moved') {
    const { task: moved } = answer;
    await askUntilAnswered('enqueue moved task', () => env.enqueueMoved(moved), env.giveUp, env.log);
  }
  return { kind: 'complete' };
}
