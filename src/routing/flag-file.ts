import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InvalidConfigError, show } from '../domain/errors.ts';
import type { FileChange } from '../domain/rollback.ts';
import {
  CONTEXT_KIND,
  FLAG_KEY_RULE,
  type FlagDefinition,
  type FlagFile,
  isFlagKey,
  parseFlagFile,
  WHOLE_ROLLOUT,
} from './flag-schema.ts';

/** `on` and `off` are booleans, `canary` and `stable` strings, `25%` a share of the sticky keys that gets true. */
export type FlagSetting = 'on' | 'off' | 'canary' | 'stable' | `${number}%`;

const SETTING_RULE =
  'on, off, canary, stable, or a percentage from 0% to 100% with at most 3 decimals, like 25%';
const PERCENTAGE = /^(\d{1,3}(?:\.\d{1,3})?)%$/;

export interface FlagSummary {
  readonly key: string;
  /** For people: `off`, `25% on`, `canary, 2 rules`. */
  readonly summary: string;
}

/** Replaces a file's text in one step. What it throws has a `code`, and the file is as it was. */
export type ReplaceFile = (file: string, text: string) => Promise<void>;

/**
 * Sets one flag of a local flag file and keeps everything else: other flags, and this flag's rules, targets and
 * salt, so that a percentage that grows only adds sticky keys. `off` turns the whole flag off, its rules too; the
 * other settings say what is served to whomever no rule names. A missing file or folder is made.
 *
 * Running processes see the change with their next look at the file. The file is replaced in one step.
 *
 * @throws {InvalidConfigError} for a key or setting that is not allowed (nothing is written), or a file that is
 * broken already or cannot be read or written
 */
export async function setFlag(
  file: string,
  key: string,
  setting: FlagSetting | (string & {}),
  replaceFile: ReplaceFile,
): Promise<void> {
  if (!isFlagKey(key))
    throw new InvalidConfigError(file, [{ path: 'key', given: show(key), allowed: FLAG_KEY_RULE }]);
  const percentage = PERCENTAGE.exec(setting);
  if (!['on', 'off', 'canary', 'stable'].includes(setting) && !(percentage && Number(percentage[1]) <= 100))
    throw new InvalidConfigError(file, [{ path: key, given: show(setting), allowed: SETTING_RULE }]);

  const content = (await readFlagFile(file)) ?? {};
  const text = textOf(withSetting(content, key, setting));
  parseFlagFile(text, file);
  try {
    await replaceFile(file, text);
  } catch (error) {
    throw new InvalidConfigError(file, [
      { path: '(file)', given: codeOf(error), allowed: 'a file that can be written' },
    ]);
  }
}

/**
 * Turns every flag off that `isOurs` and that says anything else, in one replacement of the file. Other flags stay, and
 * so do the rules of those turned off, for the day they are turned on again. A missing file has nothing to turn off.
 * Never throws.
 */
export async function switchOffFlags(
  file: string,
  isOurs: (key: string) => boolean,
  replaceFile: ReplaceFile,
): Promise<readonly FileChange[]> {
  const path = resolve(file);
  let content: FlagFile | null;
  try {
    content = await readFlagFile(path);
  } catch (error) {
    const [first] = error instanceof InvalidConfigError ? error.problems : [];
    const problem = first?.path === '(file)' ? first.given : `not a flag file (${first?.path})`;
    return [{ file: path, setting: 'flags', before: null, after: 'off', status: 'failed', problem }];
  }
  const ours = summariesOf(content ?? {}).filter(({ key }) => isOurs(key));
  const changes = ours.map(
    ({ key, summary }): FileChange => ({
      file: path,
      setting: key,
      before: summary,
      after: 'off',
      status: summary === 'off' ? 'unchanged' : 'changed',
      problem: null,
    }),
  );
  const toTurnOff = changes.filter(({ status }) => status === 'changed');
  if (content === null || toTurnOff.length === 0) return changes;
  try {
    const next = toTurnOff.reduce((flags, { setting }) => withSetting(flags, setting, 'off'), content);
    await replaceFile(path, textOf(next));
    return changes;
  } catch (error) {
    const problem = codeOf(error);
    return changes.map((each) => (each.status === 'changed' ? { ...each, status: 'failed', problem } : each));
  }
}

