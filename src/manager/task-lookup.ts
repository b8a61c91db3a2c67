import type { EntryState } from '../domain/ledger.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { PairKind } from '../domain/parity.ts';
import type { RoutingDecision } from '../domain/routing-decision.ts';
import type { BackendName } from '../domain/task.ts';
import { movedQueueOf } from '../domain/task-backend.ts';
import { isTaskId } from '../domain/task-id.ts';
import type { Connections } from './connections.ts';

/** What is known of a task, wherever it went. Times are milliseconds since 1970. */
export interface TaskReport {
  readonly id: string;
  readonly task: string | null;
  readonly queue: string | null;
  readonly backend: BackendName;
  /** `handed-over`: a rollback gave it to plain bee-queue workers, which keep no record of how it ends. */
  readonly state: 'waiting' | 'delayed' | Exclude<EntryState, 'accepted'>;
  /** Runs begun so far; null where only the backend's own record is left. */
  readonly attempts: number | null;
  readonly wasMoved: boolean;
  /** It is a copy, made only to be compared; null: somebody's own task. */
  readonly copy: PairKind | null;
  readonly decision: RoutingDecision | null;
  readonly enqueuedAt: number | null;
  readonly outcome: Outcome | null;
}

/**
 * Finds a task by its id (I7): in the ledger, among the outcomes, in stable's queues.
 * @returns null if nothing is known of it: never submitted here, or finished and no longer kept
 */
export async function findTask(
  c: Connections,
  id: string,
  queues: readonly string[],
): Promise<TaskReport | null> {
  const [entry, outcome] = await Promise.all([c.ledger.get(id), c.outcomes.read(id)]);
  if (entry) {
    return {
      id,
      task: entry.spec.task,
      queue: entry.spec.queue,
      backend: entry.owner,
      state: stateOf(entry.state, outcome),
      attempts: entry.attempt,
      wasMoved: entry.movedAt !== null,
      copy: entry.spec.copy ?? null,
      decision: entry.spec.decision,
      enqueuedAt: entry.acceptedAt,
      outcome,
    };
  }
  if (outcome) return endedReport(outcome);
  if (!isTaskId(id)) return null;
  const waiting = await findOnStable(c, id, queues);
  if (waiting) return waiting;
  // It may have ended between the two looks: its outcome is recorded before its job goes.
  const late = await c.outcomes.read(id);
  return late && endedReport(late);
}

function endedReport(outcome: Outcome): TaskReport {
  const { id, task, backend, status, attempts, enqueuedAt } = outcome;
  const rest = { queue: null, wasMoved: false, copy: null, decision: null };
  return { id, task, backend, state: status, attempts, enqueuedAt, outcome, ...rest };
}

/** What was handed over to plain workers may all the same have been run by one of ours, and then has an outcome. */
function stateOf(state: EntryState, outcome: Outcome | null): TaskReport['state'] {
  if (state === 'handed-over' && outcome) return outcome.status;
  return state === 'accepted' ? 'waiting' : state;
}

async function findOnStable(
  c: Connections,
  id: string,
  queues: readonly string[],
): Promise<TaskReport | null> {
  for (const queue of queues.flatMap((name) => [name, movedQueueOf(name)])) {
    const info = await c.stable.info(queue, id);
    if (info) {
      return {
        id,
        task: null,
        queue,
        backend: 'stable',
        state: info.state === 'active' ? 'running' : info.state,
        attempts: null,
        wasMoved: false,
        copy: null,
        decision: null,
        enqueuedAt: info.enqueuedAt,
        outcome: null,
      };
    }
  }
  return null;
}

/**
 * Cancels a task. One that is running is asked to stop through its signal.
 * A task without ledger entry (submitted to stable) is cancelled as well as bee-queue can: one that is just being
 * taken by a plain bee-queue worker still runs.
 */
export async function cancelTask(
  c: Connections,
  id: string,
  queues: readonly string[],
): Promise<'cancelled' | 'requested' | 'finished' | 'absent'> {
  const answer = await c.ledger.cancel(id);
  if (answer !== 'absent') return answer;
  const report = await findTask(c, id, queues);
  if (!report) return 'absent';
  const hasEnded = report.state === 'succeeded' || report.state === 'failed';
  if (report.outcome || report.queue === null || hasEnded) return 'finished';
  if (report.state === 'running') {
    // Its worker records how it ends: cancelled if it heeds its signal, else as it would have ended anyway.
    await c.ledger.announceCancel(id);
    return 'requested';
  }
  const now = Date.now();
  const times = { enqueuedAt: report.enqueuedAt ?? now, startedAt: 0, finishedAt: now };
  // First the outcome: whoever takes the job meanwhile finds it and skips.
  const isFirst = await c.outcomes.record(
    { id, task: report.task ?? '', backend: 'stable', status: 'cancelled', attempts: 0, ...times },
    c.config.results.failureTtlSeconds,
  );
  if (!isFirst) return 'finished';
  await c.stable.remove(report.queue, id);
  return 'cancelled';
}
