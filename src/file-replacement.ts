import { randomUUID } from 'node:crypto';
import {
  access,
  constants,
  type FileHandle,
  mkdir,
  open,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Nobody may write the file: a ConfigMap, or somebody's deliberate chmod. */
export class ReadOnlyFileError extends Error {
  readonly code = 'read-only';
  constructor() {
    super('The file is read-only.');
  }
}

interface Original {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Replaces a file's text in one step, through a temporary file beside it and a rename: a reader sees the old text or
 * the new one, never a half. Mode, owner and a symbolic link stay. A missing file or folder is made.
 *
 * @throws {ReadOnlyFileError} no write bit in its mode; this counts for root as well, whom the system would let through
 * @throws a system error; the file is as it was
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  // A rename onto a symbolic link would replace the link, not the file it stands for.
  const target = await realpath(file).catch(() => file);
  const original = await writable(target);
  const temporary = join(dirname(target), `.${basename(target)}-${randomUUID()}.tmp`);
  try {
    // Private until it has its owner: a .env holds secrets.
    const handle = await open(temporary, 'wx', original === null ? 0o644 : 0o600);
    try {
      await handle.writeFile(text);
      if (original !== null) await takeOver(handle, original);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** A rename asks the folder only, so the file itself is asked here. @returns null: there is none yet */
async function writable(target: string): Promise<Original | null> {
  let found: Original;
  try {
    found = await stat(target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  if ((found.mode & 0o222) === 0) throw new ReadOnlyFileError();
  await access(target, constants.W_OK);
  return found;
}

/** A file that root replaces must stay readable for the user whose processes read it. */
async function takeOver(handle: FileHandle, { mode, uid, gid }: Original): Promise<void> {
  const own = await handle.stat();
  if (own.uid !== uid || own.gid !== gid) {
    // Only root may give a file away; a colleague who may write it through its group can at least keep the group.
    await handle.chown(uid, gid).catch(() => handle.chown(own.uid, gid));
  }
  // After chown, and not with open(): both would take bits away.
  await handle.chmod(mode & 0o777);
}
