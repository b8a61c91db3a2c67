import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../src/domain/outcome.ts';
import { ControlRedis } from '../../src/state/control-redis.ts';
import { OutcomeStore } from '../../src/state/outcome-store.ts';
import { gate } from '../support/delivery-log.ts';
import { jobId } from '../support/job-requests.ts';
import { expectNoLeakedConnections, plainClient, redisUrl, uniqueName } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

let namespace: string;
let open: ControlRedis[];

beforeEach(() => {
  namespace = uniqueName('outcomes');
  open = [];
});
afterEach(() => {
  for (const redis of open) redis.close();
});
afterAll(() => expectNoLeakedConnections());

function openStore(name = namespace) {
  const redis = new ControlRedis(namespace, { url: redisUrl(), commandTimeoutMs: 5000, name });
  open.push(redis);
  return { redis, store: new OutcomeStore(redis) };
}

const outcomeOf = (id: string, value: unknown = { n: 1 }): Outcome => ({
  id,
  task: 'test-task',
  backend: 'stable',
  status: 'succeeded',
  value,
  attempts: 1,
  enqueuedAt: 1,
  startedAt: 2,
  finishedAt: 3,
});

/** Resolves when the store listens for outcomes like this one's. */
const listening = (redis: ControlRedis, id: string) =>
  waitFor(async () => Number((await plainClient().pubsub('NUMSUB', redis.keys.outcomeChannel(id)))[1]) > 0, {
    what: 'the subscription',
  });

describe('recording', () => {
  it('the first outcome stays', async () => {
    const { store } = openStore();
    const id = jobId();
    expect([await store.isRecorded(id), await store.read(id)]).toEqual([false, null]);
    expect(await store.record(outcomeOf(id, 'first'), 100)).toBe(true);
    expect(await store.record(outcomeOf(id, 'second'), 100)).toBe(false);
    expect([await store.isRecorded(id), await store.read(id)]).toEqual([true, outcomeOf(id, 'first')]);
  });

  it.each([0, '', false, null, [], {}, '文', { deep: [1.5] }])('%j comes back as it was', async (value) => {
    const { store } = openStore();
    const id = jobId();
    await store.record(outcomeOf(id, value), 100);
    expect(await store.read(id)).toEqual(outcomeOf(id, value));
  });

  it('of two at once, in one batch or from two processes, one is recorded', async () => {
    const [one, other] = [openStore(), openStore()];
    const id = jobId();
    const records = [one.store, one.store, other.store].map((store, n) =>
      store.record(outcomeOf(id, n), 100),
    );
    expect((await Promise.all(records)).filter(Boolean)).toHaveLength(1);
  });

  it('lasts as long as was said', async () => {
    const { store, redis } = openStore();
    const id = jobId();
    await store.record(outcomeOf(id), 1000);
    const ttl = await plainClient().ttl(redis.keys.outcome(id));
    expect(ttl > 900 && ttl <= 1000).toBe(true);
  });

  it.each(['SECRET', '7', 'null', '{"id":"another","status":"succeeded"}'])(
    'one that somebody has overwritten (%s) is a failure, and disturbs no other of its batch',
    async (text) => {
      const { store, redis } = openStore();
      const [id, other] = [jobId(), jobId()];
      await store.record(outcomeOf(other), 100);
      await plainClient().set(redis.keys.outcome(id), text);
      const [read, beside] = await Promise.all([store.read(id), store.read(other)]);
      expect(read).toMatchObject({ id, status: 'failed', error: { code: 'E_UNREADABLE_OUTCOME' } });
      expect(JSON.stringify(read)).not.toContain('SECRET');
      expect(beside).toEqual(outcomeOf(other));
    },
  );

  it('counts by status, each outcome once', async () => {
    const { store, redis } = openStore();
    const [a, b] = [jobId(), jobId()];
    const record = (id: string, status: Outcome['status']) => store.record({ ...outcomeOf(id), status }, 100);
    await Promise.all([record(a, 'succeeded'), record(a, 'succeeded'), record(b, 'failed')]);
    expect(await plainClient().hgetall(redis.keys.counts)).toEqual({
      'plain:succeeded': '1',
      'plain:failed': '1',
    });
  });
});

