import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { errors } from '../../src/index.ts';
import { INJECTIONS, type Injection } from './injection.ts';

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
  /** What is to go wrong on canary; null: nothing. */
  readonly injection: Injection | null;
  /** Rehearses the way back instead of reading documents. */
  readonly drill: boolean;
}

interface GivenOptions {
  readonly ratio?: number;
  readonly out?: string;
  readonly limit?: number;
  readonly inject?: Injection;
  readonly json?: true;
  readonly drill?: true;
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
    .addOption(
      new Option('--inject <fault>', 'let canary go wrong, to see that the report finds it').choices(
        Object.keys(INJECTIONS),
      ),
    )
    .option('--json', 'print one JSON object instead of the summary')
    .addOption(
      new Option('--drill', 'no documents: rehearse the rollback, as hybrid drill does').conflicts([
        'ratio',
        'out',
        'limit',
        'inject',
      ]),
    )
    .helpOption('--help', 'explain this')
    .addHelpText(
      'after',
      `
Half of what goes to stable also runs on canary, and the answers are compared. At the end: the verdict, and the
report as HTML in the folder of the results.

Faults, always the same chunks of a document, and only on canary:
${faults()}
Such a run has a namespace of its own, so that it never mixes with the others.

Redis is REDIS_URL, or a private one that ends with the demo. Ctrl-C is fine: the same command goes on from there.
Exit codes: 0 done, whatever the verdict (with --inject, chunks may fail), 1 failed, 2 usage, 3 frozen, 130 interrupted.`,
    )
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .parse([...argv], { from: 'user' });
  const given = program.opts<GivenOptions>();
  const injection = given.inject ?? null;
  const [folder] = program.args;
  if (given.drill && folder !== undefined)
    program.error(`error: option '--drill' reads no documents, so it takes no folder`);
  const path = folder === undefined ? null : resolve(folder);
  return {
    folder: path,
    ratio: given.ratio ?? null,
    outDir: given.out === undefined ? defaultOutDir(path, injection) : resolve(given.out),
    limit: given.limit ?? null,
    json: given.json === true,
    injection,
    drill: given.drill === true,
  };
}

function faults(): string {
  const all = Object.entries(INJECTIONS).map(([name, { what }]) => `  ${name.padEnd(8)}  ${what}`);
  return all.join('\n');
}

/** A folder for each source, so that two of them do not mix; spoiled results have one of their own, too. */
function defaultOutDir(folder: string | null, injection: Injection | null): string {
  const home = resolve('.hybrid', 'demo');
  const suffix = injection === null ? '' : `-inject-${injection}`;
  if (folder === null) return join(home, `installed-dependencies${suffix}`);
  const readable = basename(folder)
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .slice(0, 40);
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 6);
  return join(home, `${readable || 'root'}-${digest}${suffix}`);
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
