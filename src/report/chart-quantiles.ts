import { scaleLog } from 'd3-scale';
import type { Timing } from '../domain/aggregates.ts';
import type { ComparisonReport, Quantiles } from '../domain/report.ts';
import type { BackendName } from '../domain/task.ts';
import { count, milliseconds } from '../domain/wording.ts';
import { chartSvg, dot, horizontal, label, vertical } from './chart.ts';
import { type Markup, markup } from './markup.ts';
import { TIMING_WORDS } from './wording.ts';

const TIMINGS: readonly Timing[] = ['wait', 'run', 'total'];
const BACKENDS: readonly BackendName[] = ['stable', 'canary'];
const GROUP = 62;
const TITLE = 14;
const FIRST_ROW = 28;
const ROW = 18;
/** The words before the dots, in percent of the width. */
const GUTTER = 23;
/** Shorter than this is drawn as this: a logarithm has no zero. */
const SHORTEST_MS = 0.01;

/** Is canary slower, and where: in its queue, in the handler, for the median or only for the slowest? */
export function quantileChart(
  id: string,
  { backends }: Pick<ComparisonReport['total'], 'backends'>,
): Markup | null {
  const timed = TIMINGS.filter((timing) => BACKENDS.some((name) => backends[name].timings[timing] !== null));
  const values = timed.flatMap((timing) =>
    BACKENDS.flatMap((name) => Object.values(backends[name].timings[timing] ?? {}) as number[]),
  );
  if (values.length === 0 || !values.every(Number.isFinite)) return null;
  const [from, to] = decades(values);
  const scale = scaleLog([from, to], [GUTTER, 98]).clamp(true);
  const bottom = timed.length * GROUP;
  const ticks = decadesBetween(from, to);
  return chartSvg({
    id,
    title: 'Times of both backends: median, 95th and 99th percentile, on a logarithmic scale',
    description: timed.map((timing) => sentence(timing, backends)).join(' '),
    heightPx: bottom + 20,
    content: [
      ...ticks.map((tick) => vertical(scale(tick), 0, bottom, 'grid')),
      ...thinned(ticks).map((tick) => label(scale(tick), bottom + 14, tickText(tick))),
      ...timed.flatMap((timing, i) =>
        groupOf(timing, i * GROUP, backends, (ms) => scale(Math.max(ms, SHORTEST_MS))),
      ),
    ],
  });
}

function groupOf(
  timing: Timing,
  top: number,
  backends: ComparisonReport['total']['backends'],
  x: (ms: number) => number,
): readonly Markup[] {
  const title = capital(TIMING_WORDS[timing]);
  return [
    markup`<text class="group" x="0" y="${top + TITLE}">${title}</text>`,
    ...BACKENDS.flatMap((name, i) => {
      const y = top + FIRST_ROW + i * ROW;
      const times = backends[name].timings[timing];
      const row = markup`<text class="tick" x="0" y="${y + 4}">${name}</text>`;
      if (times === null)
        return [row, markup`<text class="tick" x="${GUTTER}%" y="${y + 4}">not timed</text>`];
      return [
        row,
        horizontal(x(times.p50), x(times.p99), y, `range ${name}-line`),
        dot(x(times.p99), y, name, 3.5, true),
        dot(x(times.p95), y, name, 3, false),
        dot(x(times.p50), y, name, 5.5, false),
      ];
    }),
  ];
}

function sentence(timing: Timing, backends: ComparisonReport['total']['backends']): string {
  const text = (times: Quantiles | null) =>
    times === null
      ? 'not timed'
      : `p50 ${milliseconds(times.p50)}, p95 ${milliseconds(times.p95)}, p99 ${milliseconds(times.p99)}`;
  const { stable, canary } = backends;
  return `${capital(TIMING_WORDS[timing])}: stable ${text(stable.timings[timing])}; canary ${text(canary.timings[timing])}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Powers of ten around all values. */
function decades(values: readonly number[]): readonly [number, number] {
  const low = Math.floor(Math.log10(Math.max(SHORTEST_MS, Math.min(...values))));
  const high = Math.ceil(Math.log10(Math.max(SHORTEST_MS, ...values)));
  return [10 ** low, 10 ** (high > low ? high : low + 1)];
}

function decadesBetween(from: number, to: number): readonly number[] {
  const [first, last] = [Math.round(Math.log10(from)), Math.round(Math.log10(to))];
  return Array.from({ length: last - first + 1 }, (_, i) => Number((10 ** (first + i)).toPrecision(1)));
}

/** One number and one unit. */
function tickText(ms: number): string {
  return ms < 1_000 ? milliseconds(ms) : `${count(ms / 1_000)} s`;
}

/** Not more words on the axis than a telephone has room for. */
function thinned(ticks: readonly number[]): readonly number[] {
  const step = Math.ceil(ticks.length / 5);
  return ticks.filter((_, i) => i % step === 0);
}
