import type { ListedJob, ListedState } from '../domain/task-backend.ts';
import { readBeeRecord, readMark, readTaskName } from './bee-queue-wire.ts';
import { inPages } from './page.ts';
import type { RedisLink } from './redis-link.ts';

/** Records per command: they hold the payloads, which nobody wants here, but bee-queue keeps all in one text. */
const MAX_RECORDS = 50;

/** @param key the queue's key of a part */
export function listBeeJobs(
  link: RedisLink,
  key: (part: string) => string,
  state: ListedState,
  from: number,
  count: number,
): Promise<readonly ListedJob[]> {
  return inPages(from, count, async (start, wanted) => {
    const places = await link.run('list', () =>
      state === 'delayed'
        ? delayedPlaces(link, key(state), start, wanted)
        : takenPlaces(link, key(state), start, wanted),
    );
    const jobs: ListedJob[] = [];
    for (let at = 0; at < places.length; at += MAX_RECORDS) {
      const some = places.slice(at, at + MAX_RECORDS);
      const texts = await link.run('list', (client) =>
        client.hmget(key('jobs'), ...some.map(({ id }) => id)),
      );
      some.forEach(({ id, dueAt }, i) => {
        jobs.push(listedJob(id, dueAt, texts[i] ?? null));
      });
    }
    return jobs;
  });
}

interface Place {
  readonly id: string;
  readonly dueAt: number | null;
}

/** Both lists are pushed at the head: the oldest stands at the tail. */
async function takenPlaces(link: RedisLink, list: string, from: number, count: number): Promise<Place[]> {
  const ids = await link.client.lrange(list, -(from + count), -(from + 1));
  return ids.reverse().map((id) => ({ id, dueAt: null }));
}

async function delayedPlaces(link: RedisLink, zset: string, from: number, count: number): Promise<Place[]> {
  const reply = await link.client.zrange(zset, from, String(from + count - 1), 'WITHSCORES');
  const places: Place[] = [];
  for (let i = 0; i < reply.length; i += 2) {
    places.push({ id: reply[i] ?? '', dueAt: Math.floor(Number(reply[i + 1])) });
  }
  return places;
}

function listedJob(id: string, dueAt: number | null, text: string | null): ListedJob {
  const options = text === null ? undefined : readBeeRecord(text)?.options;
  return {
    id,
    task: readTaskName(options?.hybrid),
    isMarked: readMark(options?.hybrid) !== null,
    enqueuedAt: options?.timestamp ?? null,
    dueAt,
  };
}
