import { z } from 'zod';
import { type ConfigProblem, InvalidConfigError, show } from '../domain/errors.ts';
import { findJsonSyntaxError } from './json-position.ts';

/** LaunchDarkly counts a rollout in thousandths of a percent. */
export const WHOLE_ROLLOUT = 100_000;
export const CONTEXT_KIND = 'task';

const FLAG_KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/;
export const FLAG_KEY_RULE =
  'a flag key: letters, digits, ".", "_" and "-", starting with a letter or digit, no name that every JavaScript object has';

const KIND_RULE = `"${CONTEXT_KIND}": submissions have only that kind, and LaunchDarkly takes a missing one for "user"`;
const index = z.int('the number of a variation, from 0').min(0, 'the number of a variation, from 0');

const rollout = z
  .looseObject({
    contextKind: z.literal(CONTEXT_KIND, KIND_RULE),
    bucketBy: z.string('an attribute of the context, like "key"').nullish(),
    variations: z
      .array(
        z.looseObject({
          variation: index,
          weight: z.number('a number from 0 to 100000').min(0, 'a number from 0 to 100000'),
        }),
        'a list of { variation, weight }',
      )
      .min(1, 'at least one { variation, weight }'),
  })
  .refine(
    (value) => value.variations.reduce((sum, each) => sum + each.weight, 0) === WHOLE_ROLLOUT,
    `weights that add up to ${WHOLE_ROLLOUT} (25 % is 25000)`,
  );

const served = { variation: index.nullish(), rollout: rollout.nullish() };
type Served = z.infer<z.ZodObject<typeof served>>;
const servesOne = (value: Served): boolean => (value.variation == null) !== (value.rollout == null);
const SERVES_ONE = 'either a variation or a rollout';

const clause = z
  .looseObject({
    attribute: z.string('the name of an attribute'),
    op: z.string('an operator of LaunchDarkly, like "in"'),
    values: z.array(z.unknown(), 'a list of values'),
    contextKind: z.string(KIND_RULE).nullish(),
  })
  .refine(
    (value) =>
      value.op === 'segmentMatch' || value.attribute === 'kind' || value.contextKind === CONTEXT_KIND,
    { path: ['contextKind'], error: KIND_RULE },
  );

const rule = z
  .looseObject({ ...served, clauses: z.array(clause, 'a list of clauses') })
  .refine(servesOne, SERVES_ONE);

const flag = z
  .looseObject({
    key: z.string('the same key as the one it stands under'),
    on: z.boolean('true or false'),
    variations: z.array(z.unknown(), 'a list of values').min(1, 'at least one value'),
    fallthrough: z
      .looseObject(served, '{ "variation": 0 } or { "rollout": … }')
      .refine(servesOne, SERVES_ONE),
    offVariation: index.nullish(),
    salt: z.string('a text').nullish(),
    version: z.int('a whole number').nullish(),
    targets: z
      .array(z.unknown())
      .max(0, `no entries: they are for users; use contextTargets with contextKind "${CONTEXT_KIND}"`)
      .nullish(),
    contextTargets: z
      .array(
        z.looseObject({
          contextKind: z.literal(CONTEXT_KIND, KIND_RULE),
          values: z.array(z.string('a sticky key'), 'a list of sticky keys'),
          variation: index,
        }),
        'a list of { contextKind, values, variation }',
      )
      .nullish(),
    rules: z.array(rule, 'a list of rules').nullish(),
  })
  .superRefine((value, context) => {
    for (const [path, used] of variationsUsed(value))
      if (used >= value.variations.length)
        context.addIssue({
          code: 'custom',
          path,
          message: `a variation from 0 to ${value.variations.length - 1}`,
          input: used,
        });
  });

const flagFile = z.looseObject(
  {
    flags: z.record(z.string(), flag, 'an object of flags').optional(),
    flagValues: z.record(z.string(), z.unknown(), 'an object of values').optional(),
    segments: z.record(z.string(), z.unknown(), 'an object of segments').optional(),
  },
  'an object with "flags" or "flagValues"',
);

