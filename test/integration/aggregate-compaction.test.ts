import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { Aggregates } from '../../src/domain/aggregates.ts';
import type { Connections } from '../../src/manager/connections.ts';
import { AggregateWriter } from '../../src/state/aggregate-writer.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { HOUR, keyOf, MINUTE, NOW, rawCell, submitted, writePast } from '../support/past-figures.ts';
import { expectNoLeakedConnections, redisUrl } from '../support/redis.ts';
import { comparedTask, shadowSystem } from '../support/shadow-scene.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const opened: { close(): Promise<unknown> }[] = [];
const begin = async (...settings: Parameters<typeof shadowSystem>): Promise<[HybridSystem, Connections]> => {
  const system = shadowSystem(...settings);
  opened.unshift(system);
  return [system, await system.connections()];
};
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});
afterAll(() => expectNoLeakedConnections());

const DAY = 24 * HOUR;
const MINUTE_OF_NOW = Math.floor(NOW / MINUTE);
const HOUR_OF_NOW = Math.floor(NOW / HOUR);
const all = ({ figures }: Connections, now = NOW): Promise<Aggregates> =>
  figures.read({ from: now - DAY + HOUR, to: now, now });
const everyMinute = (count: number) => Array.from({ length: count }, (_, n) => NOW - n * MINUTE);
const passUntilDone = async ({ compactor }: Connections, now = NOW) => {
  while ((await compactor.pass({ now })) > 0);
};

/** What is kept, by kind: the numbers of minutes and hours, the members of the indexes. */
async function keptBy({ namespace, redis }: HybridSystem) {
  const kept: Record<string, number[]> = {};
  for (const key of await redis.keys(`{${namespace}}:agg:*`)) {
    const [kind = '', number] = key.slice(namespace.length + 7).split(':');
    kept[kind] = [...(kept[kind] ?? []), Number(number)].toSorted();
  }
  const [minutes, hours] = [`{${namespace}}:agg:minutes`, `{${namespace}}:agg:hours`];
  kept.minutes = (await redis.zrange(minutes, '0', '-1')).map(Number);
  kept.hours = (await redis.zrange(hours, '0', '-1')).map(Number);
  return kept;
}

