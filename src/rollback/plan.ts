import type { ControlState } from '../domain/control-state.ts';
import type { EntryHead, JanitorLedger } from '../domain/janitor.ts';
import type { LeftTask, RollbackLedger, RollbackPlan } from '../domain/rollback.ts';
import type { TaskBackend } from '../domain/task-backend.ts';
import type { WorkerRecord } from '../domain/worker-record.ts';
import { stableConsumers } from './consumers.ts';

const PAGE = 500;

export interface PlanSources {
  readonly namespace: string;
  readonly control: ControlState;
  readonly ledger: Pick<RollbackLedger, 'snapshot'> &
    Pick<JanitorLedger, 'scanOpen' | 'peek' | 'aliveWorkers'>;
  readonly canary: TaskBackend;
  readonly queues: readonly string[];
  readonly workers: readonly WorkerRecord[];
}

type QueuePlan = { -readonly [K in keyof RollbackPlan['open'][number]]: RollbackPlan['open'][number][K] };

/** What a rollback would do now. Changes nothing. */
export async function planRollback(sources: PlanSources): Promise<RollbackPlan> {
  const { namespace, control, ledger, workers } = sources;
  const byQueue = new Map<string, QueuePlan>();
  const running: LeftTask[] = [];
  let [cursor, unreadable] = ['0', 0];
  do {
    const page = await ledger.scanOpen('canary', cursor, PAGE);
    cursor = page.cursor;
    const heads = await ledger.peek(page.tasks.map(({ id }) => id));
    unreadable += heads.filter((head) => head === null).length;
    const open = heads.filter((head) => head !== null && head.owner === 'canary') as EntryHead[];
    const names = open.flatMap(({ state, worker }) => (state === 'running' && worker ? [worker] : []));
    const alive = await ledger.aliveWorkers([...new Set(names)]);
    for (const head of open) {
      const { queue, task } = head.spec;
      const plan = byQueue.get(queue) ?? { queue, accepted: 0, retrying: 0, running: 0, orphaned: 0 };
      byQueue.set(queue, plan);
      if (head.state === 'accepted' || head.state === 'retrying') plan[head.state] += 1;
      if (head.state !== 'running') continue;
      if (!alive.has(head.worker ?? '')) plan.orphaned += 1;
      else {
        plan.running += 1;
        const { host = null, pid = null } = workers.find(({ id }) => id === head.worker) ?? {};
        running.push({ id: head.id, task, worker: head.worker, host, pid });
      }
    }
  } while (cursor !== '0');
  const open = [...byQueue.values()].sort((a, b) => (a.queue < b.queue ? -1 : 1));
  const { counts } = await ledger.snapshot();
  const { schedules, ...canary } = await lookAtCanary(sources);
  return {
    namespace,
    control,
    open,
    willMove: open.reduce((sum, plan) => sum + plan.accepted + plan.retrying + plan.orphaned, 0),
    running,
    unreadable,
    openMoved: counts.openMoved,
    schedules,
    canary,
    stableConsumers: stableConsumers(workers, new Set([...sources.queues, ...byQueue.keys()])),
  };
}

/** As far as it answers: a rollback needs nothing of it. */
async function lookAtCanary({ canary, queues }: PlanSources) {
  try {
    await canary.ready();
    const counts = await Promise.all(
      queues.map(async (queue) => [queue, await canary.counts(queue)] as const),
    );
    const schedules = await Promise.all(
      queues.map(async (queue) => ({ queue, names: await canary.schedules(queue) })),
    );
    return {
      reachable: true,
      queues: Object.fromEntries(counts),
      schedules: schedules.filter(({ names }) => names.length > 0),
    };
  } catch {
    return { reachable: false, queues: {}, schedules: [] };
  }
}
