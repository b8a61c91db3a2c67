import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import type { RollbackReport } from '../../src/index.ts';
import { compiled } from '../support/compiled.ts';
import { startRedis } from '../support/redis.ts';
import { makeBacklog } from '../support/rollback-backlog.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

const FALLBACK = 'scripts/freeze-with-redis-cli.sh';
/** Lines that a run says on standard error: one at the start, one for each phase. */
const LINES = 6;
/** Those that come before it has to wait for running tasks. */
const LINES_BEFORE_WAITING = 3;
const [GRACE, LONG_GRACE] = ['300ms', '60s'];

describe('./rollback.sh, killed with everything it has started, and typed again', () => {
  let project: string;
  let config: string;

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'hybrid-script-'));
    config = join(project, 'hybrid.yaml');
    copyFileSync('rollback.sh', join(project, 'rollback.sh'));
    mkdirSync(join(project, 'scripts'));
    copyFileSync(FALLBACK, join(project, FALLBACK));
    symlinkSync(compiled('.'), join(project, 'dist'));
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  function start(grace: string, ...args: string[]) {
    const { NODE_OPTIONS: _jest, REDIS_URL: _url, HYBRID_NAMESPACE: _namespace, ...env } = process.env;
    const script = ['rollback.sh', '--yes', '--grace', grace, '--config', config, ...args];
    // A group of its own: the shell and node die together.
    return spawn('bash', script, { cwd: project, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** @returns what it ended with: a signal's name or an exit code */
  async function killAfterLines(lines: number, grace: string): Promise<string | number> {
    const child = start(grace);
    const ended = once(child, 'close');
    child.stdout.resume();
    let seen = 0;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      seen += text.split('\n').length - 1;
      if (seen >= lines && child.pid !== undefined && child.exitCode === null) killGroup(child.pid);
    });
    const [code, signal] = await ended;
    return signal ?? code;
  }

  it(
    'ends in the same state, and each task runs once',
    async () => {
      const trial = await Trial.open({
        redisUrl: (await startRedis()).url,
        ratio: 0.9,
        watchesMoves: true,
        backoffMs: 700,
      });
      writeFileSync(config, stringify(trial.config));
      const backlog = await makeBacklog(trial, await trial.worker('a'));
      const { seed, random } = trial;
      const atLine = (last: number, grace: string) => killAfterLines(1 + Math.floor(random() * last), grace);
      // As long as tasks are held it waits for them, however late the signal comes.
      expect({ seed, end: await atLine(LINES_BEFORE_WAITING, LONG_GRACE) }).toEqual({ seed, end: 'SIGKILL' });
      // By now there is so little to do that it may be faster than the signal.
      const second = await atLine(LINES, GRACE);
      expect({ seed, isAllowed: second === 'SIGKILL' || second === 0 }).toEqual({ seed, isAllowed: true });

      const last = start(GRACE, '--json');
      const ended = once(last, 'close');
      let [output, complaints] = ['', ''];
      last.stdout.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
      last.stderr.setEncoding('utf8').on('data', (text) => {
        complaints += text;
      });
      const [exit] = await ended;
      expect({ seed, exit, complaints }).toMatchObject({ seed, exit: 0 });
      const report = JSON.parse(output) as RollbackReport;
      expect(report).toMatchObject({
        status: 'completed',
        freeze: { wasFrozen: true },
        problems: [],
        ledger: { openCanary: 0, conserved: true },
      });
      backlog.endAll();
      await backlog.repeatKeyed();
      await trial.settled();
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // It has just ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
