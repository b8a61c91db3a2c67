import { readFile } from 'node:fs/promises';
import { InvalidConfigError } from '../domain/errors.ts';
import { checkSettings, type SettingsReading } from './resolution.ts';
import type { FileSettings } from './schema.ts';
import { readYaml } from './yaml-text.ts';

/** Reads and checks YAML text. Never throws. */
export function readSettings(text: string): SettingsReading {
  const yaml = readYaml(text);
  return yaml.problems ? { problems: yaml.problems } : checkSettings(yaml.value);
}

/**
 * Checks the text of a config file by itself, without the environment.
 * @param source how an error names the file
 * @throws {InvalidConfigError} with all its problems
 */
export function parseConfig(text: string, source: string): FileSettings {
  const { settings, problems } = readSettings(text);
  if (problems) throw new InvalidConfigError(source, problems);
  return settings;
}

/**
 * The text of a config file; null: there is no such file.
 * @throws {InvalidConfigError} it is there and cannot be read
 */
export async function readConfigText(path: string, source: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw unusableFile(source, code === 'EISDIR' ? 'a folder' : `one that cannot be read (${code})`);
  }
}

export function unusableFile(source: string, given: string): InvalidConfigError {
  return new InvalidConfigError(source, [
    { path: 'file', given, allowed: 'the path of a readable YAML file' },
  ]);
}
