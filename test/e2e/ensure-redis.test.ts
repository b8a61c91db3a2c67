import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const SCRIPT = join(process.cwd(), 'scripts/ensure-redis.sh');

/** A machine that has exactly the commands given to it. */
let bin: string;
let calls: string;

beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'hybrid-machine-'));
  calls = join(bin, 'calls.log');
  for (const name of ['bash', 'env', 'cat', 'chmod', 'true']) symlinkSync(pathOf(name), join(bin, name));
});
afterEach(() => rmSync(bin, { recursive: true, force: true }));

function pathOf(name: string): string {
  const folder = (process.env.PATH ?? '').split(delimiter).find((f) => existsSync(join(f, name)));
  if (folder === undefined) throw new Error(`${name} is not on PATH`);
  return join(folder, name);
}

function command(name: string, body: string): void {
  writeFileSync(join(bin, name), `#!${pathOf('bash')}\n${body}\n`);
  chmodSync(join(bin, name), 0o755);
}

/** Records its arguments, then goes on with `body`. */
const recorded = (name: string, body: string): void =>
  command(name, `echo "${name} $*" >>'${calls}'\n${body}`);

const user = (id: number): void => command('id', `echo ${id}`);
const installs = (name: string): string =>
  `printf '%s\\n' '#!${pathOf('bash')}' 'echo "Redis server v=7.0.15"' >'${bin}/${name}'; chmod +x '${bin}/${name}'`;

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(pathOf('bash'), [SCRIPT, ...args], {
    env: { PATH: bin },
    encoding: 'utf8',
  });
  return {
    status,
    stdout,
    stderr,
    calls: existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [],
  };
}

describe('ensure-redis.sh on a machine that has a server', () => {
  it.each(['redis-server', 'valkey-server'])('prints the version of %s and calls nothing else', (name) => {
    recorded('apt-get', 'exit 1');
    command(name, 'echo "the version"');
    expect(run()).toEqual({ status: 0, stdout: 'the version\n', stderr: '', calls: [] });
    expect(run('--check').status).toBe(0);
  });
});

describe('ensure-redis.sh on a machine without a server', () => {
  it('installs with apt-get as root, never asking', () => {
    user(0);
    recorded(
      'apt-get',
      `echo "frontend $DEBIAN_FRONTEND" >>'${calls}'; read -r answer && exit 9; ${installs('redis-server')}`,
    );
    const { status, stdout, calls: made } = run();
    expect({ status, stdout, made }).toEqual({
      status: 0,
      stdout: 'Redis server v=7.0.15\n',
      made: ['apt-get install -y --no-install-recommends redis-server', 'frontend noninteractive'],
    });
  });

  it('updates the lists of apt-get when the first try fails', () => {
    user(0);
    recorded(
      'apt-get',
      `case "$1" in update) echo >'${bin}/lists' ;; *) [ -e '${bin}/lists' ] || exit 100; ${installs('redis-server')} ;; esac`,
    );
    const { status, calls: made } = run();
    expect(status).toBe(0);
    expect(made).toEqual([
      'apt-get install -y --no-install-recommends redis-server',
      'apt-get update',
      'apt-get install -y --no-install-recommends redis-server',
    ]);
  });

  it('goes through sudo when it asks for no password', () => {
    user(1000);
    recorded('sudo', '[ "$1" = -n ] || exit 1; shift; exec "$@"');
    recorded('dnf', installs('redis-server'));
    const { status, calls: made } = run();
    expect(status).toBe(0);
    expect(made).toEqual(['sudo -n true', 'sudo -n dnf install -y redis', 'dnf install -y redis']);
  });

  it.each(['dnf', 'apk'])('takes valkey where %s has no redis', (manager) => {
    user(0);
    recorded(manager, `case "$*" in *redis) exit 1 ;; *) ${installs('valkey-server')} ;; esac`);
    const { status, calls: made } = run();
    expect(status).toBe(0);
    expect(made.at(-1)).toMatch(/ valkey$/);
  });

  it('installs with brew, without root', () => {
    user(501);
    recorded('brew', installs('redis-server'));
    expect(run()).toMatchObject({ status: 0, calls: ['brew install redis'] });
  });

  it.each([
    ['apt-get', 'sudo apt-get update && sudo apt-get install -y redis-server'],
    ['dnf', 'sudo dnf install -y redis || sudo dnf install -y valkey'],
    ['apk', 'sudo apk add redis'],
  ])('prints the command for %s when it may not become root', (manager, advice) => {
    user(1000);
    recorded('sudo', 'exit 1');
    recorded(manager, installs('redis-server'));
    const { status, stdout, stderr, calls: made } = run();
    expect({ status, stdout, made }).toEqual({ status: 1, stdout: '', made: ['sudo -n true'] });
    expect(stderr).toContain(`\n  ${advice}\n`);
  });

  it('prints the command for brew as root, where brew refuses to run', () => {
    user(0);
    recorded('brew', 'exit 1');
    const { status, stderr, calls: made } = run();
    expect({ status, made }).toEqual({ status: 1, made: [] });
    expect(stderr).toContain('  brew install redis\n');
  });

  it('fails with the command when the installation fails', () => {
    user(0);
    recorded('apk', 'exit 1');
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toContain('  sudo apk add redis\n');
  });

  it('fails when the package brought no server', () => {
    user(0);
    recorded('apk', 'exit 0');
    expect(run().status).toBe(1);
  });

  it('only looks with --check', () => {
    user(0);
    recorded('apt-get', installs('redis-server'));
    const { status, stderr, calls: made } = run('--check');
    expect({ status, made }).toEqual({ status: 1, made: [] });
    expect(stderr).toContain('sudo apt-get');
  });

  it('says what to do without any package manager', () => {
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toMatch(/none of apt-get, dnf, apk and brew[\s\S]*REDIS_URL/);
  });
});

describe('ensure-redis.sh', () => {
  it('explains itself', () => {
    expect(run('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Usage: scripts/ensure-redis.sh'),
    });
  });

  it('refuses an option it does not know', () => {
    expect(run('--force')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("'--force'; allowed: --check, --help"),
    });
  });
});
