import { scaleLinear } from 'd3-scale';
import type { VerdictLine } from '../domain/report.ts';
import { percent } from '../domain/wording.ts';
import { at, chartSvg, extentOf, horizontal, label, stripes, vertical } from './chart.ts';
import { type Markup, markup } from './markup.ts';
import { factor, factorRange, percentRange, points, pointsRange } from './numbers.ts';

type Seen = NonNullable<VerdictLine['interval']>;

const LIMIT_TOP = 14;
const BAR = 26;
const FLOOR = 38;
const HEIGHT = 54;

/**
 * An interval against its limit: is all of it on the good side? The side beyond the limit is striped; a share of
 * submissions has no bad side, only a target that the interval should hold.
 */
export function intervalChart(id: string, line: VerdictLine): Markup | null {
  const { interval } = line;
  if (interval === null || !isDrawable(interval)) return null;
  const words = WORDS[line.rule];
  const neutral = interval.unit === 'ratio' ? 1 : line.rule === 'sample-ratio' ? null : 0;
  const known = [interval.low, interval.high, interval.estimate, interval.limit];
  if (neutral !== null) known.push(neutral);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const room = (most - least) * 0.12 || Math.abs(most) * 0.1 || 0.01;
  const scale = scaleLinear([least - room, most + room], [0, 100]);
  const limit = scale(interval.limit);
  const hasBadSide = line.rule !== 'sample-ratio';
  const beyond = markup`<rect class="beyond" x="${at(limit)}" y="${LIMIT_TOP + 4}" width="${at(100 - limit)}" height="${FLOOR - LIMIT_TOP - 4}"/><rect fill="url(#${id}-stripes)" x="${at(limit)}" y="${LIMIT_TOP + 4}" width="${at(100 - limit)}" height="${FLOOR - LIMIT_TOP - 4}"/>`;
  return chartSvg({
    id,
    title: `${line.title}: 95 % interval against its limit`,
    description: `${words.estimate(interval.estimate)}, interval ${words.range(interval)}; ${words.limitName} ${words.limit(interval.limit)}. ${line.verdict}.`,
    heightPx: HEIGHT,
    content: [
      ...(hasBadSide ? [stripes(`${id}-stripes`), beyond] : []),
      horizontal(0, 100, FLOOR, 'axis'),
      ...(neutral === null ? [] : [vertical(scale(neutral), LIMIT_TOP + 4, FLOOR, 'neutral')]),
      vertical(limit, LIMIT_TOP, FLOOR, 'limit'),
      label(limit, LIMIT_TOP - 4, `${words.limitName} ${words.limit(interval.limit)}`, 'limit-label'),
      horizontal(scale(interval.low), scale(interval.high), BAR, `seen ${line.verdict}`),
      vertical(scale(interval.low), BAR - 5, BAR + 5, `seen-end ${line.verdict}`),
      vertical(scale(interval.high), BAR - 5, BAR + 5, `seen-end ${line.verdict}`),
      markup`<circle class="estimate ${line.verdict}" cx="${at(scale(interval.estimate))}" cy="${BAR}" r="4.5"/>`,
      ...numbersBelow(interval, scale, words, neutral),
    ],
  });
}

interface Words {
  readonly limitName: string;
  readonly limit: (value: number) => string;
  readonly estimate: (value: number) => string;
  readonly range: (interval: Seen) => string;
}

const SHARE: Words = { limitName: 'limit', limit: percent, estimate: percent, range: percentRange };
const WORDS: Readonly<Record<VerdictLine['rule'], Words>> = {
  errors: { limitName: 'limit', limit: points, estimate: points, range: pointsRange },
  mismatches: SHARE,
  latency: { limitName: 'limit', limit: factor, estimate: factor, range: factorRange },
  'sample-ratio': { ...SHARE, limitName: 'target' },
};

/** What is written below the axis: the neutral value, then the interval's ends, as far as they do not run into each other. */
function numbersBelow(
  { low, high }: Seen,
  scale: (value: number) => number,
  words: Words,
  neutral: number | null,
): readonly Markup[] {
  const wanted = [low, high].map((value) => [scale(value), words.estimate(value)] as const);
  if (neutral !== null) wanted.unshift([scale(neutral), neutral === 1 ? 'the same' : '0']);
  const taken: (readonly [number, number])[] = [];
  return wanted.flatMap(([x, text]) => {
    const [from, to] = extentOf(x, text);
    if (taken.some(([start, end]) => from < end && to > start)) return [];
    taken.push([from, to]);
    return [label(x, HEIGHT - 3, text)];
  });
}

function isDrawable({ low, high, estimate, limit }: Seen): boolean {
  return [low, high, estimate, limit].every(Number.isFinite);
}
