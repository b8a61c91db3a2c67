import type { EntryState, ReassignResult } from '../domain/ledger.ts';
import type { BackendName } from '../domain/task.ts';
import { outcomeShardOf } from '../domain/task-id.ts';
import type { ControlRedis } from './control-redis.ts';
import { movedTaskFrom } from './ledger-codec.ts';

/** Payloads in one answer: a larger one would hold up heartbeats, and a hundred of the largest payloads are 25 MB. */
const MAX_PAYLOAD_BYTES = 1_048_576;

/** Gives unfinished canary tasks to stable, by reassign.lua. One answer per id, in order. */
export async function reassign(
  redis: ControlRedis,
  ids: readonly string[],
  how: { readonly onlyWhileFrozen: boolean; readonly setsPrioritiesAside: boolean },
): Promise<readonly ReassignResult[]> {
  if (ids.length === 0) return [];
  const args = [
    how.onlyWhileFrozen ? 'frozen' : '',
    how.setsPrioritiesAside ? 1 : 0,
    MAX_PAYLOAD_BYTES,
    redis.deathRule,
  ];
  const rows = ids.flatMap((id) => [id, outcomeShardOf(id)]);
  const replies = (await redis.run('reassign', [...args, ids.length, ...rows])) as string[][];
  return replies.map((reply, i) => resultOf(ids[i] as string, reply));
}

function resultOf(id: string, [status, ...rest]: readonly string[]): ReassignResult {
  if (status === 'left') return { status, owner: rest[0] as BackendName, state: rest[1] as EntryState };
  if (status !== 'moved') return { status } as Exclude<ReassignResult, { status: 'moved' | 'left' }>;
  try {
    return { status, task: movedTaskFrom(id, rest) };
  } catch {
    // It is among the open moved tasks now; whoever asked parks it.
    return { status: 'corrupt' };
  }
}
