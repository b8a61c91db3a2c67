import type { ListedJob, ListedState } from '../domain/task-backend.ts';
import { dueTimeOf, markOf } from './bullmq-wire.ts';
import { inPages } from './page.ts';
import type { RedisLink } from './redis-link.ts';
import type { ScriptCall } from './redis-script.ts';

export interface BullQueueKeys {
  readonly link: RedisLink;
  /** bull-list.lua, on that connection. */
  readonly waitingPage: ScriptCall;
  /** The queue's key of a part, or of a job. */
  key(part: string): string;
}

export function listBullJobs(
  queue: BullQueueKeys,
  state: ListedState,
  from: number,
  count: number,
): Promise<readonly ListedJob[]> {
  return inPages(from, count, (start, wanted) =>
    queue.link.run('list', async (client) => {
      const places = await placesOf(queue, state, start, wanted);
      const pipeline = client.pipeline();
      // Not `data`: nobody wants the payloads here.
      for (const { id } of places) pipeline.hmget(queue.key(id), 'name', 'timestamp', 'opts');
      const replies = (await pipeline.exec()) ?? [];
      return places.map(({ id, dueAt }, i) => {
        const [error, fields] = replies[i] ?? [null, []];
        if (error) throw error;
        return listedJob(id, dueAt, fields as (string | null)[]);
      });
    }),
  );
}

interface Place {
  readonly id: string;
  readonly dueAt: number | null;
}

async function placesOf(
  { link, waitingPage, key }: BullQueueKeys,
  state: ListedState,
  from: number,
  count: number,
): Promise<Place[]> {
  if (state === 'delayed') {
    const reply = await link.client.zrange(key('delayed'), from, String(from + count - 1), 'WITHSCORES');
    const places: Place[] = [];
    for (let i = 0; i < reply.length; i += 2) {
      places.push({ id: reply[i] ?? '', dueAt: dueTimeOf(Number(reply[i + 1])) });
    }
    return places;
  }
  const ids =
    state === 'active'
      ? (await link.client.lrange(key('active'), -(from + count), -(from + 1))).reverse()
      : ((await waitingPage(['paused', 'wait', 'prioritized'].map(key), [from, count])) as string[]);
  return ids.map((id) => ({ id, dueAt: null }));
}

function listedJob(id: string, dueAt: number | null, fields: readonly (string | null)[]): ListedJob {
  const [name, timestamp, opts] = fields;
  return {
    id,
    task: name || null,
    isMarked: isMarked(opts ?? ''),
    enqueuedAt: timestamp ? Number(timestamp) : null,
    dueAt,
  };
}

function isMarked(opts: string): boolean {
  try {
    const options: unknown = JSON.parse(opts);
    return typeof options === 'object' && options !== null && markOf(options) !== null;
  } catch {
    return false;
  }
}
