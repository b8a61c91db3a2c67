import type { Verdict } from '../domain/report.ts';
import { timestamp } from '../domain/wording.ts';
import { type Markup, markup } from './markup.ts';
import { NOT_THERE, placeOf, VERDICT_WORDS } from './wording.ts';

const MARKS: Readonly<Record<Verdict | 'unjudged', Markup>> = {
  successful: markup`<path d="M4.6 8.3l2.3 2.4 4.5-5.2"/>`,
  failed: markup`<path d="M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4"/>`,
  inconclusive: markup`<path d="M6 6.4a2 2 0 1 1 3 1.6c-.7.4-1 .7-1 1.4M8 11.4v.2"/>`,
  unjudged: markup`<path d="M5 8h6"/>`,
};

/** Mark and word of a verdict; the mark is for the eye only. null: not judged. */
export function verdictBadge(verdict: Verdict | null, className = ''): Markup {
  const name = verdict ?? 'unjudged';
  const word = verdict === null ? 'Not judged' : VERDICT_WORDS[verdict];
  return markup`<span class="verdict ${name} ${className}"><svg aria-hidden="true" width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"><circle cx="8" cy="8" r="7"/>${MARKS[name]}</svg>${word}</span>`;
}

/** A table that scrolls within itself where the screen is narrow; reachable by keyboard then. */
export function scrollable(name: string, table: Markup): Markup {
  return markup`<div class="scroll" role="region" aria-label="${name}" tabindex="0">${table}</div>`;
}

/** Never how long ago: nobody knows when a page is read. */
export function time(at: number): Markup {
  return markup`<time datetime="${timestamp(at)}">${timestamp(at)}</time>`;
}

/** A user's value or place: in its own direction, whatever script it is written in. */
export function code(text: string): Markup {
  return markup`<code><bdi>${text}</bdi></code>`;
}

export function place(difference: { readonly path: string }): Markup {
  return difference.path === '' ? markup`${placeOf(difference)}` : code(difference.path);
}

export function value(text: string | null): Markup {
  return text === null ? markup`<span class="muted">${NOT_THERE}</span>` : code(text);
}
