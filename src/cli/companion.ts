import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from './failure.ts';

/**
 * Runs a program that lies beside the library and that the library does not depend on: the demo, the benchmark.
 *
 * @param module from the package's root, without its extension, which is .ts in the sources and .js when built
 * @param name of the exported function: it takes the arguments and may return an exit code
 */
export async function runCompanion(module: string, name: string, argv: readonly string[]): Promise<void> {
  const url = new URL(`../../${module}${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
  if (!existsSync(url)) {
    throw new UsageError(`This installation comes without ${module}; it is in the project's repository.`);
  }
  const run = ((await import(url.href)) as Record<string, unknown>)[name];
  if (typeof run !== 'function') throw new UsageError(`${module} exports no function ${name}.`);
  const code: unknown = await run(argv);
  if (typeof code === 'number') process.exitCode = code;
}
