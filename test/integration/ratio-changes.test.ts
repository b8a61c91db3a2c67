import { describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { bucketOf, saltOf } from '../../src/routing/sticky-hash.ts';
import type { EventOf } from '../support/history.ts';
import { plainClient, startRedis } from '../support/redis.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

const PRODUCERS = 4;
const TASKS_EACH = 5_000;
const EVERY_MS = 100;

/** What each epoch said, and when it began, from the audit stream. */
interface Epoch {
  readonly ratio: number;
  readonly beganAt: number;
}

describe('four processes submit while a fifth changes the ratio every 100 ms', () => {
  it(
    'every task is in exactly one backend, and each decision follows from its epoch and its bucket',
    async () => {
      const redis = await startRedis();
      const client = plainClient(redis.url);
      // Without an outage no answer may count as missing, however long it takes.
      const trial = await Trial.open({ redisUrl: redis.url, ratio: 0.5, commandTimeoutMs: 30_000 });
      const operator = await trial.operator('operator', EVERY_MS);
      const plan = { count: TASKS_EACH, concurrency: 25, paceMs: 0, workMs: 0 };
      const names = Array.from({ length: PRODUCERS }, (_, i) => `p${i}`);
      const producers = await Promise.all(names.map((name) => trial.producer(name, plan)));
      expect(await Promise.all(producers.map((p) => p.ended))).toEqual(names.map(() => 0));
      operator.kill('SIGTERM');
      expect(await operator.ended).toBe(0);

      const { seed, queue, namespace } = trial;
      const decisions = trial.history.filter((e): e is EventOf<'submit-ok'> => e.event === 'submit-ok');
      const ids = decisions.map((e) => e.id);
      expect(new Set(ids).size).toBe(PRODUCERS * TASKS_EACH);

      const found = {
        stable: await client.hkeys(`bq:${queue}:jobs`),
        canary: await bullJobs(client, queue),
        moved: await client.hkeys(`bq:${queue}.moved:jobs`),
      };
      const said = (backend: string) => decisions.filter((e) => e.backend === backend).map((e) => e.id);
      expect(found.stable.sort()).toEqual(said('stable').sort());
      expect(found.canary.sort()).toEqual(said('canary').sort());
      expect(found.moved).toEqual([]);
      expect(await client.llen(`bq:${queue}:waiting`)).toBe(found.stable.length);

      const epochs = await epochsOf(trial);
      const salt = saltOf(namespace);
      const wrong = decisions.filter((e) => !isReproducible(e, epochs, salt));
      expect({ seed, wrong: wrong.slice(0, 3) }).toEqual({ seed, wrong: [] });
      const isTooLate = await acceptedOutsideItsEpoch(client, namespace, found.canary, epochs);
      expect({ seed, isTooLate }).toEqual({ seed, isTooLate: [] });

      const { ledger } = await trial.manager.status();
      const canary = found.canary.length;
      expect(ledger).toMatchObject({ accepted: canary, openCanary: canary, openMoved: 0, conserved: true });
      // Else nothing was tried.
      expect(new Set(decisions.map((e) => e.epoch)).size).toBeGreaterThan(5);
    },
    FAULT_TIMEOUT_MS,
  );
});

/** Every job that BullMQ knows, in whatever state. */
async function bullJobs(client: Redis, queue: string): Promise<string[]> {
  const key = (part: string) => `bull:${queue}:${part}`;
  const lists = ['wait', 'paused', 'active'].map((part) => client.lrange(key(part), 0, -1));
  const sets = ['prioritized', 'delayed', 'completed', 'failed'].map((p) => client.zrange(key(p), '0', '-1'));
  return (await Promise.all([...lists, ...sets])).flat();
}

async function epochsOf(trial: Trial): Promise<ReadonlyMap<number, Epoch>> {
  const entries = await trial.manager.audit(100_000);
  return new Map(
    entries.map(({ after }) => [
      Number(after.epoch),
      { ratio: Number(after.celeryRatio), beganAt: Number(after.updatedAt) },
    ]),
  );
}

function isReproducible(e: EventOf<'submit-ok'>, epochs: ReadonlyMap<number, Epoch>, salt: number): boolean {
  const backend = e.bucket < e.ratio ? 'canary' : 'stable';
  const isDecided = e.reason === 'ratio' && e.backend === backend;
  // Overtaken by a change in every round: such a task is stable's.
  const isOvertaken = e.reason === 'stale' && e.backend === 'stable';
  return (
    epochs.get(e.epoch)?.ratio === e.ratio &&
    bucketOf(salt, e.stickyKey) === e.bucket &&
    (isDecided || isOvertaken)
  );
}

/** I3: ids that the ledger accepted when the epoch of their decision was over, or had not begun, by Redis's own clock. */
async function acceptedOutsideItsEpoch(
  client: Redis,
  namespace: string,
  ids: readonly string[],
  epochs: ReadonlyMap<number, Epoch>,
): Promise<string[]> {
  const entries = await Promise.all(
    ids.map((id) => client.hmget(`{${namespace}}:task:${id}`, 'spec', 'acceptedAt')),
  );
  return ids.filter((_, i) => {
    const [spec, acceptedAt] = entries[i] as [string, string];
    const { epoch } = (JSON.parse(spec) as { decision: { epoch: number } }).decision;
    const begin = epochs.get(epoch)?.beganAt ?? Number.POSITIVE_INFINITY;
    const end = epochs.get(epoch + 1)?.beganAt ?? Number.POSITIVE_INFINITY;
    return Number(acceptedAt) < begin || Number(acceptedAt) > end;
  });
}
