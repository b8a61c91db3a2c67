import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RollbackReport } from '../index.ts';
import { say } from './output.ts';
import { rollbackMarkdown } from './rollback-markdown.ts';

const FOLDER = '.hybrid';

/** Keeps a report as JSON and as Markdown. A folder that cannot be written is told; the rollback has happened all the same. */
export async function writeReport(report: RollbackReport, place: string): Promise<readonly string[]> {
  const stamp = new Date(report.startedAt).toISOString().replace(/[-:]/g, '').replace(/\..*/, 'Z');
  const name = join(FOLDER, `rollback-${stamp}`);
  // Two runs in one second.
  for (let n = 1; ; n++) {
    const base = n === 1 ? name : `${name}-${n}`;
    const [json, md] = [resolve(`${base}.json`), resolve(`${base}.md`)];
    try {
      await mkdir(FOLDER, { recursive: true });
      await writeFile(json, `${JSON.stringify(report, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
      await writeFile(md, rollbackMarkdown(report, place), { flag: 'wx', mode: 0o600 });
      return [json, md];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST' && n < 100) continue;
      say(`warning: the report could not be written to ${FOLDER}/ (${code ?? String(error)}).`);
      return [];
    }
  }
}
