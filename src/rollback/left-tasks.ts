import type { LeftTask, RollbackLedger, RollbackProblem } from '../domain/rollback.ts';
import type { WorkerRecord } from '../domain/worker-record.ts';

/** More names than these help nobody. */
const MOST_NAMED = 20;

/** Who runs the tasks that did not end. */
export async function leftTasks(
  ids: readonly string[],
  ledger: Pick<RollbackLedger, 'peek'>,
  workers: readonly WorkerRecord[],
): Promise<readonly LeftTask[]> {
  const heads = await ledger.peek(ids);
  return ids.flatMap((id, i) => {
    const head = heads[i];
    if (head?.owner !== 'canary' || head.state !== 'running') return [];
    const worker = workers.find((each) => each.id === head.worker);
    const { host = null, pid = null } = worker ?? {};
    return [{ id, task: head.spec.task, worker: head.worker, host, pid }];
  });
}

/** Handlers that ignore their signal: only ending their process lets their tasks go. */
export function stillRunning(left: readonly LeftTask[]): RollbackProblem {
  const places = new Set(
    left.map(({ host, pid }) => (pid === null ? 'an unknown worker' : `${host}:${pid}`)),
  );
  const named = left.slice(0, MOST_NAMED).map(({ id, task }) => `${id} (${task})`);
  const more = left.length > MOST_NAMED ? ` and ${left.length - MOST_NAMED} more` : '';
  const [first] = left;
  return {
    code: 'E_STILL_RUNNING',
    message:
      `${left.length === 1 ? 'A task ignores its' : `${left.length} tasks ignore their`} abort signal on canary: ` +
      `${named.join(', ')}${more}, in ${[...places].join(', ')}. End those processes; their tasks come back by ` +
      'themselves as soon as the heartbeats have run out. Then run this again.',
    command: first?.pid == null ? null : `kill -9 ${first.pid}   # on ${first.host}`,
  };
}
