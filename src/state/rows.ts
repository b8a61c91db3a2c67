/**
 * One row of a batch, as the scripts' `fieldsOf` reads it: each field ended by a newline. Fields are ids, numbers and
 * texts that JSON.stringify wrote, none of which can hold a newline.
 */
export function row(...fields: readonly (string | number)[]): string {
  return `${fields.join('\n')}\n`;
}
