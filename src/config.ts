import { resolve } from 'node:path';
import { readDotenv, readEnvironment } from './config/environment.ts';
import { readConfigText, readSettings, unusableFile } from './config/file.ts';
import type { HybridConfig, HybridConfigInput } from './config/model.ts';
import { affectedBy, allBesidePlace, isBesidePlace, partsOf, readWithout } from './config/place.ts';
import { checkSettings, resolveSettings } from './config/resolution.ts';
import { InvalidConfigError } from './domain/errors.ts';

export { parseConfig } from './config/file.ts';
export type {
  CanarySettings,
  FlagSettings,
  HybridConfig,
  HybridConfigInput,
  LogLevel,
  RedisSettings,
  RoutingSection,
  StableSettings,
  WorkerSettings,
} from './config/model.ts';
export { describeConfig, withPrefixes } from './config/redaction.ts';
export { routingOf } from './config/resolution.ts';
export { type ConfigWatcher, type ConfigWatchHandlers, watchConfig } from './config/watch.ts';

/** Read when it is there and no other file is named. Relative to the working directory. */
export const DEFAULT_CONFIG_FILE = 'config/hybrid.yaml';

export interface LoadConfigOptions {
  /** The file to read, relative to `cwd`. @default 'config/hybrid.yaml' if it exists, else the built-in defaults */
  readonly file?: string | undefined;
  /** The environment. It goes before a `.env` file in `cwd`, and both go before the file. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Where relative paths start, those in the file too. @default process.cwd() */
  readonly cwd?: string | undefined;
}

/**
 * Reads the settings from file, `.env` and environment, checks them and fills in the defaults.
 *
 * @throws {InvalidConfigError} listing everything that is wrong; also when a file that was named is not there
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<HybridConfig> {
  const cwd = resolve(options.cwd ?? '.');
  const source = options.file ?? DEFAULT_CONFIG_FILE;
  const path = resolve(cwd, source);
  const text = await readConfigText(path, source);
  if (text === null && options.file !== undefined) throw unusableFile(source, 'no file there');
  const environment = readEnvironment(options.env ?? process.env, await readDotenv(cwd));
  const origin = { source, file: text === null ? null : path, cwd };
  return resolveSettings(text === null ? checkSettings({}) : readSettings(text), environment, origin);
}

/** Settings, perhaps without some of their parts. */
export interface SoundConfig {
  readonly config: HybridConfig;
  /** What was wrong; null: nothing. */
  readonly mistakes: InvalidConfigError | null;
  /** Sections and variables that were left out for it, or have not all that was meant for them. */
  readonly without: ReadonlySet<string>;
}

/**
 * For looking at a system and for freezing it, neither of which is to wait until somebody has mended the file: as
 * loadConfig, but a mistake that leaves no doubt about namespace and control Redis is handed back instead of thrown, and its section left out.
 *
 * @throws {InvalidConfigError} listing everything that is wrong
 */
export async function loadSoundConfig(options: LoadConfigOptions = {}): Promise<SoundConfig> {
  try {
    return { config: await loadConfig(options), mistakes: null, without: new Set() };
  } catch (error) {
    if (!(error instanceof InvalidConfigError) || !error.problems.every(isBesidePlace)) throw error;
    const cwd = resolve(options.cwd ?? '.');
    const source = options.file ?? DEFAULT_CONFIG_FILE;
    const file = resolve(cwd, source);
    const text = await readConfigText(file, source);
    const dotenv = await readDotenv(cwd);
    const variables = { ...dotenv, ...(options.env ?? process.env) };
    const origin = { source, file: text === null ? null : file, cwd };
    const read = (without: ReadonlySet<string>): SoundConfig => {
      const sound = Object.entries(variables).filter(([name]) => !without.has(name));
      const environment = readEnvironment(Object.fromEntries(sound));
      const config = resolveSettings(readWithout(without, text ?? ''), environment, origin);
      return { config, mistakes: error, without: affectedBy(without) };
    };
    try {
      return read(partsOf(error.problems));
    } catch {
      // What is left does not fit together with the defaults.
      return read(allBesidePlace());
    }
  }
}

/**
 * Settings that a program writes itself instead of a file. No file and no environment is read, unless one is given.
 *
 * @throws {InvalidConfigError} listing everything that is wrong
 */
export function resolveConfig(
  input: HybridConfigInput = {},
  options: Omit<LoadConfigOptions, 'file'> = {},
): HybridConfig {
  const origin = { source: 'The given config', file: null, cwd: resolve(options.cwd ?? '.') };
  return resolveSettings(checkSettings(input), readEnvironment(options.env ?? {}), origin);
}

/**
 * Whatever a program may name as its config. Settings that it writes itself are checked like a file's, and the
 * environment goes before them.
 *
 * @throws {InvalidConfigError} listing everything that is wrong
 */
export async function configFrom(
  given: string | HybridConfig | HybridConfigInput | undefined,
): Promise<HybridConfig> {
  if (given === undefined || typeof given === 'string') return loadConfig({ file: given });
  // Only a loaded config says which file it came from.
  if (typeof given === 'object' && given !== null && 'file' in given) return given as HybridConfig;
  return resolveConfig(given, { env: process.env });
}
