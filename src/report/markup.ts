import { visible, visibleLines } from './plain-text.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that is markup already. A class, so that no string of a user can pass for one. */
export class Markup {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

type Part = Markup | string | number | readonly Markup[];

/** A template for HTML, SVG and XML alike: every value that is not markup is escaped, for text and for attributes. */
export function markup(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(texts.map((text, i) => text + (i < parts.length ? textOf(parts[i] ?? '') : '')).join(''));
}

export const NOTHING: Markup = new Markup('');

/** Text over several lines, escaped; for `pre` and XML text. */
export function lines(text: string): Markup {
  return new Markup(escaped(visibleLines(text)));
}

function textOf(part: Part): string {
  if (part instanceof Markup) return part.toString();
  if (typeof part === 'object') return part.join('');
  return escaped(visible(String(part)));
}

/** The characters that mean something in HTML and XML, as entities. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
