import { UnknownTaskError } from '../domain/errors.ts';
import type { WorkerEvent } from '../domain/events.ts';
import type { TaskDefinition } from '../domain/task.ts';
import type { Delivery, Settlement } from '../domain/task-backend.ts';
import { isTaskId } from '../domain/task-id.ts';
import { runHandler } from './handler-run.ts';
import { errorFor, lifetimesOf, outcomeOf } from './outcome-record.ts';
import { askUntilAnswered } from './persistence.ts';
import { retryDelayMs } from './retry-delay.ts';
import type { RunEnvironment } from './run-environment.ts';
import { type MeteredRun, meterRun } from './run-metering.ts';
import { waitForDefinition } from './unknown-task.ts';

/**
 * Runs a delivery without a ledger entry: what `submit` sent to stable, what a plain bee-queue producer saved, what
 * somebody added to BullMQ by hand. The backend's own rules hold; for a submission of ours, a recorded outcome says
 * that it ran before. Foreign ids are reused by their makers (bee-queue counts 1, 2, 3 in every queue), so nothing
 * is recorded under them.
 */
export async function runPlainDelivery(
  delivery: Delivery,
  task: TaskDefinition | undefined,
  env: RunEnvironment,
): Promise<Settlement> {
  const isOurs = isTaskId(delivery.id);
  if (!task) {
    if (isOurs) return waitForDefinition(delivery, env);
    const error = new UnknownTaskError(delivery.task, env.tasks.names);
    env.log.error({ id: delivery.id, queue: delivery.queue }, error.message);
    return { kind: 'fail', error };
  }
  const stores = isOurs && task.storeResult;
  const attempt = delivery.failuresBefore + 1;
  const emit = (type: WorkerEvent['type'], detail?: string) => {
    const { id, queue, backend } = delivery;
    env.emit({
      type,
      id,
      task: task.name,
      queue,
      backend,
      attempt,
      at: Date.now(),
      ...(detail ? { detail } : {}),
    });
  };
  if (stores) {
    const ask = () => env.outcomes.isRecorded(delivery.id);
    if (await askUntilAnswered('look for outcome', ask, env.giveUp, env.log)) {
      emit('skipped', 'finished');
      return { kind: 'complete' };
    }
  }
  const run = env.running.begin(delivery.id);
  try {
    emit('granted');
    const begunAt = performance.now();
    const result = await runHandler(task, delivery, attempt, run, env);
    const runMs = performance.now() - begunAt;
    const meter = (end: MeteredRun['end']) => {
      if (isOurs) meterRun(env.meter, task, delivery, { attempt, startedAt: run.startedAt, runMs, end });
    };
    const lifetimes = lifetimesOf(task, env, false);
    if (result.status === 'failed' && !result.final && result.cause !== 'cancel') {
      const isAborted = result.cause === 'shutdown' || result.cause === 'rollback';
      if (isAborted || delivery.retriesLeft > 0) {
        emit('retrying', result.error.code ?? result.error.name);
        if (!isAborted) meter('retried');
        // An abort is no failure of the task's: it costs no try.
        if (isAborted && env.canPostpone(delivery.backend)) return { kind: 'postpone', delayMs: 0 };
        const delayMs = isAborted ? 0 : delayOf(delivery, task, isOurs, env);
        return { kind: 'retry', delayMs, error: errorFor(result.error) };
      }
    }
    const isCancelled = result.status === 'failed' && result.cause === 'cancel';
    if (stores) {
      const ended = isCancelled ? { ...result, status: 'cancelled' as const } : result;
      const outcome = outcomeOf(task.name, delivery, ended, attempt, run.startedAt);
      const ttl = result.status === 'succeeded' ? lifetimes.result : lifetimes.failure;
      const record = () => env.outcomes.record(outcome, ttl);
      const isFirst = await askUntilAnswered('record outcome', record, env.giveUp, env.log);
      emit(isFirst ? ended.status : 'fenced');
      if (isFirst && !isCancelled) meter(result.status);
    } else {
      emit(isCancelled ? 'cancelled' : result.status);
      if (!isCancelled) meter(result.status);
    }
    if (result.status === 'failed') return { kind: 'fail', error: errorFor(result.error) };
    return { kind: 'complete', value: result.value?.value };
  } finally {
    env.running.end(run);
  }
}

/** Somebody else's job keeps its own backoff (null). */
function delayOf(
  delivery: Delivery,
  task: TaskDefinition,
  isOurs: boolean,
  env: RunEnvironment,
): number | null {
  return isOurs ? retryDelayMs(task.backoff, delivery.failuresBefore + 1, env.random()) : null;
}
