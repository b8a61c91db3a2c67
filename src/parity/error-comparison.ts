import type { Observation } from '../domain/parity.ts';

/** A name or a code as such; anything else could be a sentence with somebody's data in it. */
const TOKEN = /^[\w$.:-]{1,80}$/;

/** How an error is called where nothing of the task's data may be shown: its name and code, never its message. */
export function errorLabel(error: { readonly name?: unknown; readonly code?: unknown } | undefined): string {
  const { name, code } = error ?? {};
  const shownName = typeof name === 'string' && TOKEN.test(name) ? name : 'an error without a plain name';
  return typeof code === 'string' && TOKEN.test(code) ? `${shownName} (${code})` : shownName;
}

/** Whether two runs failed in the same way: the same name, the same code, and messages that differ in passing things only. */
export function haveSameError(first: Observation, second: Observation): boolean {
  const a = first.error;
  const b = second.error;
  if (!a || !b) return a === b;
  return (
    a.name === b.name && a.code === b.code && normaliseMessage(a.message) === normaliseMessage(b.message)
  );
}

/** A message longer than this is compared by its beginning. */
const MOST_MESSAGE_LENGTH = 4096;

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** In this order: a date is not three numbers. Each looks ahead no further than its own match, so that no message is slow. */
const PASSING: readonly (readonly [pattern: RegExp, word: string])[] = [
  [/(["'`])(?:[a-z]:[\\/]|~?\.{0,2}\/|file:\/\/)[^"'`\n]*\1/gi, '<path>'],
  [new RegExp(`\\b(?:task-)?${UUID}\\b`, 'gi'), '<id>'],
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?/g, '<time>'],
  [/\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\b/g, '<time>'],
  [
    /\b\d+(?:\.\d+)?\s?(?:ns|[µμ]s|us|ms|s|secs?|seconds?|milliseconds?|m|mins?|minutes?|h|hours?|d|days?)\b/gi,
    '<duration>',
  ],
  // An id of digits only cannot be told from a number: both are the same to us.
  [/\b(?:0x[0-9a-f]+|[0-9a-f]{8,})\b/gi, '<number>'],
  [/(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?|\d+/gi, '<number>'],
];

/** A message with ids, numbers, times, durations and quoted paths replaced, which differ from run to run. */
export function normaliseMessage(message: string): string {
  let text = message.slice(0, MOST_MESSAGE_LENGTH);
  for (const [pattern, word] of PASSING) text = text.replace(pattern, word);
  return text;
}
