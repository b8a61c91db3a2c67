import { randomInt } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { bucketOf } from '../../src/domain/aggregates.ts';
import type { Pair } from '../../src/domain/parity.ts';
import type { Connections } from '../../src/manager/connections.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { HOUR, keyOf, MINUTE, NOW, packedCell, submitted, writePast } from '../support/past-figures.ts';
import { expectNoLeakedConnections, redisUrl } from '../support/redis.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { announce, cellOf, figuresOf, shadowSystem } from '../support/shadow-scene.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const DAY = 24 * HOUR;
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

describe('a window', () => {
  it('has each run in it once, whatever its edges, and says which time it is of', async () => {
    const seed = Number(process.env.TRIAL_SEED ?? randomInt(2 ** 31));
    const random = seededRandom(seed);
    const [system, c] = await begin();
    // Dense, so that a minute too many or too few has runs in it.
    const times = Array.from({ length: 5000 }, () => NOW - Math.floor(random() ** 2 * 40 * HOUR));
    // What nobody has added up yet: minutes, hours, a quarter of a day.
    const unpackedMs = [3 * MINUTE, 100 * MINUTE, 6 * HOUR][Math.floor(random() * 3)] as number;
    const isFormer = random() < 0.5;
    await writePast(system, times, unpackedMs, NOW, isFormer);
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
      const told = `seed ${seed}, ${unpackedMs} ms not added up, former ${isFormer}, ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
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
      ...Array.from({ length: 24 }, (_, n) => [
        new Date(begins + 2 * MINUTE + n * 5 * MINUTE).toISOString().slice(11, 16),
        5,
        5,
      ]),
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
    const at = [NOW - 20 * MINUTE, NOW - 19 * MINUTE, NOW - 18 * MINUTE, NOW - 2 * MINUTE, NOW - MINUTE, NOW];
    await writePast(system, at);
    const key = (span: 'd' | 'm', time: number) => keyOf(system, span, Math.floor(time / MINUTE));
    const { redis } = system;
    await redis.set(key('m', NOW - 20 * MINUTE), 'x');
    await redis.hset(key('m', NOW - 19 * MINUTE), packedCell.field, 'x');
    await redis.set(key('d', NOW - 2 * MINUTE), 'x');
    const garbage = [
      'x',
      '{}',
      '[1]',
      '[["a"],2]',
      '[[["a"],{"counts":3}]]',
      '[[["a"],{"counts":{"b":"c"}}]]',
    ];
    await redis.hset(key('d', NOW - MINUTE), Object.fromEntries(garbage.map((text, n) => [`g:${n}`, text])));
    const figures = await c.figures.read({ from: NOW - 30 * MINUTE, to: NOW, now: NOW });
    expect(submitted(figures)).toBe(3);
    expect(figures.runs).toHaveLength(1);
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
    // Each flush during the outage takes as long as this.
    const [, c] = await begin({ url: wire.url, commandTimeoutMs: 1500 });
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
    const [system, c] = await begin({ url: wire.url });
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
    const hours = new Map(Object.entries({ d: 25, minutes: 25, m: 25, h: 31 * 24, hours: 31 * 24, last: 1 }));
    const now = await c.figures.now();
    // An hour that is over, and a minute of one that is not, or just about.
    await writePast(system, [now - 3 * HOUR, now - 3 * MINUTE], DAY, now);
    await c.compactor.pass({ now });
    c.meter.count('double', 'stable', 'assigned', 'submitted');
    await c.meter.flush();
    const kinds = new Set<string>();
    for (const key of await system.redis.keys(`{${system.namespace}}:agg:*`)) {
      const kind = key.split(':')[2] ?? '';
      kinds.add(kind);
      const ttlHours = Math.ceil((await system.redis.ttl(key)) / 3600);
      expect([kind, ttlHours]).toEqual([kind, hours.get(kind)]);
    }
    expect([...kinds]).toEqual(expect.arrayContaining(['d', 'minutes', 'm', 'h', 'last']));
  });

  it('of places that differ are the 50 most frequent', async () => {
    const [system, c] = await begin();
    const pairs = Array.from({ length: 200 }, (_, n) => pairOf(n));
    await announce(system.redis, system.namespace, pairs);
    // Prototypes have no say in what is a path, and half a character is one.
    const often = ['/__proto__', '/名前', '/constructor', '', '/a"b\\c', '/\ud800'];
    const settle = (pair: Pair, n: number) => {
      const path = n < 140 ? `/p${n}` : (often[n % often.length] as string);
      return {
        pair,
        verdict: 'mismatched' as const,
        cell: { counts: { compared: 1, value: 1 }, paths: Object.fromEntries([[path, 1]]) },
        mismatch: null,
      };
    };
    const settled = pairs.map(settle);
    await c.pairs.settle(settled.slice(0, 150));
    await c.pairs.settle(settled.slice(150));
    const check = async () => {
      const [cell] = (await figuresOf(c)).pairs;
      expect(cell).toMatchObject({ compared: 200, mismatched: { value: 200 } });
      const paths = new Map(Object.entries(cell?.paths ?? {}));
      expect(paths.size).toBe(50);
      for (const path of often.slice(0, 5)) expect([path, paths.get(path)]).toEqual([path, 10]);
      expect([...paths.values()].filter((n) => n === 10)).toHaveLength(6);
    };
    await check();
    await c.compactor.pass({ settledMs: -MINUTE });
    await check();
  });

  it('of a batch of pairs is all that can be kept, where somebody has overwritten a part', async () => {
    const [system, c] = await begin();
    const pairs = [pairOf(1), { ...pairOf(2), task: 'broken' }, pairOf(3)];
    await announce(system.redis, system.namespace, pairs);
    await system.redis.set(`{${system.namespace}}:pairs:broken`, 'x');
    await c.pairs.settle(
      pairs.map((pair) => ({
        pair,
        verdict: 'matched' as const,
        cell: { counts: { compared: 1, matched: 1 } },
        mismatch: null,
      })),
    );
    expect((await figuresOf(c)).pairs).toMatchObject([{ task: 'double', compared: 2, matched: 2 }]);
  });

  it('of a pair is kept once, whoever settles it how often', async () => {
    const [system, c] = await begin();
    const pair = pairOf(1);
    await announce(system.redis, system.namespace, [pair]);
    const settled = {
      pair,
      verdict: 'matched' as const,
      cell: { counts: { compared: 1, matched: 1 } },
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
  const redis = { url: redisUrl(), commandTimeoutMs: 5000 };
  return Object.assign(direct, { config: { ...config, redis } }).connections();
}
