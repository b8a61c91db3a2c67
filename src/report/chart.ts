import { type Markup, markup } from './markup.ts';

/**
 * Charts are drawn in pixels from top to bottom and in percent from left to right, without a viewBox: they fill any
 * width, and their words keep their size on a telephone.
 */
export interface Chart {
  /** Unique in the document. */
  readonly id: string;
  /** The accessible name: what is shown. */
  readonly title: string;
  /** What it says, in words with numbers. */
  readonly description: string;
  readonly heightPx: number;
  readonly content: readonly Markup[];
}

export function chartSvg({ id, title, description, heightPx, content }: Chart): Markup {
  return markup`<svg class="chart" role="img" aria-labelledby="${id}-title" aria-describedby="${id}-desc" width="100%" height="${heightPx}">
<title id="${id}-title">${title}</title><desc id="${id}-desc">${description}</desc>
${content}</svg>`;
}

/** A position from left to right. */
export function at(percent: number): string {
  return `${Math.round(percent * 100) / 100}%`;
}

export function horizontal(from: number, to: number, y: number, className: string): Markup {
  return markup`<line class="${className}" x1="${at(from)}" x2="${at(to)}" y1="${y}" y2="${y}"/>`;
}

export function vertical(x: number, from: number, to: number, className: string): Markup {
  return markup`<line class="${className}" x1="${at(x)}" x2="${at(x)}" y1="${from}" y2="${to}"/>`;
}

/** A word at a place; near an edge it is written away from it, so that it is never cut off. */
export function label(x: number, y: number, text: string, className = 'tick'): Markup {
  const anchor = anchorOf(x);
  return markup`<text class="${className}" x="${at(x)}" y="${y}" text-anchor="${anchor}">${text}</text>`;
}

function anchorOf(x: number): 'start' | 'middle' | 'end' {
  return x < 12 ? 'start' : x > 88 ? 'end' : 'middle';
}

/** Where a label begins and ends, in percent of a telephone's width; there are no fonts to measure here. */
export function extentOf(x: number, text: string): readonly [from: number, to: number] {
  const width = (text.length + 1) * 2.4;
  const anchor = anchorOf(x);
  const from = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
  return [from, from + width];
}

/** stable is a disc, canary a diamond. */
export function dot(
  x: number,
  y: number,
  backend: 'stable' | 'canary',
  size: number,
  isHollow = false,
): Markup {
  const className = `${backend}${isHollow ? ' hollow' : ''}`;
  if (backend === 'stable') return markup`<circle class="${className}" cx="${at(x)}" cy="${y}" r="${size}"/>`;
  const d = Math.round(size * 1.25 * 10) / 10;
  return markup`<svg class="anchor" x="${at(x)}" y="${y}"><path class="${className}" d="M0 ${-d}L${d} 0 0 ${d} ${-d} 0z"/></svg>`;
}

/** The same marks beside words, for a legend; hidden from screen readers, who have the words. */
export function legendMark(kind: 'stable' | 'canary' | 'failed', isHollow = false): Markup {
  const shape =
    kind === 'failed'
      ? markup`<rect class="failed-bar" x="2" y="2" width="8" height="8"/>`
      : dotOf(kind, isHollow);
  return markup`<svg class="mark" aria-hidden="true" width="12" height="12">${shape}</svg>`;
}

function dotOf(kind: 'stable' | 'canary', isHollow: boolean): Markup {
  const className = `${kind}${isHollow ? ' hollow' : ''}`;
  return kind === 'stable'
    ? markup`<circle class="${className}" cx="6" cy="6" r="4"/>`
    : markup`<path class="${className}" d="M6 1L11 6 6 11 1 6z"/>`;
}

/** Stripes for an area, so that it does not rest on colour. */
export function stripes(id: string): Markup {
  return markup`<defs><pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="stripe" width="1.5" height="6"/></pattern></defs>`;
}
