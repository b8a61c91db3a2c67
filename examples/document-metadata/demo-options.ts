import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { errors } from '../../src/index.ts';

export interface DemoOptions {
  /** Absolute path of a folder or file. null: the READMEs of the installed dependencies. */
  readonly folder: string | null;
  /** null: the config's. */
  readonly ratio: number | null;
  /** Absolute path. */
  readonly outDir: string;
  /** Documents at most; null: all. */
  readonly limit: number | null;
  readonly json: boolean;
  /** Rehearses the way back instead of reading documents. */
  readonly drill: boolean;
}

/**
 * @throws {CommanderError} help was asked for (its exitCode is 0), or an option is not right
 * @throws {InvalidRatioError}
 */
export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  const program = new Command('hybrid demo')
    .description(
      'Runs real documents through both backends: finds a summary and keywords for every chunk of them.\n' +
        'npm run demo -- [options] [folder] is the same.',
    )
    .argument('[folder]', 'folder or file with .md, .txt or .html (default: the READMEs in node_modules)')
    .option('--ratio <0..1>', 'share of the documents that goes to BullMQ (default: 0.25)', parseRatio)
    .option('--out <dir>', 'where the results go (default: a folder below .hybrid/demo)')
    .option('--limit <n>', 'read at most so many documents (default: all)', parseLimit)
    .option('--json', 'print one JSON object instead of the summary')
    .addOption(
      new Option('--drill', 'no documents: rehearse the rollback, as hybrid drill does').conflicts([
        'ratio',
        'out',
        'limit',
      ]),
    )
    .helpOption('--help', 'explain this')
    .addHelpText(
      'after',
      `
Redis is REDIS_URL, or a private one that ends with the demo. Ctrl-C is fine: the same command goes on from there.
Exit codes: 0 done, 1 failed, 2 usage, 3 frozen, 130 interrupted.`,
    )
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .parse([...argv], { from: 'user' });
  const given = program.opts<{ ratio?: number; out?: string; limit?: number; json?: true; drill?: true }>();
  const [folder] = program.args;
  if (given.drill && folder !== undefined)
    program.error(`error: option '--drill' reads no documents, so it takes no folder`);
  const path = folder === undefined ? null : resolve(folder);
  return {
    folder: path,
    ratio: given.ratio ?? null,
    outDir: given.out === undefined ? defaultOutDir(path) : resolve(given.out),
    limit: given.limit ?? null,
    json: given.json === true,
    drill: given.drill === true,
  };
}

/** A folder for each source, so that two of them do not mix. */
function defaultOutDir(folder: string | null): string {
  const home = resolve('.hybrid', 'demo');
  if (folder === null) return join(home, 'installed-dependencies');
  const readable = basename(folder)
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .slice(0, 40);
  return join(home, `${readable || 'root'}-${createHash('sha256').update(folder).digest('hex').slice(0, 6)}`);
}

/** Digits only: Number() alone would also take blanks and 0x1. @throws {InvalidRatioError} */
function parseRatio(given: string): number {
  const ratio = /^(\d+(\.\d*)?|\.\d+)$/.test(given) ? Number(given) : Number.NaN;
  if (!(ratio >= 0 && ratio <= 1)) throw new errors.InvalidRatioError(given);
  return ratio;
}

function parseLimit(given: string): number {
  const limit = Number(given);
  if (/^\d+$/.test(given) && limit >= 1 && Number.isSafeInteger(limit)) return limit;
  throw new InvalidArgumentError('Allowed: a whole number from 1.');
}
