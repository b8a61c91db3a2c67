import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { exitCodeOf, shownError } from '../../src/cli/failure.ts';
import { createProgram } from '../../src/cli/program.ts';
import { APP, cli, cliPlace } from '../support/cli.ts';
import { compiled } from '../support/compiled.ts';
import { plainClient, redisUrl } from '../support/redis.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

const place = cliPlace();

/** What a refused command says. In this process, for speed; the tests above show that `hybrid` prints just that. */
async function refusal(...args: string[]): Promise<string> {
  const error = await createProgram()
    .parseAsync([...args, ...place.at], { from: 'user' })
    .catch((thrown: unknown) => thrown);
  expect(exitCodeOf(error)).toBe(2);
  const { message, code } = shownError(error);
  return `${message} (${code})`;
}

describe('a command line that makes no sense', () => {
  it('is answered with what is near and where to look', async () => {
    const [unknown, option, group, inGroup] = await Promise.all([
      cli(['statsu']),
      cli(['status', '--jsno']),
      cli(['flag']),
      cli(['parity', 'replay', '--from', '-', '--timeout', '3']),
    ]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("unknown command 'statsu'\n(Did you mean status?)");
    expect(unknown.stderr).toContain('hybrid --help');
    expect(option.code).toBe(2);
    expect(option.stderr).toContain('(Did you mean --json?)');
    expect(option.stderr).toContain('hybrid status --help');
    expect(inGroup.stderr).toMatch(/: hybrid parity replay --help\n$/);
    expect(group.code).toBe(2);
    expect(group.stderr).toContain('hybrid flag [options] [command]');
  });

  it('is JSON on standard output where JSON was asked for', async () => {
    const [usage, config] = await Promise.all([
      cli(['ratio', '0.5', '--json', '--task']),
      cli(['status', '--json', '--config', 'nowhere.yaml']),
    ]);
    expect(usage).toMatchObject({ code: 2, stderr: '' });
    expect(JSON.parse(usage.stdout)).toEqual({
      error: { code: 'E_USAGE', message: "option '--task <name>' argument missing" },
    });
    expect(config.code).toBe(2);
    expect(JSON.parse(config.stdout).error.code).toBe('E_INVALID_CONFIG');
  });

  it('shows the stack only on request', async () => {
    const { stderr } = await place.run('ratio', '2', '--reason', 'x', '--verbose');
    expect(stderr).toMatch(/E_INVALID_RATIO\)\nInvalidRatioError.*\n\s+at /);
  });
});

describe('a ratio', () => {
  it.each(['50%', '1.5', '-1', '0x1', 'half', ''])(
    '%j is refused, and the allowed ones are named',
    async (given) => {
      const text = await refusal('ratio', given, '--reason', 'x');
      expect(text).toBe(
        `The ratio is ${JSON.stringify(given)}; allowed: a number from 0 (all to stable) to 1 (all to canary), ` +
          'like 0.05. (E_INVALID_RATIO)',
      );
    },
  );

  it('is not changed without a reason', async () => {
    expect(await refusal('ratio', '0.5')).toContain('--reason "..."');
    expect(await refusal('ratio', '0.5', '--reason', '  ')).toContain('1 to 500 characters');
  });

  it('is not unset globally', async () => {
    expect(await refusal('ratio', '--unset', '--reason', 'x')).toContain('--unset needs --task NAME');
  });
});

describe('a namespace that nobody has used', () => {
  it.each([
    ['task', 'x'],
    ['cancel', 'x'],
    ['drain', 'stable'],
    ['parity', 'replay', '--from', '-'],
  ])('is not begun by %s %s', async (...args) => {
    const { at, namespace } = cliPlace();
    const error = await createProgram()
      .parseAsync([...args, ...at], { from: 'user' })
      .catch((thrown: unknown) => thrown);
    expect(shownError(error).code).toBe('E_UNKNOWN_NAMESPACE');
    expect(await plainClient().exists(`{${namespace}}:control`)).toBe(0);
  });
});

describe('a submission', () => {
  it('needs exactly one payload', async () => {
    expect(await refusal('submit', 'add')).toContain('--data');
    expect(await refusal('submit', 'add', '--data', '1', '--file', 'x.json')).toContain('either --data');
  });

  it('with a payload that is not JSON says where, and shows nothing of it', async () => {
    const text = await refusal('submit', 'add', '--data', 'secret words');
    expect(text).toContain('--data is not JSON');
    expect(text).not.toContain('secret');
  });

  it('refuses one idempotency key for many lines', async () => {
    const args = ['submit', 'add', '--file', 'x.jsonl', '--idempotency-key', 'k'];
    expect(await refusal(...args)).toContain('all lines would be one task');
  });

  it('of a file that is not there says so', async () => {
    expect(await refusal('submit', 'add', '--file', 'nowhere.json')).toContain(
      'nowhere.json cannot be read (ENOENT)',
    );
  });

  it('of a task that nobody knows names those that are known', async () => {
    expect(await refusal('submit', 'ad', '--data', '{}')).toContain('known: add, fail, hold, crash');
  });

  it('of a payload that does not fit names the field', async () => {
    const text = await refusal('submit', 'add', '--data', '{"a":1,"b":"two"}');
    expect(text).toContain('/b: ');
    expect(text).not.toContain('two');
  });

  it('with a delay without its unit names the units', async () => {
    expect(await refusal('submit', 'add', '--data', '{}', '--delay', '10')).toContain('ms, s, m, h, d');
  });
});

