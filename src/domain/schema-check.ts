import type { z } from 'zod';

export interface SchemaIssue {
  /** JSON pointer; '' is the value itself. */
  readonly path: string;
  readonly problem: string;
}

export type SchemaCheck =
  | { readonly isValid: true; readonly value: unknown }
  | { readonly isValid: false; readonly issues: readonly SchemaIssue[] };

/** A list of a hundred thousand wrong members is told by its first ones. */
const MOST_ISSUES = 20;

/**
 * Holds a value against a schema. Issues name places and rules, never values.
 * Never throws, even if the schema's own code does (a transform, or a refinement that is asynchronous).
 */
export function checkAgainst(schema: z.ZodType, value: unknown): SchemaCheck {
  try {
    const parsed = schema.safeParse(value);
    if (parsed.success) return { isValid: true, value: parsed.data };
    const issues = parsed.error.issues.slice(0, MOST_ISSUES).map(({ path, message }) => ({
      path: path.map((step) => `/${String(step)}`).join(''),
      problem: message,
    }));
    return { isValid: false, issues };
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.constructor.name : typeof thrown;
    const problem = `the schema itself threw ${what} (it has to work without promises, and to return)`;
    return { isValid: false, issues: [{ path: '', problem }] };
  }
}
