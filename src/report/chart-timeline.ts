import { scaleUtc } from 'd3-scale';
import type { BackendName } from '../domain/task.ts';
import { count, duration, timestamp } from '../domain/wording.ts';
import { at, chartSvg, horizontal, label, vertical } from './chart.ts';
import { type Markup, markup } from './markup.ts';
import type { Bin, Timeline } from './timeline-bins.ts';

const BACKENDS: readonly BackendName[] = ['stable', 'canary'];
const ROW = 82;
const TITLE = 14;
const TOP = 22;
const BARS = 48;
const LEAST_FAILED = 3;
const DAY_MS = 86_400_000;

/**
 * When did it happen? One row of bars per backend, each on a scale of its own because canary may have a hundredth of
 * the tasks: succeeded above the line, failed below it.
 */
export function timelineChart(id: string, timeline: Timeline): Markup | null {
  const { binMs, from, to, bins } = timeline;
  if (bins.stable.length + bins.canary.length === 0) return null;
  const scale = scaleUtc([from, to], [0, 100]);
  const per = binMs === 60_000 ? 'minute' : duration(binMs);
  const bottom = BACKENDS.length * ROW;
  return chartSvg({
    id,
    title: `Finished tasks of both backends over time, per ${per}`,
    description: BACKENDS.map((name) => sentence(name, bins[name], per)).join(' '),
    heightPx: bottom + 16,
    content: [
      ...scale.ticks(4).map((tick) => vertical(scale(tick), TOP, bottom - 4, 'grid')),
      ...BACKENDS.flatMap((name, i) =>
        rowOf(name, bins[name], i * ROW, per, (when) => scale(when), (binMs / (to - from)) * 100),
      ),
      ...scale.ticks(4).map((tick) => label(scale(tick), bottom + 12, clock(tick, to - from))),
    ],
  });
}

function rowOf(
  name: BackendName,
  bins: readonly Bin[],
  top: number,
  per: string,
  x: (when: number) => number,
  widthPercent: number,
): readonly Markup[] {
  const most = Math.max(0, ...bins.map(({ succeeded }) => succeeded));
  const mostFailed = Math.max(0, ...bins.map(({ failed }) => failed));
  const height = (n: number) => (n / Math.max(1, most + mostFailed)) * BARS;
  const zero = Math.round(top + TOP + (mostFailed > 0 ? Math.min(height(most), BARS - LEAST_FAILED) : BARS));
  const bar = (when: number, y: number, size: number, className: string) =>
    markup`<rect class="${className}" x="${at(x(when) + widthPercent * 0.1)}" y="${y}" width="${at(widthPercent * 0.8)}" height="${size}"/>`;
  const peak =
    mostFailed > 0 ? `at most ${count(most)} and ${count(mostFailed)} failed` : `at most ${count(most)}`;
  return [
    markup`<text class="group" x="0" y="${top + TITLE}">${name}</text>`,
    markup`<text class="tick" x="100%" y="${top + TITLE}" text-anchor="end">${bins.length === 0 ? 'none finished' : `${peak} per ${per}`}</text>`,
    ...bins.flatMap(({ at: when, succeeded, failed }) => [
      ...(succeeded === 0 ? [] : [upward(succeeded, when)]),
      ...(failed === 0 ? [] : [bar(when, zero, tall(failed, LEAST_FAILED), 'failed-bar')]),
    ]),
    horizontal(0, 100, zero, 'axis'),
  ];

  function tall(n: number, least: number): number {
    return Math.max(least, Math.round(height(n) * 10) / 10);
  }
  function upward(n: number, when: number): Markup {
    const size = Math.min(tall(n, 1), zero - top - TOP + 1);
    return bar(when, Math.round((zero - size) * 10) / 10, size, `${name}-bar`);
  }
}

function sentence(name: BackendName, bins: readonly Bin[], per: string): string {
  const sum = (what: 'succeeded' | 'failed') => bins.reduce((n, bin) => n + bin[what], 0);
  const worst = bins.reduce<Bin | null>((most, bin) => (bin.failed > (most?.failed ?? 0) ? bin : most), null);
  const peak =
    worst === null ? '' : `, most of them at ${timestamp(worst.at)} with ${count(worst.failed)} per ${per}`;
  return `${name}: ${count(sum('succeeded'))} succeeded and ${count(sum('failed'))} failed${peak}.`;
}

function clock(when: Date, lengthMs: number): string {
  const iso = when.toISOString();
  if (lengthMs <= DAY_MS) return iso.slice(11, 16);
  return iso.endsWith('T00:00:00.000Z') ? iso.slice(5, 10) : `${iso.slice(5, 10)} ${iso.slice(11, 16)}`;
}