export type FlagDefinition = z.infer<typeof flag>;
export type FlagFile = z.infer<typeof flagFile>;

/** Every variation that a flag can serve, with its place in the definition. */
function variationsUsed(value: FlagDefinition): [(string | number)[], number][] {
  const ofServed = (path: (string | number)[], place: Served): [(string | number)[], number][] => [
    ...(place.variation == null ? [] : [[[...path, 'variation'], place.variation] as [string[], number]]),
    ...(place.rollout?.variations ?? []).map((each, i): [(string | number)[], number] => [
      [...path, 'rollout', 'variations', i, 'variation'],
      each.variation,
    ]),
  ];
  return [
    ...ofServed(['fallthrough'], value.fallthrough),
    ...(value.offVariation == null ? [] : [[['offVariation'], value.offVariation] as [string[], number]]),
    ...(value.contextTargets ?? []).map((each, i): [(string | number)[], number] => [
      ['contextTargets', i, 'variation'],
      each.variation,
    ]),
    ...(value.rules ?? []).flatMap((each, i) => ofServed(['rules', i], each)),
  ];
}

/** Names like `constructor` are refused because the SDK's file source looks keys up in a plain object. */
export function isFlagKey(key: string): boolean {
  return FLAG_KEY.test(key) && !(key in {});
}

/**
 * Reads the text of a flag file in LaunchDarkly's format. Stricter than the SDK, which takes a missing field or a
 * weight of 25 in silence and then serves something else than was meant.
 *
 * @param file for the error message only
 * @throws {InvalidConfigError} naming the line and column, or every field that cannot be used
 */
export function parseFlagFile(text: string, file: string): FlagFile {
  const value = parseJson(text, file);
  const keyProblems = ['flags', 'flagValues', 'segments'].flatMap((section) => unusableKeys(value, section));
  const parsed = flagFile.safeParse(value, { reportInput: true });
  const problems = [
    ...keyProblems,
    ...(parsed.success ? crossProblems(parsed.data) : parsed.error.issues.map(problemOf)),
  ];
  if (problems.length > 0 || !parsed.success) throw new InvalidConfigError(file, problems);
  return parsed.data;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const where = findJsonSyntaxError(text);
    if (where === null)
      throw new InvalidConfigError(file, [{ path: '(top)', given: 'a text', allowed: 'JSON' }]);
    const path = `line ${where.line}, column ${where.column}`;
    throw new InvalidConfigError(file, [{ path, given: where.found, allowed: where.expected }]);
  }
}

/** zod drops `__proto__` without a word, so the keys are looked at before. */
function unusableKeys(value: unknown, section: string): ConfigProblem[] {
  const part = isObject(value) ? value[section] : undefined;
  if (!isObject(part)) return [];
  return Object.keys(part)
    .filter((key) => !isFlagKey(key))
    .map((key) => ({ path: section, given: show(key), allowed: FLAG_KEY_RULE }));
}

function crossProblems(file: FlagFile): ConfigProblem[] {
  return Object.entries(file.flags ?? {}).flatMap(([key, value]) => [
    ...(value.key === key
      ? []
      : [
          {
            path: `flags.${key}.key`,
            given: show(value.key),
            allowed: 'the same key as the one it stands under',
          },
        ]),
    ...(Object.hasOwn(file.flagValues ?? {}, key)
      ? [
          {
            path: `flagValues.${key}`,
            given: 'a second definition',
            allowed: 'a key in flags or in flagValues, not both',
          },
        ]
      : []),
  ]);
}

function problemOf(issue: z.core.$ZodIssue): ConfigProblem {
  return {
    path: issue.path.map(String).join('.') || '(top)',
    given:
      isObject(issue.input) || Array.isArray(issue.input)
        ? JSON.stringify(issue.input).slice(0, 80)
        : show(issue.input),
    allowed: issue.message,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
