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

const SCRIPT = join(process.cwd(), 'scripts/ensure-chromium.sh');

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
const installs = `printf '%s\\n' '#!${pathOf('bash')}' >'%/chromium'; chmod +x '%/chromium'`;
const installed = () => installs.replaceAll('%', bin);

function run(args: readonly string[] = [], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(pathOf('bash'), [SCRIPT, ...args], {
    env: { PATH: bin, ...env },
    encoding: 'utf8',
  });
  const made = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
  return { status, stdout, stderr, made };
}

describe('ensure-chromium.sh', () => {
  it.each(['chromium', 'chromium-browser', 'google-chrome'])('prints the path of %s', (name) => {
    recorded('apt-get', 'exit 1');
    command(name, '');
    expect(run()).toEqual({ status: 0, stdout: `${join(bin, name)}\n`, stderr: '', made: [] });
  });

  it('takes the browser that CHROMIUM_PATH names', () => {
    command('chromium', '');
    command('another', '');
    expect(run(['--check'], { CHROMIUM_PATH: join(bin, 'another') }).stdout).toBe(
      `${join(bin, 'another')}\n`,
    );
  });

  it('installs with apt-get as root, with fresh lists when the first try fails', () => {
    command('id', 'echo 0');
    recorded(
      'apt-get',
      `case "$1" in update) echo >'${bin}/lists' ;; *) [ -e '${bin}/lists' ] || exit 100; ${installed()} ;; esac`,
    );
    expect(run()).toMatchObject({
      status: 0,
      stdout: `${join(bin, 'chromium')}\n`,
      made: [
        'apt-get install -y --no-install-recommends chromium',
        'apt-get update',
        'apt-get install -y --no-install-recommends chromium',
      ],
    });
  });

  it('goes through sudo when it asks for no password', () => {
    command('id', 'echo 1000');
    recorded('sudo', '[ "$1" = -n ] || exit 1; shift; exec "$@"');
    recorded('apk', installed());
    expect(run()).toMatchObject({
      status: 0,
      made: ['sudo -n true', 'sudo -n apk add --no-cache chromium', 'apk add --no-cache chromium'],
    });
  });

  it('installs nothing with --check, and says what would', () => {
    command('id', 'echo 0');
    recorded('apt-get', installed());
    const { status, stderr, made } = run(['--check']);
    expect({ status, made }).toEqual({ status: 1, made: [] });
    expect(stderr).toContain('\n  sudo apt-get update && sudo apt-get install -y chromium\n');
  });

  it('fails with the command when it may not become root', () => {
    command('id', 'echo 1000');
    recorded('dnf', installed());
    const { status, stderr, made } = run();
    expect({ status, made }).toEqual({ status: 1, made: [] });
    expect(stderr).toContain('\n  sudo dnf install -y chromium\n');
  });

  it('says what to do without any package manager', () => {
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toMatch(/none of apt-get, dnf, apk and brew[\s\S]*CHROMIUM_PATH/);
  });

  it('refuses an option it does not know, and explains itself', () => {
    expect(run(['--force'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("'--force'; allowed: --check, --help"),
    });
    expect(run(['--help']).stdout).toContain('Usage: scripts/ensure-chromium.sh');
  });
});