describe('figures that are added up', () => {
  it('are the same as before, minute by minute, and are kept in the place of what came', async () => {
    const [system, c] = await begin();
    await writePast(system, [...everyMinute(20), ...everyMinute(20)], DAY);
    const before = await all(c);
    expect(submitted(before)).toBe(40);
    // A minute is left alone until it is over for ten seconds.
    await passUntilDone(c, MINUTE_OF_NOW * MINUTE + 9_999);
    expect((await keptBy(system)).minutes).toEqual([MINUTE_OF_NOW - 1, MINUTE_OF_NOW]);
    expect(await all(c)).toEqual(before);
    await passUntilDone(c);
    expect(await all(c)).toEqual(before);
    const minutes = (from: number, to: number) =>
      Array.from({ length: from - to + 1 }, (_, n) => MINUTE_OF_NOW - from + n);
    expect(await keptBy(system)).toEqual({
      d: minutes(0, 0),
      minutes: minutes(0, 0),
      m: minutes(19, 1),
      hours: [HOUR_OF_NOW],
    });
  });

  it('become hours when all minutes of one are added up, however long nobody did', async () => {
    const [system, c] = await begin();
    await writePast(system, everyMinute(5 * 60), DAY);
    const before = await all(c);
    await passUntilDone(c);
    const after = await all(c);
    expect(after).toEqual(before);
    expect(submitted(after)).toBe(300);
    const { h, hours, minutes } = await keptBy(system);
    expect(h).toEqual([5, 4, 3, 2, 1].map((n) => HOUR_OF_NOW - n));
    expect(hours).toEqual([HOUR_OF_NOW]);
    expect(minutes).toHaveLength(1);
  });

  it('are counted once where several add them up and others read', async () => {
    const [system, c] = await begin();
    await writePast(system, [...everyMinute(130), ...everyMinute(130)], DAY);
    const others = [await system.connections(), await system.connections()];
    let isDone = false;
    const counts = new Set<number>();
    const reading = (async () => {
      while (!isDone) counts.add(submitted(await all(others[0] as Connections)));
    })();
    const written = await Promise.all([c, ...others].map(({ compactor }) => compactor.pass({ now: NOW })));
    isDone = true;
    await reading;
    await passUntilDone(c);
    counts.add(submitted(await all(c)));
    expect([...counts]).toEqual([260]);
    const { m = [], h = [], draft = [] } = await keptBy(system);
    expect([m.length, h.length, draft]).toEqual([129, 2, []]);
    expect(written.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(m.length + h.length);
  });

  it('are counted once where the answer was lost', async () => {
    const wire = await startTcpProxy(redisUrl());
    opened.push(wire);
    const [system, c] = await begin({}, { redis: { url: wire.url, commandTimeoutMs: 5000 } });
    const direct = shadowSystem();
    opened.unshift(direct);
    Object.assign(direct, { config: { ...system.config, redis: direct.config.redis } });
    const watcher = await direct.connections();
    // So that Redis knows the script and the answer that is lost is that of its running.
    await watcher.control.run('compact-figures', ['m', 1, 'none', 1, '']);
    await writePast(system, everyMinute(10), DAY);
    const dropped = wire.dropAnswer(
      (request) => /evalsha/i.test(request.toString()) && /\r\nm\r\n/.test(request.toString()),
    );
    // It is asked again, and told that there is nothing left to do.
    expect(await c.compactor.pass({ now: NOW })).toBe(8);
    await dropped;
    expect(submitted(await all(watcher))).toBe(10);
    await passUntilDone(watcher);
    expect(submitted(await all(watcher))).toBe(10);
    expect((await keptBy(system)).m).toHaveLength(9);
  });

  it('are not thrown away with what came since they were read', async () => {
    const [system, c] = await begin();
    const minute = MINUTE_OF_NOW - 10;
    await writePast(system, [NOW - 10 * MINUTE], DAY);
    const { redis } = system;
    const refuse = async (fields: number, newestAt: string) => {
      await redis.hset(`{${system.namespace}}:agg:draft:x`, 'newestAt', 1);
      expect(await c.control.run('compact-figures', ['m', minute, 'x', fields, newestAt])).toBe(0);
      expect(submitted(await all(c))).toBe(1);
      expect((await keptBy(system)).draft).toBeUndefined();
    };
    const newestAt = String(await redis.hget(keyOf(system, 'd', minute), 'newestAt'));
    await refuse(1, newestAt);
    await refuse(3, newestAt);
    await refuse(2, String(NOW));
    // A draft that has run out, or was taken for another minute.
    expect(await c.control.run('compact-figures', ['m', minute, 'gone', 2, newestAt])).toBe(0);
    expect(submitted(await all(c))).toBe(1);
  });

  it('are not written again by a call that is repeated late', async () => {
    const [, c] = await begin();
    const now = await c.figures.now();
    const call = () => c.control.run('add-aggregates', ['process', 7, rawCell(3)]);
    expect(await call()).toBe(1);
    await passUntilDone(c, now + 2 * MINUTE);
    expect(await call()).toBe(0);
    expect(submitted(await all(c, now + 2 * MINUTE))).toBe(3);
  });

  it('make no hour while a minute of it waits', async () => {
    const [system, c] = await begin();
    await writePast(system, everyMinute(120), 100 * MINUTE);
    const first = (HOUR_OF_NOW - 1) * 60;
    await system.redis.hset(`{${system.namespace}}:agg:draft:x`, 'newestAt', 1);
    await system.redis.zadd(`{${system.namespace}}:agg:hours`, HOUR_OF_NOW - 1, HOUR_OF_NOW - 1);
    expect(await c.control.run('compact-figures', ['h', HOUR_OF_NOW - 1, 'x', first, first + 59])).toBe(0);
    expect(submitted(await all(c))).toBe(120);
  });

  it('take in what comes later, by a clock that goes back', async () => {
    const [system, c] = await begin();
    await writePast(system, everyMinute(120), DAY);
    await passUntilDone(c);
    const minute = (HOUR_OF_NOW - 1) * 60 + 7;
    await system.redis.hset(keyOf(system, 'd', minute), 'p:1', rawCell(5), 'newestAt', minute * MINUTE);
    await system.redis.zadd(`{${system.namespace}}:agg:minutes`, minute, minute);
    await passUntilDone(c);
    const figures = await all(c);
    expect(submitted(figures)).toBe(125);
    const slices = figures.timeline.filter(({ at }) => Math.floor(at / HOUR) === HOUR_OF_NOW - 1);
    expect(slices.map(({ succeeded }) => succeeded)).toEqual([5, 10, ...Array(10).fill(5)]);
  });

  it('leave out what nobody can read, and do not stop there', async () => {
    const [system, c] = await begin();
    await writePast(system, everyMinute(10), DAY);
    const key = (ago: number) => keyOf(system, 'd', MINUTE_OF_NOW - ago);
    await system.redis.set(key(9), 'x');
    await system.redis.del(key(8));
    await system.redis.hdel(key(7), 'newestAt');
    await system.redis.zadd(`{${system.namespace}}:agg:minutes`, 1, 'x');
    await passUntilDone(c);
    expect(submitted(await all(c))).toBe(8);
    expect((await keptBy(system)).m).toEqual([7, 6, 5, 4, 3, 2, 1].map((ago) => MINUTE_OF_NOW - ago));
  });

  it('are forgotten with everything else, also by whoever is just adding them up', async () => {
    const [system, c] = await begin();
    const now = await c.figures.now();
    await writePast(
      system,
      Array.from({ length: 90 }, (_, n) => now - n * MINUTE),
      40 * MINUTE,
      now,
    );
    await system.redis.hset(`{${system.namespace}}:agg:draft:x`, 'newestAt', 1);
    await c.figures.forget();
    const hour = Math.floor(now / HOUR) - 1;
    expect(await c.control.run('compact-figures', ['h', hour, 'x', hour * 60, hour * 60 + 59])).toBe(0);
    const kept = Object.entries(await keptBy(system)).filter(([, numbers]) => numbers.length > 0);
    expect(kept).toEqual([]);
  });
});

describe('who adds them up', () => {
  it('is a worker', async () => {
    const [system, c] = await begin({}, { worker: { janitorIntervalMs: 100 } });
    const now = await c.figures.now();
    await writePast(system, [now - 5 * MINUTE, now - 4 * MINUTE], HOUR, now);
    await system.worker([comparedTask((n) => n)]);
    await waitFor(async () => (await keptBy(system)).m?.length === 2, { what: 'two minutes to be added up' });
    expect(submitted(await all(c, now))).toBe(2);
  });

  it('is anybody who counts, where no worker does it', async () => {
    const [system, c] = await begin();
    const now = await c.figures.now();
    await writePast(system, [now - 20 * MINUTE, now - 5 * MINUTE], HOUR, now);
    const writer = new AggregateWriter(c.control, system.log, 1);
    await waitFor(async () => (await keptBy(system)).m?.length === 1, { what: 'the neglected minute' });
    await writer.close();
    expect((await keptBy(system)).d).toHaveLength(1);
    expect(submitted(await all(c, now))).toBe(2);
  });
});
