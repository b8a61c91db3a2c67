import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';

export interface CliBuild {
  /** The compiled `hybrid`. */
  readonly main: string;
  /** The compiled test/support/app.ts. */
  readonly app: string;
}

const DAY_MS = 86_400_000;
const CACHE = 'node_modules/.cache/hybrid-cli';
let known: CliBuild | undefined;

/**
 * Compiles the sources, once for each state of them: the folder's name is their hash, so no test ever runs an old
 * build. Compiled and not through a loader, because a test file starts dozens of commands.
 */
export function cliBuild(): CliBuild {
  if (known) return known;
  const files = [
    'src',
    'tsconfig.json',
    'package.json',
    'test/support/app.ts',
    'test/support/cli-build.ts',
  ].flatMap(filesOf);
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(file));
  const folder = resolve(CACHE, hash.digest('hex').slice(0, 16));
  if (!existsSync(folder)) compileTo(folder, files);
  known = { main: join(folder, 'src/cli/main.js'), app: join(folder, 'test/support/app.js') };
  return known;
}

function compileTo(folder: string, files: readonly string[]): void {
  const draft = `${folder}.${randomUUID().slice(0, 8)}`;
  mkdirSync(draft, { recursive: true });
  const config = {
    extends: resolve('tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      allowImportingTsExtensions: false,
      rootDir: resolve('.'),
      outDir: draft,
    },
    include: [resolve('src'), resolve('test/support/app.ts')],
  };
  writeFileSync(join(draft, 'tsconfig.json'), JSON.stringify(config));
  const { stdout } = spawnSync(resolve('node_modules/.bin/tsc'), ['-p', join(draft, 'tsconfig.json')], {
    encoding: 'utf8',
  });
  if (!existsSync(join(draft, 'src/cli/main.js')))
    throw new Error(`The command line does not compile:\n${stdout}`);
  for (const file of files) {
    if (file.endsWith('.lua') || file === 'package.json') cpSync(file, join(draft, relative('.', file)));
  }
  // Not those of today: another run may be using them.
  for (const old of readdirSync(CACHE).map((name) => join(CACHE, name))) {
    if (Date.now() - statSync(old).mtimeMs > DAY_MS) rmSync(old, { recursive: true, force: true });
  }
  try {
    renameSync(draft, folder);
  } catch {
    // Another test process was first, with the same sources.
    rmSync(draft, { recursive: true, force: true });
  }
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
