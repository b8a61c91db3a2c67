/**
 * What changes a line without being seen: control characters, halves of surrogate pairs, code points that are none,
 * direction marks and invisible blanks. XML forbids some of them, and a terminal obeys others.
 */
const UNSEEN =
  /\p{Cc}|\p{Cs}|\p{Noncharacter_Code_Point}|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text of users on one line, with everything unseen as an escape like `\u001b`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (found) => SHORT[found] ?? escapeOf(found));
}

/** The same, but line ends stay. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

function escapeOf(found: string): string {
  const code = found.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  return code > 0xffff ? `\\u{${digits}}` : `\\u${digits.padStart(4, '0')}`;
}

/** At most so many characters, with the number of those left out. */
export function cut(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  const left = (characters.length - most).toLocaleString('en-US');
  return `${characters.slice(0, most).join('')} … (${left} more characters)`;
}
