import { type Connections, enqueueMoved } from '../manager/connections.ts';
import { Evacuation } from '../rollback/evacuation.ts';

/** A worker's part in a rollback: what the operator's run has not moved yet. @returns how many tasks were moved */
export async function evacuate(c: Connections, signal: AbortSignal): Promise<number> {
  const delivery = { deliver: (tasks: Parameters<typeof enqueueMoved>[1]) => enqueueMoved(c.stable, tasks) };
  const { moved } = await new Evacuation(c.rollbackLedger, delivery).pass(signal);
  return moved;
}
