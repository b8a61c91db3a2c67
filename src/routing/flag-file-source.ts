import { readFile, stat } from 'node:fs/promises';
import { integrations, type platform } from 'launchdarkly-node-server-sdk';
import { HybridTaskError } from '../domain/errors.ts';
import { codeOf, withoutBom } from './flag-file.ts';
import { parseFlagFile } from './flag-schema.ts';

export interface FlagFileSource {
  /** For the SDK: its own file data source, reading through this object. */
  readonly updateProcessor: object;
  /** Starts to look for changes. Call it once the SDK has its first data. */
  watch(): void;
  /** What is wrong with the file now; the rules in force are then the last good ones. null: nothing. */
  problem(): string | null;
  /** False until a usable file was there once. */
  hasRules(): boolean;
  close(): void;
}

type WithoutFirst<F extends (...args: never[]) => unknown> =
  Parameters<F> extends [unknown, ...infer Rest] ? Rest : never;

const NO_FLAGS = '{}';

/**
 * LaunchDarkly's file data source on top of our own reading and watching.
 *
 * The SDK's own `autoUpdate` holds on to the file itself (fs.watch): it misses every second change by an editor that writes
 * a new file and renames it, never notices a file that appears later, and takes a typing error in silence. Here the
 * path is looked at every `pollMs`, and the SDK is handed only text that {@link parseFlagFile} has accepted.
 *
 * @throws {InvalidConfigError} the file is there and broken. A missing file is a problem, not an error.
 */
export async function openFlagFile(
  file: string,
  options: { readonly pollMs: number; readonly onProblem: (message: string) => void },
): Promise<FlagFileSource> {
  let text = NO_FLAGS;
  let revision = 1;
  let hasRules = false;
  let problem: string | null = null;
  let seen = '';
  let suspect: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let tellSdk = (): void => {};

  const take = async (): Promise<void> => {
    const next = withoutBom(await readFile(file, 'utf8'));
    parseFlagFile(next, file);
    if (next !== text) revision++;
    text = next;
    hasRules = true;
    problem = null;
  };

  /** Looks at the file before reading it, so that a change in between is found the next time. */
  const look = async (): Promise<void> => {
    const found = await signatureOf(file);
    if (found === seen) return;
    const before = revision;
    try {
      await take();
      seen = found;
      suspect = null;
      if (revision !== before) tellSdk();
    } catch (error) {
      // An editor may be half through writing: only what is still wrong at the next look is worth a word.
      if (suspect === found) {
        seen = found;
        problem = unusable(file, error, hasRules);
        options.onProblem(problem);
      }
      suspect = found;
    }
  };

  const again = (): void => {
    timer = setTimeout(() => void look().finally(() => isClosed || again()), options.pollMs);
    timer.unref();
  };

  seen = await signatureOf(file);
  try {
    await take();
  } catch (error) {
    if (error instanceof HybridTaskError) throw error;
    problem = unusable(file, error, hasRules);
    options.onProblem(problem);
  }

  const fileSystem: platform.Filesystem = {
    readFile: async () => text,
    getFileTimestamp: async () => revision,
    watch(path, callback) {
      tellSdk = () => callback('change', path);
      return { close: () => {} };
    },
  };
  // A fixed name: the SDK wants a YAML parser for some endings.
  const factory = new integrations.FileDataSourceFactory({
    paths: ['flags.json'],
    autoUpdate: true,
  }).getFactory();
  return {
    updateProcessor: (context: Parameters<typeof factory>[0], ...rest: WithoutFirst<typeof factory>) =>
      factory({ ...context, platform: { ...context.platform, fileSystem } }, ...rest),
    watch: again,
    problem: () => problem,
    hasRules: () => hasRules,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** Differs whenever the path leads to another file or other contents. Follows links, as config mounts need it. */
async function signatureOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return codeOf(error);
  }
}

function unusable(file: string, error: unknown, hasRules: boolean): string {
  const what =
    error instanceof HybridTaskError
      ? error.message
      : `The flag file ${file} cannot be read (${codeOf(error)}).`;
  return `${what}\n${hasRules ? 'The last good flags stay in force.' : 'Until it is there, the ratio decides.'}`;
}
