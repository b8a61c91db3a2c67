import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Document, isAlias, isMap, isScalar, type Pair, parseDocument } from 'yaml';
import type { FileChange } from '../domain/rollback.ts';
import { type EditPlan, editFile, type SettingChange, type Splice, withSplices } from './file-edit.ts';
import { describe, dotted } from './problems.ts';
import { readYaml } from './yaml-text.ts';

const SETTING = 'routing.celeryRatio';
const OFF = '0';

/**
 * Makes every ratio of a config file 0, routing.celeryRatio and those of single tasks, so that a restart agrees with a
 * rollback. Only the numbers' own characters change: comments, layout, line ends and quotes elsewhere stay.
 * A ratio that the file does not have is 0 already. Never throws; a missing file has no entry.
 */
export function writeZeroRatio(file: string): Promise<readonly FileChange[]> {
  return editFile(resolve(file), { setting: SETTING, after: OFF }, zeroRatios);
}

interface Ratio {
  readonly path: readonly string[];
  readonly pair: Pair;
}

function zeroRatios(text: string): EditPlan {
  const before = readYaml(text);
  if (before.problems) return { problem: `not a config file (${before.problems[0]?.path})` };
  const document = parseDocument(text, { schema: 'core', stringKeys: true });
  const ratios = ratiosIn(document);
  const edits = ratios.map((ratio) => editOf(document, ratio));
  const splices = new Map<number, Splice>();
  // An alias (*) to a whole mapping leads to the same number twice.
  for (const { splice } of edits) if (splice) splices.set(splice.start, splice);
  const next = withSplices(text, [...splices.values()]);
  const changes = edits.map(({ change }) => change);
  const after = readYaml(next);
  for (const [i, { path }] of ratios.entries()) if (edits[i]?.splice) put(before.value, path, 0);
  if (after.problems || !isDeepStrictEqual(after.value, before.value)) {
    const problem = 'its place in the text cannot be changed alone';
    return { text, changes: changes.map((each) => ({ ...each, status: 'failed', problem })) };
  }
  if (ratios.some(({ path }) => path.length === 2)) return { text: next, changes };
  const missing: SettingChange = {
    setting: SETTING,
    before: null,
    after: OFF,
    status: 'unchanged',
    problem: null,
  };
  return { text: next, changes: [missing, ...changes] };
}

function ratiosIn(document: Document): Ratio[] {
  const routing = pairOf(document, document.contents, 'routing')?.value;
  const own = pairOf(document, routing, 'celeryRatio');
  const tasks = resolved(document, pairOf(document, routing, 'tasks')?.value);
  const ofTasks = (isMap(tasks) ? tasks.items : []).flatMap(({ key, value }): Ratio[] => {
    const pair = pairOf(document, value, 'celeryRatio');
    return pair ? [{ path: ['routing', 'tasks', nameOf(key), 'celeryRatio'], pair }] : [];
  });
  return [...(own ? [{ path: ['routing', 'celeryRatio'], pair: own }] : []), ...ofTasks];
}

function editOf(
  document: Document,
  { path, pair }: Ratio,
): { readonly change: SettingChange; readonly splice: Splice | null } {
  const value = resolved(document, pair.value);
  const range = (pair.value as { range?: readonly number[] | null } | null)?.range;
  const setting = dotted(path);
  if (!isScalar(value) || !range) {
    const problem = 'not a number';
    return {
      change: { setting, before: null, after: OFF, status: 'failed', problem },
      splice: null,
    };
  }
  const [start = 0, end = 0] = range;
  const before = describe(value.value);
  if (value.value === 0)
    return { change: { setting, before, after: OFF, status: 'unchanged', problem: null }, splice: null };
  return {
    change: { setting, before, after: OFF, status: 'changed', problem: null },
    // `celeryRatio:` without a value ends with its colon.
    splice: { start, end, text: start === end ? ` ${OFF}` : OFF },
  };
}

function pairOf(document: Document, node: unknown, key: string): Pair | undefined {
  const mapping = resolved(document, node);
  return isMap(mapping) ? mapping.items.find((pair) => nameOf(pair.key) === key) : undefined;
}

function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

const nameOf = (key: unknown): string => String(isScalar(key) ? key.value : key);

function put(value: unknown, path: readonly string[], next: number): void {
  const last = path.at(-1) ?? '';
  let place = value as Record<string, unknown>;
  for (const key of path.slice(0, -1)) place = place[key] as Record<string, unknown>;
  place[last] = next;
}