describe('an app module', () => {
  const module = (text: string) => place.write('app.mjs', text);
  it.each([
    ['is not there', '', 'Cannot find module'],
    ['does not parse', 'export const tasks = [', 'Unexpected'],
    ['exports no tasks', 'export const task = 1;', 'exports no list named `tasks`'],
    ['exports something else as tasks', `export const tasks = [{ name: 'a' }];`, 'tasks[0]'],
  ])('that %s is refused', async (_, text, problem) => {
    const path = text === '' ? `${place.dir}/nowhere.mjs` : module(text);
    const { code, stdout, stderr } = await place.run('worker', '--app', path);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(problem);
    expect(stderr).toMatch(/Allowed: an ES module with {2}export const tasks = .* \(E_APP_MODULE\)\n$/);
  });

  it('that is broken keeps nobody from freezing or looking', async () => {
    const broken = cliPlace();
    broken.write('broken.mjs', 'throw new Error("no database here")');
    const config = broken.write(
      'broken.yaml',
      readFileSync(broken.at[1] ?? '', 'utf8').replace(/^app: .*/m, 'app: { module: broken.mjs }'),
    );
    await broken.begin();
    const at = ['--config', config, ...place.at.slice(2)];
    const frozen = await cli(['freeze', '--reason', 'x', ...at], { cwd: broken.dir });
    expect(frozen).toMatchObject({ code: 0, stderr: '' });
    const status = await cli(['status', '--json', ...at], { cwd: broken.dir });
    expect(status.code).toBe(0);
    expect(status.stderr).toMatch(
      /^warning: The app module .*broken\.mjs" cannot be used: no database here\./,
    );
    expect(JSON.parse(status.stdout).control.frozen).toBe('rollback');
  });

  it('that is missing where it is needed is asked for', async () => {
    const bare = cliPlace('').write('bare.yaml', 'namespace: bare\n');
    const { code, stderr } = await cli(['worker', '--config', bare, ...place.at.slice(2)]);
    expect(code).toBe(2);
    expect(stderr).toContain('--app FILE');
  });

  it('may be named on the command line', async () => {
    const { code, stdout } = await place.run('submit', 'add', '--data', '{"a":1,"b":1}', '--app', APP);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('  stable  ratio: ') });
  });
});

describe('the demo and the benchmark', () => {
  it('are said to be missing where they were not installed', async () => {
    // Only the library, as the package has it.
    const folder = mkdtempSync(join(tmpdir(), 'hybrid-library-'));
    cpSync(compiled('src'), join(folder, 'src'), { recursive: true });
    cpSync('package.json', join(folder, 'package.json'));
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    const main = join(folder, 'src/cli/main.js');
    const [demo, bench] = await Promise.all([
      cli(['demo', '--ratio', '0.5'], { main }),
      cli(['bench', 'route'], { main }),
    ]);
    rmSync(folder, { recursive: true });
    expect(demo.code).toBe(2);
    expect(demo.stderr).toContain('comes without examples/document-metadata/demo');
    expect(bench.code).toBe(2);
  });
});

describe('a config file', () => {
  it('with a mistake is refused with path, value and what is allowed', async () => {
    const file = place.write('bad.yaml', 'routing: { celeryRatio: 1.5 }\n');
    const { code, stderr } = await cli(['ratio', '0.1', '--reason', 'x', '--config', file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/routing\.celeryRatio: given 1\.5; allowed: /);
  });

  it('with a mistake elsewhere keeps nobody from freezing and looking, and is told', async () => {
    const own = cliPlace();
    await own.begin();
    const { namespace } = own;
    const file = place.write('half.yaml', `namespace: ${namespace}\nrouting: { celeryRatio: 5 }\n`);
    const at = ['--reason', 'x', '--config', file, '--redis', redisUrl()];
    const frozen = await cli(['freeze', ...at]);
    expect(frozen.code).toBe(0);
    expect(frozen.stdout).toContain(`(namespace ${namespace} on `);
    expect(frozen.stderr).toMatch(
      /^warning: .*half\.yaml cannot be used:\n {2}routing\.celeryRatio: given 5/,
    );
    expect(await cli(['resume', ...at])).toMatchObject({ code: 0 });
    const look = ['--config', file, '--redis', redisUrl()];
    const status = await cli(['status', ...look]);
    expect(status).toMatchObject({ code: 0 });
    expect(status.stdout).toMatch(/File +\S*half\.yaml: its routing section has a mistake\n/);
    expect(status.stderr).toContain('routing.celeryRatio: given 5');
    const lost = place.write('lost.yaml', `namespce: ${namespace}\n`);
    expect(await cli(['freeze', '--reason', 'x', '--config', lost, '--redis', redisUrl()])).toMatchObject({
      code: 2,
      stdout: '',
    });
  });

  it('is not blamed for a URL from the command line', async () => {
    const { code, stderr } = await cli(['status', '--redis', 'http://:secret@host']);
    expect(code).toBe(2);
    expect(stderr).toContain('--redis: given');
    expect(stderr).not.toContain('secret');
  });
});
