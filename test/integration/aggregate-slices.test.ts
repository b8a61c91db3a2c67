import { describe, expect, it } from '@jest/globals';
import type { Aggregates } from '../../src/domain/aggregates.ts';
import type { ComparisonReport } from '../../src/domain/report.ts';
import { buildReport } from '../../src/parity/report-builder.ts';
import { GATES } from '../support/counted-window.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { HOUR, keyOf, MINUTE, NOW, submitted, writePast } from '../support/past-figures.ts';
import { shadowScene } from '../support/shadow-scene.ts';

const begin = shadowScene();

const DAY = 24 * HOUR;
const FIRST = Math.floor(NOW / HOUR) * HOUR - HOUR;
/** So long after that only hours are left. */
const LATER = NOW + 3 * DAY;

/** In the first half of the hour both fail a tenth of what they run, in the second nothing; canary's share falls from 50 % to 5 %. */
async function writeHourOfTwoHalves({ namespace, redis }: HybridSystem): Promise<void> {
  const cell = (backend: string, finished: number, failed: number) => [
    ['runs', 'double', backend, 'assigned'],
    { counts: { submitted: finished, succeeded: finished - failed, failed }, run: { 51200: finished } },
  ];
  const [early, late] = [
    [cell('stable', 100, 10), cell('canary', 100, 10)],
    [cell('stable', 200, 0), cell('canary', 10, 0)],
  ].map((cells) => JSON.stringify(cells)) as [string, string];
  const pipeline = redis.pipeline();
  for (let i = 0; i < 60; i++) {
    const minute = FIRST / MINUTE + i;
    const newestAt = (minute + 1) * MINUTE - 1;
    pipeline.zadd(`{${namespace}}:agg:minutes`, minute, minute);
    pipeline.hset(`{${namespace}}:agg:d:${minute}`, 'process:1', i < 30 ? early : late, 'newestAt', newestAt);
  }
  await pipeline.exec();
}

function reportOf(aggregates: Aggregates, at: number): ComparisonReport {
  const { from, to } = aggregates;
  return buildReport({
    namespace: 'test',
    at,
    window: { from, to },
    aggregates,
    mismatches: [],
    gates: GATES,
  });
}

const forgetMinutes = ({ redis, ...system }: HybridSystem) =>
  redis.unlink(Array.from({ length: 60 }, (_, i) => keyOf(system as HybridSystem, 'm', FIRST / MINUTE + i)));

describe('a share of canary that changed within an hour', () => {
  it.each([
    ['the hour itself', FIRST, FIRST + HOUR],
    ['a window around it', FIRST - HOUR / 2, NOW],
    ['a part of it', FIRST + MINUTE, FIRST + HOUR],
  ])('is told as before when the hour was added up: %s', async (_, from, to) => {
    const [system, c] = await begin();
    await writeHourOfTwoHalves(system);
    const before = await c.figures.read({ from, to, now: NOW });
    expect(await c.compactor.pass({ now: NOW })).toBe(61);
    const after = await c.figures.read({ from, to, now: NOW });
    expect(after).toEqual(before);
    const report = reportOf(after, NOW);
    expect(report.headline).toMatch(
      /^inconclusive: double: the share of canary changed in this window together/,
    );
  });

  it('is told a week later, when the minutes are forgotten', async () => {
    const [system, c] = await begin();
    await writeHourOfTwoHalves(system);
    const before = await c.figures.read({ from: FIRST, to: FIRST + HOUR, now: NOW });
    await c.compactor.pass({ now: NOW });
    await forgetMinutes(system);
    const window = { from: LATER - 7 * DAY, to: LATER, now: LATER };
    const { timeline } = await c.figures.read(window);
    expect(timeline).toEqual(before.timeline);
    const report = reportOf(await c.figures.read(window), LATER);
    expect(report.tasks[0]?.lines[0]).toMatchObject({ verdict: 'inconclusive', doubt: 'share-changed' });
    expect(report.notes.filter((note) => /by the hour only/.test(note))).toEqual([]);
  });
});

describe('hours that a former version has added up', () => {
  const times = Array.from({ length: 180 }, (_, n) => NOW - n * MINUTE);
  const spansOf = ({ timeline }: Aggregates) => new Set(timeline.map(({ spanMs }) => spanMs / MINUTE));

  it('are read by their minutes while these are kept', async () => {
    const [former, c] = await begin();
    await writePast(former, times, 3 * MINUTE, NOW, true);
    const [present, d] = await begin();
    await writePast(present, times);
    const window = { from: NOW - 4 * HOUR, to: NOW, now: NOW };
    const read = await c.figures.read(window);
    expect(read).toEqual(await d.figures.read(window));
    expect([submitted(read), spansOf(read)]).toEqual([180, new Set([5, 1])]);
  });

  it('are one part of the timeline each after that, and the report says what it cannot see', async () => {
    const [system, c] = await begin();
    await writePast(system, times, 3 * MINUTE, NOW, true);
    const read = await c.figures.read({ from: LATER - 7 * DAY, to: LATER, now: LATER });
    expect(spansOf(read)).toEqual(new Set([60]));
    // What is not added up yet is read by its minutes for a little longer than a day, and is forgotten here.
    expect(reportOf(read, LATER).notes.at(-1)).toMatch(
      /^Some figures from before 2026-06-15T14:00:00Z are kept by the hour only, so a share of canary that changed/,
    );
  });
});
