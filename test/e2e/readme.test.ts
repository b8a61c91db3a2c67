import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { buildProject } from '../support/build.ts';
import { settingsFor } from '../support/hybrid-system.ts';
import { redisUrl, uniqueName } from '../support/redis.ts';

/** The README's app, in a package of this project's name: there it finds the build as an app finds the package. */
let folder: string;

beforeAll(() => {
  const code = readFileSync('README.md', 'utf8').match(/^```ts\n(.*?)^```$/ms)?.[1];
  if (code === undefined) throw new Error('README.md has no block of TypeScript.');
  folder = buildProject();
  writeFileSync(join(folder, 'app.ts'), code);
  const settings = settingsFor(uniqueName('readme'));
  mkdirSync(join(folder, 'config'));
  writeFileSync(
    join(folder, 'config/hybrid.yaml'),
    stringify({ ...settings, routing: { celeryRatio: 0.25 } }),
  );
});

describe('the TypeScript of the README', () => {
  it("compiles strictly against the package's declarations, and runs", async () => {
    const config = {
      extends: resolve('tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        allowImportingTsExtensions: false,
        typeRoots: [resolve('node_modules/@types')],
      },
      include: [],
      files: ['app.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    try {
      execFileSync(resolve('node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      throw new Error(`It does not compile:\n${(error as { stdout: string }).stdout}`);
    }

    const env = { PATH: process.env.PATH ?? '', REDIS_URL: redisUrl() };
    const { stdout } = await execa(process.execPath, ['app.js'], {
      cwd: folder,
      env,
      extendEnv: false,
      timeout: 20_000,
    });
    const [submitted, result] = stdout.split('\n');
    expect(submitted).toMatch(/^\S+ (stable|canary) ratio$/);
    expect(result).toBe("{ path: 'cat.png.200.webp' }");
  });
});
