import { randomInt } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { encode } from '@msgpack/msgpack';
import { type Aggregates, bucketOf } from '../../src/domain/aggregates.ts';
import type { Pair } from '../../src/domain/parity.ts';
import type { Connections } from '../../src/manager/connections.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, redisUrl } from '../support/redis.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { announce, cellOf, figuresOf, shadowSystem } from '../support/shadow-scene.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** In the middle of a minute and of an hour. */
const NOW = Date.UTC(2026, 5, 15, 14, 31, 17, 250);
const ADDED = /"counts":\{"submitted"/;

const opened: HybridSystem[] = [];
const proxies: TcpProxy[] = [];
const begin = async (redis = {}): Promise<[HybridSystem, Connections]> => {
  const settings = { redis: { url: redisUrl(), commandTimeoutMs: 5000, ...redis } };
  const system = shadowSystem({}, settings);
  opened.push(system);
  return [system, await system.connections()];
};
const proxy = async (): Promise<TcpProxy> => {
  const started = await startTcpProxy(redisUrl());
  proxies.push(started);
  return started;
};
afterEach(async () => {
  for (const system of opened.splice(0)) await system.close();
  for (const each of proxies.splice(0)) await each.close();
});
afterAll(() => expectNoLeakedConnections());

const submitted = (figures: Aggregates) => cellOf(figures, 'stable', 'assigned')?.counts.submitted ?? 0;
const field = JSON.stringify(['runs', 'double', 'stable', 'assigned']);

/** Writes runs of these times as Redis keeps them at `NOW`: every hour, and the minutes that it has not forgotten. */
async function writePast({ namespace, redis }: HybridSystem, times: readonly number[]): Promise<void> {
  const written = new Map<string, { n: number; newestAt: number }>();
  const count = (key: string, at: number) => {
    const { n, newestAt } = written.get(key) ?? { n: 0, newestAt: at };
    written.set(key, { n: n + 1, newestAt: Math.max(newestAt, at) });
  };
  for (const at of times) {
    count(`h:${Math.floor(at / HOUR)}`, at);
    if (at >= NOW - 25 * HOUR) count(`m:${Math.floor(at / MINUTE)}`, at);
  }
  const pipeline = redis.pipeline();
  for (const [key, { n, newestAt }] of written) {
    const cell = { counts: { submitted: n, succeeded: n }, run: { 1024: n } };
    const packed = Buffer.from(encode(cell));
    pipeline.hset(`{${namespace}}:agg:${key}`, field, packed, 'newestAt', newestAt);
  }
  await pipeline.exec();
}

describe('a window', () => {
  it('has each run in it once, whatever its edges, and says which time it is of', async () => {
    const seed = Number(process.env.TRIAL_SEED ?? randomInt(2 ** 31));
    const random = seededRandom(seed);
    const [system, c] = await begin();
    // Dense, so that a minute too many or too few has runs in it.
    const times = Array.from({ length: 5000 }, () => NOW - Math.floor(random() ** 2 * 40 * HOUR));
    await writePast(system, times);
    const edges = (): readonly [number, number] => {
      // A third of the edges stand exactly on an hour.
      const edge = () => {
        const at = NOW - Math.floor(random() * 39 * HOUR);
        return random() < 0.33 ? Math.floor(at / HOUR) * HOUR : at;
      };
      const [a, b] = [edge(), edge()];
      return a === b ? [a - MINUTE, b] : [Math.min(a, b), Math.max(a, b)];
    };
    const fixed: (readonly [number, number])[] = [
      [NOW - HOUR, NOW],
      [NOW - 24 * HOUR, NOW],
      [NOW - 24 * HOUR - 1, NOW],
      [NOW - 40 * HOUR, NOW],
      [NOW - 30 * HOUR, NOW - 29.5 * HOUR],
      [NOW - 26 * HOUR, NOW - 24 * HOUR],
      [NOW, NOW + 5 * HOUR],
    ];
    for (const [from, to] of [...fixed, ...Array.from({ length: 40 }, edges)]) {
      const figures = await c.figures.read({ from, to, now: NOW });
      const inside = times.filter((at) => at >= figures.from && at < figures.to).length;
      const told = `seed ${seed}, ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
      const timed = figures.runs[0]?.timings.run.get(1024) ?? 0;
      const charted = figures.timeline.reduce((sum, { succeeded }) => sum + succeeded, 0);
      expect({ told, submitted: submitted(figures), timed, charted }).toEqual({
        told,
        submitted: inside,
        timed: inside,
        charted: inside,
      });
      // All that was asked for and little more: minutes, and hours where minutes are forgotten.
      const unitAt = (at: number) => (at < NOW - 24 * HOUR ? HOUR : MINUTE);
      expect({ told, early: from - figures.from < unitAt(from) }).toEqual({ told, early: true });
      expect(figures.from).toBeLessThanOrEqual(from);
      expect(figures.to).toBeGreaterThanOrEqual(Math.min(to, NOW));
      const late = figures.to - Math.min(to, NOW);
      expect({ told, late: late <= unitAt(Math.floor(to / HOUR) * HOUR) }).toEqual({ told, late: true });
    }
  });

  it('takes whole hours from their hours, and only its ends from minutes', async () => {
    const [system, c] = await begin();
    const begins = Date.UTC(2026, 5, 15, 10, 58);
    const times = Array.from({ length: 4 * 60 }, (_, n) => begins + n * MINUTE);
    await writePast(
      system,
      times.filter((at) => at <= NOW),
    );
    const figures = await c.figures.read({ from: begins, to: Date.UTC(2026, 5, 15, 13, 3), now: NOW });
    expect(submitted(figures)).toBe(125);
    const spans = figures.timeline.map(({ at, spanMs, succeeded }) => [
      new Date(at).toISOString().slice(11, 16),
      spanMs / MINUTE,
      succeeded,
    ]);
    expect(spans).toEqual([
      ['10:58', 1, 1],
      ['10:59', 1, 1],
      ['11:00', 60, 60],
      ['12:00', 60, 60],
      ['13:00', 1, 1],
      ['13:01', 1, 1],
      ['13:02', 1, 1],
    ]);
  });

  it('of all times is cut to what is kept, and is read at once', async () => {
    const [system, c] = await begin();
    await writePast(system, [NOW - 29 * 24 * HOUR, NOW - 31 * 24 * HOUR, NOW]);
    const figures = await c.figures.read({ from: -8.64e15, to: 8.64e15, now: NOW });
    expect(submitted(figures)).toBe(2);
    expect(figures.from).toBe(Math.floor((NOW - 30 * 24 * HOUR) / HOUR) * HOUR);
    expect(figures.to).toBe(Math.ceil(NOW / MINUTE) * MINUTE);
  });

  it('says when somebody last wrote into it, or that nobody did', async () => {
    const [system, c] = await begin();
    await writePast(system, [NOW - 3 * HOUR, NOW - 90 * MINUTE]);
    const newest = async (from: number, to = NOW) => (await c.figures.read({ from, to, now: NOW })).newestAt;
    expect(await newest(NOW - HOUR)).toBeNull();
    expect(await newest(NOW - 95 * MINUTE)).toBe(NOW - 90 * MINUTE);
    expect(await newest(NOW - 24 * HOUR, NOW - 2 * HOUR)).toBe(NOW - 3 * HOUR);

    const before = await c.figures.now();
    c.meter.count('double', 'stable', 'assigned', 'submitted');
    await c.meter.flush();
    const { newestAt } = await figuresOf(c);
    expect(newestAt).toBeGreaterThanOrEqual(before);
    expect(newestAt).toBeLessThanOrEqual(await c.figures.now());
  });

  it('goes by its own keys: what somebody has overwritten is missing, and nothing else', async () => {
    const [system, c] = await begin();
    await writePast(system, [NOW - 2 * MINUTE, NOW - MINUTE]);
    await system.redis.set(`{${system.namespace}}:agg:m:${Math.floor((NOW - MINUTE) / MINUTE)}`, 'x');
    expect(submitted(await c.figures.read({ from: NOW - 10 * MINUTE, to: NOW, now: NOW }))).toBe(1);
  });
});

describe('figures of a process', () => {
  it('add up with those of others, field by field and bucket by bucket', async () => {
    const [system, first] = await begin();
    const second = await system.connections();
    for (const { meter } of [first, second]) {
      meter.count('double', 'stable', 'assigned', 'submitted', 3);
      meter.count('double', 'canary', 'shadow', 'failed');
      // The shortest have buckets of their own, which Redis may take for a list; 100 and 100.1 ms share one.
      for (const ms of [0.001, 0.002, 1, 100, 100.1]) meter.time('double', 'stable', 'assigned', 'run', ms);
    }
    second.meter.count('other', 'stable', 'assigned', 'submitted');
    await Promise.all([first.meter.flush(), second.meter.flush()]);
    const figures = await figuresOf(first);
    expect(figures.runs.map(({ task, backend, arm }) => `${task} ${backend} ${arm}`).toSorted()).toEqual([
      'double canary shadow',
      'double stable assigned',
      'other stable assigned',
    ]);
    const cell = figures.runs.find(({ task, arm }) => task === 'double' && arm === 'assigned');
    expect(cell?.counts.submitted).toBe(6);
    expect([...(cell?.timings.run ?? [])].toSorted(([a], [b]) => a - b)).toEqual([
      [1, 2],
      [2, 2],
      [bucketOf(1000), 2],
      [bucketOf(100_000), 4],
    ]);
    expect(cellOf(figures, 'canary', 'shadow')?.counts.failed).toBe(2);
  });

  it('are written by themselves, in the second after they were counted', async () => {
    const [, c] = await begin();
    c.meter.count('double', 'stable', 'assigned', 'submitted');
    await waitFor(async () => submitted(await figuresOf(c)) === 1, { what: 'the figure to be written' });
  });

  it('are written once after an outage of Redis, those of before and those of the time of it', async () => {
    const wire = await proxy();
    const [, c] = await begin({ url: wire.url, commandTimeoutMs: 200 });
    const reader = await watcherOf(opened[0] as HybridSystem);
    c.meter.count('double', 'stable', 'assigned', 'submitted', 1);
    await c.meter.flush();
    await wire.refuse();
    wire.cut();
    for (const n of [10, 100]) {
      c.meter.count('double', 'stable', 'assigned', 'submitted', n);
      await c.meter.flush();
    }
    c.meter.count('double', 'stable', 'assigned', 'submitted', 1000);
    expect(submitted(await figuresOf(reader))).toBe(1);
    await wire.accept();
    await waitFor(async () => submitted(await figuresOf(reader)) === 1111, {
      what: 'what was counted meanwhile',
    });
    for (let n = 0; n < 3; n++) await c.meter.flush();
    expect(submitted(await figuresOf(reader))).toBe(1111);
  });

  it('are written once where Redis has taken them and its answer was lost', async () => {
    const wire = await proxy();
    const [system, c] = await begin({ url: wire.url, commandTimeoutMs: 300 });
    const reader = await watcherOf(system);
    const dropped = wire.dropAnswer((request) => ADDED.test(request.toString()), 2);
    c.meter.count('double', 'stable', 'assigned', 'submitted', 5);
    const flushing = c.meter.flush();
    await waitFor(async () => submitted(await figuresOf(reader)) === 5, { what: 'Redis to have taken them' });
    // Counted while nobody knows about the first five.
    c.meter.count('double', 'stable', 'assigned', 'submitted', 7);
    await dropped;
    await flushing;
    await waitFor(async () => submitted(await figuresOf(reader)) >= 12, { what: 'the rest' });
    await c.meter.flush();
    expect(submitted(await figuresOf(reader))).toBe(12);
  });

  it('are written when it ends', async () => {
    const [system, reader] = await begin();
    const ending = shadowSystem();
    const c = await Object.assign(ending, { config: system.config }).connections();
    c.meter.count('double', 'stable', 'assigned', 'submitted', 4);
    await ending.close();
    expect(submitted(await figuresOf(reader))).toBe(4);
  });
});

describe('what is kept', () => {
  it('goes by itself: minutes after a day, hours after a month', async () => {
    const [system, c] = await begin();
    c.meter.count('double', 'stable', 'assigned', 'submitted');
    await c.meter.flush();
    const ttls = new Map<string, number>();
    for (const key of await system.redis.keys(`{${system.namespace}}:agg:*`)) {
      ttls.set(key.split(':')[2] ?? '', await system.redis.ttl(key));
    }
    expect([...ttls.keys()].toSorted()).toEqual(['h', 'last', 'm']);
    const within = (key: string, least: number, most: number) => {
      expect(ttls.get(key)).toBeGreaterThan(least);
      expect(ttls.get(key)).toBeLessThanOrEqual(most);
    };
    within('m', 24 * 3600, 25 * 3600);
    within('h', 30 * 24 * 3600, 31 * 24 * 3600);
    within('last', 0, 3600);
  });

  it('of places that differ are the 50 seen first, which are counted on', async () => {
    const [system, c] = await begin();
    const pairs = Array.from({ length: 70 }, (_, n) => pairOf(n));
    await announce(system.redis, system.namespace, pairs);
    const settle = (pair: Pair, path: string) => ({
      pair,
      verdict: 'mismatched' as const,
      counts: { counts: { compared: 1, value: 1 }, paths: { [path]: 1 } },
      mismatch: null,
    });
    await c.pairs.settle(pairs.slice(0, 30).map((pair, n) => settle(pair, `/p${n}`)));
    // Prototypes have no say in what is a path.
    const odd = ['/__proto__', '/名前', '/constructor', '', '/a"b\\c'];
    await c.pairs.settle(pairs.slice(30, 35).map((pair, n) => settle(pair, odd[n] as string)));
    await c.pairs.settle(pairs.slice(35, 60).map((pair, n) => settle(pair, `/q${n}`)));
    await c.pairs.settle(pairs.slice(60).map((pair) => settle(pair, '/p7')));
    const [cell] = (await figuresOf(c)).pairs;
    expect(cell).toMatchObject({ compared: 70, mismatched: { value: 70 } });
    const paths = new Map(Object.entries(cell?.paths ?? {}));
    expect(paths.size).toBe(50);
    expect(paths.get('/p7')).toBe(11);
    for (const path of odd) expect([path, paths.get(path)]).toEqual([path, 1]);
    expect([paths.get('/q14'), paths.get('/q15')]).toEqual([1, undefined]);
  });

  it('of a pair is kept once, whoever settles it how often', async () => {
    const [system, c] = await begin();
    const pair = pairOf(1);
    await announce(system.redis, system.namespace, [pair]);
    const settled = {
      pair,
      verdict: 'matched' as const,
      counts: { counts: { compared: 1, matched: 1 } },
      mismatch: null,
    };
    const other = await system.connections();
    await Promise.all([c.pairs.settle([settled]), other.pairs.settle([settled]), c.pairs.settle([settled])]);
    await c.pairs.settle([settled, { ...settled, pair: pairOf(2) }]);
    expect((await figuresOf(c)).pairs).toMatchObject([{ compared: 1, matched: 1 }]);
  });
});

function pairOf(n: number): Pair {
  const ids = { primary: `task-primary-${n}`, copy: `task-copy-${n}` };
  return { task: 'double', kind: 'shadow', ...ids, madeAt: 1, deadline: 2, replay: null };
}

/** Looks at the same namespace past the damaged wire. */
async function watcherOf({ config }: HybridSystem): Promise<Connections> {
  const direct = shadowSystem();
  opened.push(direct);
  const redis = { ...config.redis, url: redisUrl() };
  return Object.assign(direct, { config: { ...config, redis } }).connections();
}
