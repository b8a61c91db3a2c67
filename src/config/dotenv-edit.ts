import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'dotenv';
import type { FileChange } from '../domain/rollback.ts';
import { hideSecrets } from '../domain/secrets.ts';
import { type EditPlan, editFile, type SettingChange, type Splice, withSplices } from './file-edit.ts';

interface Switch {
  readonly name: string;
  readonly off: string;
  readonly isOff: RegExp;
}

/** CELERY_RATIO too: it goes before the config file's ratio, and above 0 it is refused beside USE_CELERY=false. */
const SWITCHES: readonly Switch[] = [
  { name: 'USE_CELERY', off: 'false', isOff: /^false$/i },
  { name: 'CELERY_RATIO', off: '0', isOff: /^(0+(\.0*)?|\.0+)$/ },
];

/**
 * An assignment as dotenv reads it: `export` may stand before it, a colon for the equals sign; a value in quotes may
 * have several lines. All names are read, lest a line inside another variable's value be taken for ours.
 */
const ASSIGNMENT =
  /^\s*(?:export\s+)?(?<name>[\w.-]+)(?:\s*=|:\s)\s*?(?<value>\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$/dgm;

/**
 * Makes USE_CELERY false and CELERY_RATIO 0 in a folder's `.env`: each where it is there and says something, in every
 * assignment of its name. Only the value's own characters change. Never throws; a missing file has no entry.
 */
export function switchOffInDotenv(cwd: string): Promise<readonly FileChange[]> {
  return editFile(resolve(cwd, '.env'), { setting: 'USE_CELERY', after: 'false' }, switchOff);
}

function switchOff(text: string): EditPlan {
  const assignments = [...text.matchAll(ASSIGNMENT)].flatMap(givenIn);
  const expected = parse(text);
  const changes: SettingChange[] = [];
  const splices: Splice[] = [];
  for (const { name, off, isOff } of SWITCHES) {
    const own = assignments.filter((each) => each.name === name);
    const toChange = own.filter(({ value }) => !isOff.test(value));
    const shown = toChange.at(-1) ?? own.at(-1);
    if (!shown) continue;
    // A quote that is missing makes the lines below part of the value.
    const isOneLine = toChange.every(({ value }) => !/[\r\n]/.test(value));
    changes.push({
      setting: name,
      before: isOneLine ? hideSecrets(shown.value) : null,
      after: off,
      status: !isOneLine ? 'failed' : toChange.length > 0 ? 'changed' : 'unchanged',
      problem: isOneLine ? null : 'its value has several lines: is a quote missing?',
    });
    if (!isOneLine) continue;
    splices.push(...toChange.map(({ start, end }) => ({ start, end, text: off })));
    const current = expected[name]?.trim();
    if (current && !isOff.test(current)) expected[name] = off;
  }
  const next = withSplices(text, splices);
  if (isDeepStrictEqual(parse(next), expected)) return { text: next, changes };
  return { problem: 'its text cannot be changed without changing more' };
}

interface Value {
  readonly name: string;
  readonly value: string;
  /** Place in the text, without the quotes. */
  readonly start: number;
  readonly end: number;
}

/** An empty value counts as not set, as in the config. */
function givenIn(match: RegExpMatchArray): Value[] {
  const [from = 0] = match.indices?.groups?.value ?? [];
  const given = match.groups?.value ?? '';
  const trimmed = given.trim();
  const inQuotes = /^(['"`])(.*)\1$/s.exec(trimmed)?.[2];
  const inner = inQuotes ?? trimmed;
  const value = inner.trim();
  if (value === '') return [];
  const start = from + given.indexOf(trimmed) + (inQuotes === undefined ? 0 : 1);
  return [{ name: match.groups?.name ?? '', value, start, end: start + inner.length }];
}