/**
 * The flags of a local flag file, by key. A missing file has none.
 *
 * @throws {InvalidConfigError} a file that is broken or cannot be read
 */
export async function readFlags(file: string): Promise<FlagSummary[]> {
  return summariesOf((await readFlagFile(file)) ?? {});
}

function summariesOf(content: FlagFile): FlagSummary[] {
  const summaries = [
    ...Object.entries(content.flags ?? {}).map(([key, flag]) => ({ key, summary: summaryOf(flag) })),
    ...Object.entries(content.flagValues ?? {}).map(([key, value]) => ({ key, summary: valueText(value) })),
  ];
  return summaries.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** @returns null if there is no such file */
async function readFlagFile(file: string): Promise<FlagFile | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new InvalidConfigError(file, [
      { path: '(file)', given: codeOf(error), allowed: 'a readable file' },
    ]);
  }
  return parseFlagFile(withoutBom(text), file);
}

function withSetting(content: FlagFile, key: string, setting: string): FlagFile {
  const { [key]: _replaced, ...flagValues } = content.flagValues ?? {};
  const flags = { ...content.flags, [key]: changed(content.flags?.[key], key, setting) };
  return content.flagValues === undefined ? { ...content, flags } : { ...content, flags, flagValues };
}

const textOf = (content: FlagFile): string => `${JSON.stringify(content, null, 2)}\n`;

function changed(flag: FlagDefinition | undefined, key: string, setting: string): FlagDefinition {
  const variations = [...(flag?.variations ?? [])];
  const variation = (value: boolean | string): number =>
    variations.includes(value) ? variations.indexOf(value) : variations.push(value) - 1;
  const percentage = PERCENTAGE.exec(setting)?.[1];
  const isNamed = setting === 'canary' || setting === 'stable';
  const yes = variation(isNamed ? 'canary' : true);
  const no = variation(isNamed ? 'stable' : false);
  const weight = Math.round((Number(percentage) * WHOLE_ROLLOUT) / 100);
  return {
    ...flag,
    key,
    on: setting !== 'off',
    variations,
    offVariation: no,
    fallthrough:
      percentage === undefined
        ? { variation: setting === 'on' || setting === 'canary' ? yes : no }
        : {
            rollout: {
              contextKind: CONTEXT_KIND,
              bucketBy: 'key',
              variations: [
                { variation: yes, weight },
                { variation: no, weight: WHOLE_ROLLOUT - weight },
              ],
            },
          },
    salt: flag?.salt ?? key,
    version: (flag?.version ?? 0) + 1,
  };
}

function summaryOf(flag: FlagDefinition): string {
  const text = (variation: number): string => valueText(flag.variations[variation]);
  if (!flag.on) {
    const served = flag.offVariation == null ? 'no answer' : text(flag.offVariation);
    return served === 'off' ? served : `turned off: ${served}`;
  }
  const { variation, rollout } = flag.fallthrough;
  const served =
    variation == null
      ? (rollout?.variations ?? [])
          .filter((each) => each.weight > 0)
          .map((each) => `${(each.weight * 100) / WHOLE_ROLLOUT}% ${text(each.variation)}`)
          .join(', ')
      : text(variation);
  return served + counted(flag.rules?.length, 'rule') + counted(flag.contextTargets?.length, 'target list');
}

function counted(count: number | undefined, noun: string): string {
  return count ? `, ${count} ${noun}${count === 1 ? '' : 's'}` : '';
}

function valueText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number') return `ratio ${value}`;
  return typeof value === 'string' ? show(value).slice(1, -1) : 'another value';
}

/** A system error's code, like `ENOENT`. */
export function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'an unknown error';
}

/** Windows editors put a byte order mark in front, which JSON.parse refuses. */
export function withoutBom(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
