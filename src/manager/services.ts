import { spawn } from 'node:child_process';
import type { ServiceCommand } from '../config/model.ts';
import type { ServiceResult } from '../domain/rollback.ts';
import { hideSecrets } from '../domain/secrets.ts';

/** What is told of a command's own words. */
const MAX_DETAIL = 300;

/** Runs a team's own command lines, one after the other. One that fails keeps none of the others from being run. */
export async function runServices(
  role: ServiceResult['role'],
  commands: readonly ServiceCommand[],
  signal?: AbortSignal,
): Promise<readonly ServiceResult[]> {
  const results: ServiceResult[] = [];
  for (const command of commands) {
    if (!signal?.aborted) results.push(await runService(role, command, signal));
  }
  return results;
}

function runService(
  role: ServiceResult['role'],
  { command, timeoutSeconds }: ServiceCommand,
  signal?: AbortSignal,
) {
  const startedAt = performance.now();
  return new Promise<ServiceResult>((resolve) => {
    // A group of its own, so that the time limit ends what the shell has started, too.
    const child = spawn(command, { shell: true, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    let [complaint, isLate] = ['', false];
    const timer = setTimeout(() => {
      isLate = true;
      endGroup(child.pid);
    }, timeoutSeconds * 1000);
    const onAbort = () => endGroup(child.pid);
    signal?.addEventListener('abort', onAbort);
    const end = (detail: string) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      const status = detail === '' ? 'done' : 'failed';
      const ms = performance.now() - startedAt;
      resolve({
        command: hideSecrets(command),
        role,
        status,
        detail: hideSecrets(detail) || 'exit code 0',
        ms,
      });
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-MAX_DETAIL);
    });
    child.on('error', (error) => end(error.message));
    // Not `close`: a service that was started in the background keeps the pipe open.
    child.on('exit', (code, signal) => {
      child.stderr.destroy();
      if (isLate) return end(`not done after ${timeoutSeconds} s, ended`);
      if (code === 0) return end('');
      const lastLine = complaint.trim().split('\n').at(-1) ?? '';
      end(`exit code ${code ?? signal}${lastLine === '' ? '' : `: ${lastLine}`}`);
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
