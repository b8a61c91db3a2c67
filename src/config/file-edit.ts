import { readFile } from 'node:fs/promises';
import type { FileChange } from '../domain/rollback.ts';
import { replaceFile } from '../file-replacement.ts';

export type SettingChange = Omit<FileChange, 'file'>;

/** The text that a file would get, and what has changed in it; or why it cannot be edited, without its text. */
export type EditPlan =
  | { readonly text: string; readonly changes: readonly SettingChange[]; readonly problem?: undefined }
  | { readonly problem: string };

/** Characters that take the place of those from `start` up to `end`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Everything outside the splices stays. They must not overlap. */
export function withSplices(text: string, splices: readonly Splice[]): string {
  return [...splices]
    .sort((a, b) => b.start - a.start)
    .reduce((edited, { start, end, text: next }) => edited.slice(0, start) + next + edited.slice(end), text);
}

/**
 * Edits a file in one step. Never throws: what goes wrong is in the entries. A missing file has none.
 * @param whole what an entry is about when it is about the whole file
 */
export async function editFile(
  file: string,
  whole: Pick<FileChange, 'setting' | 'after'>,
  plan: (text: string) => EditPlan,
): Promise<readonly FileChange[]> {
  const failed = (problem: string): readonly FileChange[] => [
    { file, ...whole, before: null, status: 'failed', problem },
  ];
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? [] : failed(code);
  }
  const text = bytes.toString('utf8');
  // Written again, other bytes would become question marks.
  if (!Buffer.from(text, 'utf8').equals(bytes)) return failed('not UTF-8');
  const planned = plan(text);
  if (planned.problem !== undefined) return failed(planned.problem);
  const changes = planned.changes.map((change): FileChange => ({ file, ...change }));
  if (planned.text === text) return changes;
  try {
    await replaceFile(file, planned.text);
    return changes;
  } catch (error) {
    const problem = codeOf(error);
    return changes.map((each) => (each.status === 'changed' ? { ...each, status: 'failed', problem } : each));
  }
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code ?? 'an unknown error');
}
