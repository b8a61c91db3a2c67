import type { z } from 'zod';
import { type ConfigProblem, show } from '../domain/errors.ts';
import { hideSecrets } from '../domain/secrets.ts';
import { nearest } from './suggestion.ts';

const FORBIDDEN_KEYS = ['__proto__', 'constructor', 'prototype'];
/** Deeper than any setting; also ends the walk through a value that contains itself. */
const MAX_DEPTH = 8;
const SECRET_PATHS = ['LAUNCHDARKLY_SDK_KEY'];

/** Shows what was given: scalars as they are written (secrets hidden), never the content of a list or a mapping. */
export function describe(given: unknown): string {
  if (given === undefined) return 'nothing';
  if (Array.isArray(given)) return 'a list';
  if (typeof given === 'object' && given !== null) return 'a mapping';
  return show(typeof given === 'string' ? hideSecrets(given) : given);
}

/** `routing.tasks."a b".celeryRatio`: dotted, a key in quotes where it would not read as one word. */
export function dotted(path: readonly PropertyKey[]): string {
  const words = path.map(String).map((key) => (/^[\w-]{1,100}$/.test(key) ? key : show(hideSecrets(key))));
  return words.join('.') || '(top)';
}

/** One problem per thing that is wrong, from zod's issues about `input`. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], input: unknown): ConfigProblem[] {
  return issues.flatMap((issue): ConfigProblem[] => {
    if (issue.code === 'unrecognized_keys') {
      const known = issue.message.split(', ');
      return issue.keys.map((key) => {
        const meant = nearest(key, known);
        const allowed = meant ? `${issue.message}. Did you mean ${meant}?` : issue.message;
        return { path: dotted([...issue.path, key]), given: 'an unknown key', allowed };
      });
    }
    const path = dotted(issue.path);
    if (issue.code === 'invalid_key') {
      const name = issue.path.at(-1);
      return [
        {
          path,
          given: `the key ${describe(String(name))}`,
          allowed: issue.issues[0]?.message ?? issue.message,
        },
      ];
    }
    const given = SECRET_PATHS.includes(path)
      ? 'a value that is not shown'
      : describe(valueAt(input, issue.path));
    return [{ path, given, allowed: issue.message }];
  });
}

/** Keys that could reach an object's prototype. zod drops some of them in silence, so they are looked for here. */
export function forbiddenKeys(value: unknown, path: readonly string[] = []): ConfigProblem[] {
  if (typeof value !== 'object' || value === null || path.length > MAX_DEPTH) return [];
  return Object.keys(value).flatMap((key) =>
    FORBIDDEN_KEYS.includes(key)
      ? [
          {
            path: dotted([...path, key]),
            given: `the key ${describe(key)}`,
            allowed: `any key but ${FORBIDDEN_KEYS.join(', ')}`,
          },
        ]
      : forbiddenKeys((value as Record<string, unknown>)[key], [...path, key]),
  );
}

/** The first problem of each path: a forbidden key need not be called unknown as well. */
export function oncePerPath(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Map<string, ConfigProblem>();
  for (const problem of problems) if (!seen.has(problem.path)) seen.set(problem.path, problem);
  return [...seen.values()];
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
