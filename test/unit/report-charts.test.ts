import { describe, expect, it } from '@jest/globals';
import type { TimelineEntry } from '../../src/domain/aggregates.ts';
import type { VerdictLine } from '../../src/domain/report.ts';
import { intervalChart } from '../../src/report/chart-interval.ts';
import { quantileChart } from '../../src/report/chart-quantiles.ts';
import { timelineChart } from '../../src/report/chart-timeline.ts';
import { DARK, LIGHT, type Palette } from '../../src/report/html-palette.ts';
import { timelineOf } from '../../src/report/timeline-bins.ts';
import { BLANK_TASK, interval, NO_SIDE, successfulReport } from '../support/comparison-report.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const FROM = Date.UTC(2026, 10, 21, 14);

function entry(over: Partial<TimelineEntry>): TimelineEntry {
  return {
    at: FROM,
    spanMs: MINUTE_MS,
    task: 'a',
    backend: 'stable',
    arm: 'assigned',
    succeeded: 1,
    failed: 0,
    ...over,
  };
}

describe('the bars over time', () => {
  it.each([
    [HOUR_MS, MINUTE_MS, MINUTE_MS],
    [HOUR_MS, HOUR_MS, HOUR_MS],
    [24 * HOUR_MS, MINUTE_MS, 30 * MINUTE_MS],
    [7 * 24 * HOUR_MS, HOUR_MS, 3 * HOUR_MS],
    [30 * 24 * HOUR_MS, HOUR_MS, 12 * HOUR_MS],
    [0, MINUTE_MS, MINUTE_MS],
  ])('of a window of %i ms with entries of %i ms are %i ms wide', (length, spanMs, expected) => {
    const timeline = timelineOf([entry({ spanMs })], { from: FROM, to: FROM + length });
    expect(timeline.binMs).toBe(expected);
    expect((timeline.to - timeline.from) / timeline.binMs).toBeLessThanOrEqual(81);
  });

  it('lose no task', () => {
    const entries = Array.from({ length: 2_000 }, (_, i) =>
      entry({
        at: FROM + i * MINUTE_MS,
        backend: i % 3 === 0 ? 'canary' : 'stable',
        succeeded: i,
        failed: i % 7,
      }),
    );
    const { bins } = timelineOf(entries, { from: FROM, to: FROM + 2_000 * MINUTE_MS });
    const sum = (of: readonly { succeeded: number; failed: number }[]) =>
      of.reduce((n, { succeeded, failed }) => n + succeeded + failed, 0);
    expect(sum([...bins.stable, ...bins.canary])).toBe(sum(entries));
    expect(sum(bins.canary)).toBe(sum(entries.filter(({ backend }) => backend === 'canary')));
  });

  it('show a single failure among many successes', () => {
    const window = { from: FROM, to: FROM + HOUR_MS };
    const timeline = timelineOf([entry({ succeeded: 100_000, failed: 1 })], window);
    const bar = /class="failed-bar"[^>]* height="([\d.]+)"/.exec(String(timelineChart('x', timeline)));
    expect(Number(bar?.[1])).toBeGreaterThanOrEqual(3);
  });

  it('are no chart without a task', () => {
    expect(timelineChart('x', timelineOf([], { from: FROM, to: FROM + HOUR_MS }))).toBeNull();
  });
});

const LINE: VerdictLine = {
  rule: 'errors',
  verdict: 'failed',
  title: 'Error rate',
  threshold: '',
  evidence: '',
  interval: { ...interval(0.05, 0.03, 0.08), limit: 0.01, unit: 'share' },
};

/** Positions in percent of all marks of a class. */
function positions(svg: unknown, className: string, attribute: string): readonly number[] {
  const marks = String(svg).match(new RegExp(`<\\w+ class="${className}[^>]*>`, 'g')) ?? [];
  return marks.map((mark) => Number(new RegExp(` ${attribute}="(-?[\\d.]+)%"`).exec(mark)?.[1]));
}

describe('the interval against its limit', () => {
  it.each([
    ['beyond', interval(0.05, 0.03, 0.08)],
    ['below', interval(0.001, -0.004, 0.006)],
    ['across', interval(0.01, 0.002, 0.02)],
    ['a point', interval(0, 0, 0)],
  ])('is drawn %s, all of it within the picture', (_, seen) => {
    const svg = intervalChart('x', { ...LINE, interval: { ...seen, limit: 0.01, unit: 'share' } });
    const [limit = Number.NaN] = positions(svg, 'limit', 'x1');
    const [low = Number.NaN] = positions(svg, 'seen ', 'x1');
    const [high = Number.NaN] = positions(svg, 'seen ', 'x2');
    expect(Math.sign(low - limit)).toBe(Math.sign(seen.low - 0.01));
    expect(Math.sign(high - limit)).toBe(Math.sign(seen.high - 0.01));
    for (const x of [limit, low, high]) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(100);
    }
  });

  it('says in words what it shows', () => {
    expect(String(intervalChart('x', LINE))).toContain(
      '<desc id="x-desc">+5 points, interval +3 to +8; limit +1 point. failed.</desc>',
    );
  });

  it('has a target and no bad side for the share of submissions', () => {
    const svg = String(intervalChart('x', { ...LINE, rule: 'sample-ratio' }));
    expect(svg).toContain('target 1 %');
    expect(svg).not.toContain('beyond');
  });

  it('is left out when nothing was seen, or nothing that can be drawn', () => {
    expect(intervalChart('x', { ...LINE, interval: null })).toBeNull();
    const endless = { ...interval(1, 1, Number.POSITIVE_INFINITY), limit: 1.25, unit: 'ratio' } as const;
    expect(intervalChart('x', { ...LINE, rule: 'latency', interval: endless })).toBeNull();
  });
});

describe('the times of both backends', () => {
  it('are in order on the scale, the slower further right', () => {
    const svg = quantileChart('x', successfulReport().total);
    const ranges = positions(svg, 'range', 'x1').map((from, i) => [from, positions(svg, 'range', 'x2')[i]]);
    expect(ranges).toHaveLength(6);
    for (const [p50 = Number.NaN, p99 = Number.NaN] of ranges) expect(p50).toBeLessThan(p99);
    const [stable, canary] = ranges;
    expect(stable?.[0] ?? 0).toBeLessThan(canary?.[0] ?? 0);
  });

  it('hold for no time at all and for days', () => {
    const timings = { wait: { p50: 0, p95: 0, p99: 200_000_000 }, run: null, total: null };
    const { backends } = { ...BLANK_TASK, backends: { stable: { ...NO_SIDE, timings }, canary: NO_SIDE } };
    const svg = quantileChart('x', { backends });
    expect(positions(svg, 'range', 'x1')[0]).toBeGreaterThan(20);
    expect(positions(svg, 'range', 'x2')[0]).toBeLessThan(99);
    expect(String(svg)).toContain('canary not timed');
  });

  it('are no chart when nothing was timed', () => {
    expect(quantileChart('x', BLANK_TASK)).toBeNull();
  });
});

/** WCAG 2.2's relative luminance and contrast ratio. */
function contrast(one: string, other: string): number {
  const luminance = (hex: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
      const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

describe.each([
  ['light', LIGHT],
  ['dark', DARK],
])('the %s palette', (_, palette: Palette) => {
  it('knows black on white', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
  });

  it.each(['text', 'muted', 'stable', 'canary', 'successful', 'failed', 'inconclusive'] as const)(
    'is readable: %s',
    (name) => {
      for (const ground of ['page', 'surface'] as const)
        expect(contrast(palette[name], palette[ground])).toBeGreaterThanOrEqual(4.5);
    },
  );
});
