import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs `work` while no other process of this machine runs work under the same path. A lock whose process has died is
 * taken over.
 */
export async function withFolderLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const own = `${path}.${randomUUID()}`;
  writeFileSync(own, String(process.pid));
  try {
    while (!isTaken(own, path)) await delay(20);
    try {
      return await work();
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function isTaken(own: string, path: string): boolean {
  try {
    linkSync(own, path); // unlike writing, it cannot be seen half done
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    dropIfDead(path);
    return false;
  }
}

function dropIfDead(path: string): void {
  if (isHolderAlive(path)) return;
  // Moved, not removed: if another process was quicker, the lock here now is its own and goes back.
  const moved = `${path}.${randomUUID()}`;
  try {
    renameSync(path, moved);
    if (isHolderAlive(moved)) linkSync(moved, path);
    rmSync(moved, { force: true });
  } catch {
    // somebody else dropped it, or has the lock again
  }
}

function isHolderAlive(path: string): boolean {
  try {
    process.kill(Number(readFileSync(path, 'utf8')), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
