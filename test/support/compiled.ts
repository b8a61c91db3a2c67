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

const DAY_MS = 86_400_000;
const CACHE = 'node_modules/.cache/hybrid-compiled';
const PROGRAMS = ['src', 'examples', 'scripts/bench', 'test/support'];
/** What the programs read of the project, where they are. */
const BESIDE = ['config', 'scripts/ensure-redis.sh', 'package.json', 'tsconfig.json'];
let known: string | undefined;

/**
 * Compiles the project, once for each state of its sources: the folder's name is their hash, so no test ever runs an old
 * build. Compiled and not through a loader, because the tests start hundreds of processes. Types are not checked:
 * `npm run check` does that.
 *
 * @param file a TypeScript file of src, examples, scripts/bench or test/support
 * @returns its compiled form, in a folder that has the same folders and files as the project
 */
export function compiled(file: string): string {
  known ??= build();
  return join(known, relative('.', file).replace(/\.ts$/, '.js'));
}

function build(): string {
  const files = [...PROGRAMS, ...BESIDE].flatMap(filesOf);
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(file));
  const folder = resolve(CACHE, hash.digest('hex').slice(0, 16));
  if (!existsSync(folder)) compileTo(folder, files);
  return folder;
}

function compileTo(folder: string, files: readonly string[]): void {
  const draft = `${folder}.${randomUUID().slice(0, 8)}`;
  mkdirSync(draft, { recursive: true });
  const config = {
    extends: resolve('tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      allowImportingTsExtensions: false,
      rootDir: resolve('.'),
      outDir: draft,
    },
    include: PROGRAMS.map((name) => resolve(name)),
  };
  const project = join(draft, 'compile.json');
  writeFileSync(project, JSON.stringify(config));
  const compiler = resolve('node_modules/.bin/tsc');
  const { status, stdout } = spawnSync(compiler, ['-p', project], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The project does not compile:\n${stdout}`);
  for (const file of files) if (!file.endsWith('.ts')) cpSync(file, join(draft, file));
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
