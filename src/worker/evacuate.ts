import type { MovedTask } from '../domain/ledger.ts';
import { type Connections, enqueueMoved } from '../manager/connections.ts';
import { Evacuation } from '../rollback/evacuation.ts';

/** A worker's part in a rollback: what the operator's run has not moved yet. @returns how many tasks were moved */
export async function evacuate(c: Connections, signal: AbortSignal): Promise<number> {
  const deliver = (tasks: readonly MovedTask[]) => enqueueMoved(c.stable, tasks);
  const evacuation = new Evacuation(c.rollbackLedger, { deliver });
  const { moved } = await evacuation.pass(signal);
  await c.copies.cancelAll(signal);
  for (const id of evacuation.parked) c.log.error({ id }, 'its ledger entry cannot be read; parked');
  return moved;
}
