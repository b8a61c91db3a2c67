import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

/** A clone with the real .ci/run, where npm only says what it is told to. */
let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'hybrid-clone-'));
  cpSync(join(process.cwd(), '.ci'), join(clone, '.ci'), { recursive: true });
  for (const folder of ['bin', 'scripts']) mkdirSync(join(clone, folder));
  writeFileSync(join(clone, 'package-lock.json'), '{}');
  writeFileSync(join(clone, 'scripts/ensure-redis.sh'), 'exit $REDIS_EXIT\n');
  for (const tool of ['shellcheck', 'chromium']) command(tool, 'exit 0');
  command(
    'npm',
    `echo "npm $*" >>'${clone}/calls'
    case "$*" in
      ci) exit "\${CI_EXIT:-0}" ;;
      'run check') exit "\${CHECK_EXIT:-0}" ;;
      'run build') exit "\${BUILD_EXIT:-0}" ;;
      test) printf '%b' "\${TEST_SAYS-}"; exit "\${TEST_EXIT:-0}" ;;
    esac`,
  );
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

function command(name: string, body: string): void {
  writeFileSync(join(clone, 'bin', name), `#!/usr/bin/env bash\n${body}\n`);
  chmodSync(join(clone, 'bin', name), 0o755);
}

function run(env: Record<string, string> = {}) {
  const { status, stdout } = spawnSync('bash', [join(clone, '.ci/run')], {
    env: {
      PATH: `${join(clone, 'bin')}${delimiter}${process.env.PATH}`,
      TEST_SAYS: '7 passed, 0 failed\\n',
      ...env,
    },
    encoding: 'utf8',
  });
  const calls = existsSync(join(clone, 'calls')) ? readFileSync(join(clone, 'calls'), 'utf8') : '';
  return { status, last: stdout.trim().split('\n').at(-1), stdout, calls: calls.trim().split('\n') };
}

describe('.ci/run', () => {
  it("does every step of a fresh clone and ends with the tests' own numbers", () => {
    expect(run()).toMatchObject({
      status: 0,
      last: '7 passed, 0 failed',
      calls: ['npm ci', 'npm run check', 'npm run build', 'npm test'],
    });
  });

  it('installs packages only when they are missing or older than the lock file', () => {
    mkdirSync(join(clone, 'node_modules'));
    writeFileSync(join(clone, 'node_modules/.package-lock.json'), '{}');
    expect(run().calls).not.toContain('npm ci');
  });

  it.each([
    ['tests', { TEST_EXIT: '1', TEST_SAYS: '5 passed, 2 failed\\n' }, '5 passed, 2 failed'],
    ['the check', { CHECK_EXIT: '1' }, '7 passed, 1 failed'],
    [
      'build and tests',
      { BUILD_EXIT: '2', TEST_EXIT: '1', TEST_SAYS: '5 passed, 2 failed\\n' },
      '5 passed, 3 failed',
    ],
    ['Redis', { REDIS_EXIT: '1' }, '7 passed, 1 failed'],
    ['npm ci', { CI_EXIT: '1' }, '7 passed, 1 failed'],
    ['a test run that says nothing', { TEST_EXIT: '1', TEST_SAYS: '' }, '0 passed, 1 failed'],
    ['a test run that fails without a failed test', { TEST_EXIT: '1' }, '7 passed, 1 failed'],
  ])('fails, and counts it, when this fails: %s', (_, env, last) => {
    expect(run(env)).toMatchObject({ status: 1, last });
  });

  it('does not take a run without tests for a success', () => {
    expect(run({ TEST_SAYS: '0 passed, 0 failed\\n' }).status).toBe(1);
    expect(run({ TEST_SAYS: 'nothing\\n' }).status).toBe(1);
  });

  it('leaves Redis to REDIS_URL when that is set', () => {
    expect(run({ REDIS_URL: 'redis://elsewhere', REDIS_EXIT: '1' }).status).toBe(0);
  });

  it('refuses an old Node at once', () => {
    command('node', 'exit 1');
    expect(run()).toMatchObject({ status: 1, last: '0 passed, 1 failed', calls: [''] });
  });
});
