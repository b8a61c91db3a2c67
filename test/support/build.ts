import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

const folders: string[] = [];

/**
 * Compiles the project into a folder of its own, so that no test sees an old build or disturbs one that is being used.
 * For tests of what is in `dist/`; others take compiled(). Types are not checked: `npm run check` does that.
 *
 * @returns the folder; what is `dist/` after `npm run build` is in its `dist/`. Removed at the end of the test file.
 */
export function buildProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hybrid-test-build-'));
  folders.push(folder);
  const compiler = join(process.cwd(), 'node_modules/.bin/tsc');
  const dist = join(folder, 'dist');
  execFileSync(compiler, ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', dist], { stdio: 'pipe' });
  for (const room of ['state', 'backends']) {
    cpSync(`src/${room}/lua`, join(dist, 'src', room, 'lua'), { recursive: true });
  }
  copyFileSync('package.json', join(folder, 'package.json'));
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'), 'dir');
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
