import { batched } from '../domain/batch.ts';

/**
 * Items of one script call. Small, so that this process makes and reads rows while Redis works on others: in calls of 200
 * both wait for each other in turn (docs/benchmarks.md).
 */
const MAX_ROWS = 25;

/**
 * One row of a batch, as the scripts' `fieldsOf` reads it: each field ended by a newline. Fields are ids, numbers and
 * texts that JSON.stringify wrote, none of which can hold a newline.
 */
export function row(...fields: readonly (string | number)[]): string {
  return `${fields.join('\n')}\n`;
}

/** Rows that are sent close together share one call of a script, which answers each of them. */
export function batchedRows(
  send: (rows: readonly string[]) => Promise<readonly unknown[]>,
): (row: string) => Promise<unknown> {
  return batched(send, { maxItems: MAX_ROWS, weightOf: (text) => text.length });
}
