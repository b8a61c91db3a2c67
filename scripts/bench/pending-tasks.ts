import { randomUUID } from 'node:crypto';
import { HybridTaskManager, newTaskId } from '../../src/index.ts';
import { type Connections, openConnections } from '../../src/manager/connections.ts';
import { benchTask, oursConfig, payloadOf, type SideSpec } from './job.ts';

const WAVE = 500;
const HOUR_MS = 3_600_000;
const SILENT = { child: () => SILENT, debug() {}, info() {}, warn() {}, error() {} };

/**
 * Unfinished canary tasks, as a rollback meets them: of ten, seven wait, one is delayed by an hour, one has a priority,
 * and one waits for a retry.
 *
 * @param inBullmq false: only in the ledger, which is all that a rollback needs, and quicker to make
 */
export async function makePending(spec: SideSpec, count: number, inBullmq: boolean): Promise<void> {
  const config = oursConfig(spec);
  const task = benchTask(() => {});
  const manager = await HybridTaskManager.open({ config, tasks: [task] });
  const c = await openConnections(config, 'bench', SILENT);
  try {
    for (let from = 0; from < count; from += WAVE) {
      const numbers = Array.from({ length: Math.min(WAVE, count - from) }, (_, i) => from + i);
      const ids = await Promise.all(
        numbers.map(async (n) => {
          const { delayMs, priority } = traitsOf(n);
          if (!inBullmq) return accept(c, n, delayMs === null ? null : Date.now() + delayMs, priority);
          const timing = {
            ...(delayMs === null ? {} : { delayMs }),
            ...(priority === null ? {} : { priority }),
          };
          return (await manager.submit(task, payloadOf(n), { backend: 'canary', ...timing })).id;
        }),
      );
      await failOnce(
        c,
        ids.filter((_, i) => (numbers[i] ?? 0) % 10 === 9),
      );
    }
  } finally {
    await c.close();
    await manager.close();
  }
}

function traitsOf(n: number): { delayMs: number | null; priority: number | null } {
  return { delayMs: n % 10 === 7 ? HOUR_MS : null, priority: n % 10 === 8 ? 1 + (n % 50) : null };
}

async function accept(
  c: Connections,
  n: number,
  dueAt: number | null,
  priority: number | null,
): Promise<string> {
  const { name: task, queue, retries, backoff, timeoutMs } = benchTask(() => {});
  const id = newTaskId();
  await c.ledger.accept({
    id,
    epoch: c.plane.state.epoch,
    spec: { task, queue, namesTask: false, retries, backoff, timeoutMs, dueAt, priority, decision: null },
    payload: JSON.stringify(payloadOf(n)),
    entryTtlSeconds: 3600,
    key: null,
  });
  return id;
}

async function failOnce(c: Connections, ids: readonly string[]): Promise<void> {
  const lease = { id: `worker-${randomUUID()}`, ttlMs: 60_000, maxLosses: 3 };
  await Promise.all(
    ids.map(async (id) => {
      await c.ledger.start('canary', lease, { id, token: id, failureTtlSeconds: 0 });
      await c.ledger.retry(id, id, { free: false, dueAt: Date.now() + HOUR_MS });
    }),
  );
}
