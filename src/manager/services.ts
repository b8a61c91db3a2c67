import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceCommand } from '../config/model.ts';
import type { ServiceResult } from '../domain/rollback.ts';
import { hideSecrets } from '../domain/secrets.ts';

/** What is told of a command's own words, in bytes. */
const MAX_WORDS = 300;

/** Runs a team's own command lines, one after the other. One that fails keeps none of the others from being run. */
export async function runServices(
  role: ServiceResult['role'],
  commands: readonly ServiceCommand[],
  signal?: AbortSignal,
): Promise<readonly ServiceResult[]> {
  const results: ServiceResult[] = [];
  for (const { command, timeoutSeconds } of commands) {
    if (signal?.aborted) break;
    const startedAt = performance.now();
    const problem = await run(command, timeoutSeconds, signal);
    results.push({
      command: hideSecrets(command),
      role,
      status: problem === null ? 'done' : 'failed',
      detail: hideSecrets(problem ?? 'exit code 0'),
      ms: performance.now() - startedAt,
    });
  }
  return results;
}

/** @returns null, or why it did not end well */
async function run(command: string, timeoutSeconds: number, signal?: AbortSignal): Promise<string | null> {
  // A file and not a pipe: a service that was started in the background writes on when nobody reads any more.
  const output = openNameless();
  try {
    // A group of its own, so that the time limit ends what the shell has started, too.
    const child = spawn(command, { shell: true, detached: true, stdio: ['ignore', output, output] });
    const endGroup = () => killGroup(child.pid);
    const limit = AbortSignal.timeout(timeoutSeconds * 1000);
    limit.addEventListener('abort', endGroup);
    signal?.addEventListener('abort', endGroup);
    try {
      const [code, killedBy] = (await once(child, 'exit')) as [number | null, string | null];
      if (code === 0) return null;
      const words = lastWordsIn(output);
      const why = limit.aborted
        ? `not done after ${timeoutSeconds} s, ended`
        : `exit code ${code ?? killedBy}`;
      return words === '' ? why : `${why}: ${words}`;
    } catch (error) {
      return (error as Error).message;
    } finally {
      limit.removeEventListener('abort', endGroup);
      signal?.removeEventListener('abort', endGroup);
    }
  } finally {
    closeSync(output);
  }
}

function openNameless(): number {
  const path = join(tmpdir(), `hybrid-service-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return file;
}

/** The last line that was written. */
function lastWordsIn(file: number): string {
  const { size } = fstatSync(file);
  const buffer = Buffer.alloc(Math.min(size, MAX_WORDS));
  readSync(file, buffer, 0, buffer.length, size - buffer.length);
  return buffer.toString('utf8').trim().split('\n').at(-1) ?? '';
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