describe('waiting', () => {
  it('for what is there already', async () => {
    const { store } = openStore();
    const id = jobId();
    await store.record(outcomeOf(id), 100);
    expect(await store.wait(id, 10_000)).toEqual(outcomeOf(id));
  });

  it('for what another process records later', async () => {
    const [waiting, working] = [openStore(), openStore()];
    const id = jobId();
    const outcome = waiting.store.wait(id, 10_000);
    await listening(waiting.redis, id);
    await working.store.record(outcomeOf(id), 100);
    expect(await outcome).toEqual(outcomeOf(id));
  });

  it('for what is recorded at the same moment', async () => {
    const [waiting, working] = [openStore(), openStore()];
    const ids = Array.from({ length: 200 }, jobId);
    const outcomes = ids.map(async (id, i) => {
      // Before, at once and after, in all orders.
      const record = () => working.store.record(outcomeOf(id, i), 100);
      const [outcome] =
        i % 2
          ? await Promise.all([waiting.store.wait(id, 10_000), record()])
          : [(await Promise.all([record(), waiting.store.wait(id, 10_000)]))[1]];
      return outcome?.value;
    });
    expect(await Promise.all(outcomes)).toEqual(ids.map((_, i) => i));
  });

  it('of many for one task', async () => {
    const { store } = openStore();
    const id = jobId();
    const all = [store.wait(id, 10_000), store.wait(id, 10_000), store.wait(id, 10_000)];
    await store.record(outcomeOf(id), 100);
    expect(await Promise.all(all)).toEqual([outcomeOf(id), outcomeOf(id), outcomeOf(id)]);
  });

  it('is not woken by another task of the same channel', async () => {
    const { store, redis } = openStore();
    const id = jobId();
    const other = `${jobId().slice(0, -2)}${id.slice(-2)}`;
    expect(redis.keys.outcomeChannel(other)).toBe(redis.keys.outcomeChannel(id));
    const waits = [store.wait(id, 10_000), store.wait(other, 10_000)];
    await store.record(outcomeOf(other, 'other'), 100);
    expect(await waits[1]).toMatchObject({ value: 'other' });
    await store.record(outcomeOf(id, 'mine'), 100);
    expect(await waits[0]).toMatchObject({ value: 'mine' });
  });

  it('ends with the time that was given', async () => {
    const { store } = openStore();
    const id = jobId();
    for (const timeoutMs of [20, 0, -5, Number.NaN]) {
      const refusal = { code: 'E_RESULT_TIMEOUT', id, timeoutMs };
      await expect(store.wait(id, timeoutMs)).rejects.toMatchObject(refusal);
    }
    await store.record(outcomeOf(id), 100);
    expect(await store.wait(id, 0)).toEqual(outcomeOf(id));
  });

  // The store would look again by itself after five seconds; the limit of these three tests is shorter.
  it('for what is recorded before the subscription is confirmed', async () => {
    const { opened, open: confirm } = gate();
    class SlowListener extends ControlRedis {
      override async listen(channel: string, handle: (message: string) => void) {
        await opened;
        return super.listen(channel, handle);
      }
    }
    const redis = new SlowListener(namespace, { url: redisUrl(), commandTimeoutMs: 5000, name: namespace });
    open.push(redis);
    // A new connection makes the store look again, which is not what this is about.
    await new Promise<void>((resolve) => redis.onListening(resolve));
    const id = jobId();
    const outcome = new OutcomeStore(redis).wait(id, 60_000);
    await openStore().store.record(outcomeOf(id), 100);
    confirm();
    expect(await outcome).toEqual(outcomeOf(id));
  }, 4_500);

  it('its message was lost with the connection: looks again when that is back', async () => {
    const { store, redis } = openStore();
    const raw = plainClient();
    const id = jobId();
    const outcome = store.wait(id, 60_000);
    await listening(redis, id);
    // Recorded without a message, as if it had been sent while the listener was away.
    await raw.set(redis.keys.outcome(id), JSON.stringify(outcomeOf(id)));
    const list = String(await raw.client('LIST')).split('\n');
    const listener = list.find((line) => line.includes(` name=${namespace}:listener `)) ?? '';
    await raw.client('KILL', 'ID', Number(/id=(\d+)/.exec(listener)?.[1]));
    expect(await outcome).toEqual(outcomeOf(id));
  }, 4_500);

  it('goes on listening after a connection was lost', async () => {
    const { store, redis } = openStore();
    const raw = plainClient();
    const id = jobId();
    const outcome = store.wait(id, 60_000);
    await listening(redis, id);
    const list = String(await raw.client('LIST')).split('\n');
    const listener = list.find((line) => line.includes(` name=${namespace}:listener `)) ?? '';
    await raw.client('KILL', 'ID', Number(/id=(\d+)/.exec(listener)?.[1]));
    await listening(redis, id);
    await openStore('another').store.record(outcomeOf(id), 100);
    expect(await outcome).toEqual(outcomeOf(id));
  }, 4_500);
});
