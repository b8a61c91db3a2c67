// The local flag file, for the faces: they do not look into the rooms. Rooms do not look up here either, so the
// function that writes files is handed to them.
import type { FileChange } from './domain/rollback.ts';
import { replaceFile } from './file-replacement.ts';
import * as flagFile from './routing/flag-file.ts';

export { type FlagSetting, type FlagSummary, readFlags } from './routing/flag-file.ts';

/** @see flagFile.setFlag */
export function setFlag(file: string, key: string, setting: string): Promise<void> {
  return flagFile.setFlag(file, key, setting, replaceFile);
}

/** @see flagFile.switchOffFlags */
export function switchOffFlags(
  file: string,
  isOurs: (key: string) => boolean,
): Promise<readonly FileChange[]> {
  return flagFile.switchOffFlags(file, isOurs, replaceFile);
}
