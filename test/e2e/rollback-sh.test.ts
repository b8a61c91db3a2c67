import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { plainClient, type RedisServer, redisUrl, startRedis, uniqueName } from '../support/redis.ts';

/** A password with everything that a URL, a shell or a command line could take for its own. */
const PASSWORD = `p%40:@/'"\\ $(id)?#é`;
const QUESTION = 'Stop sending tasks to BullMQ and bring all of them back to bee-queue? [y/N] ';
/** What the script may call on any machine, but for node, timeout and redis-cli. */
const TOOLS = 'awk cat dirname grep head hostname id paste readlink sed sleep sort tail tr uname wc'.split(
  ' ',
);

let root: string;
/** A copy of the project in which the CLI only does as it is told; blanks in its name. */
let project: string;
let caller: string;
let count = 0;
let namespace: string;
let locked: RedisServer;
const redis = plainClient();
let lockedUrl: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'hybrid-rollback-'));
  locked = await startRedis({ requirepass: PASSWORD });
  lockedUrl = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${locked.port}`;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeEach(async () => {
  project = join(root, `a project ${++count}`);
  caller = join(root, `caller ${count}`);
  mkdirSync(join(project, 'dist/src/cli'), { recursive: true });
  mkdirSync(join(project, 'dist/src/state/lua'), { recursive: true });
  mkdirSync(join(project, 'config'));
  mkdirSync(caller);
  copyFileSync('rollback.sh', join(project, 'rollback.sh'));
  const fallback = 'scripts/freeze-with-redis-cli.sh';
  mkdirSync(join(project, 'scripts'));
  copyFileSync(fallback, join(project, fallback));
  chmodSync(join(project, 'rollback.sh'), 0o755);
  copyFileSync('src/state/lua/set-control.lua', join(project, 'dist/src/state/lua/set-control.lua'));
  writeFileSync(
    join(project, 'dist/src/cli/main.js'),
    `const { appendFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(join(project, 'calls'))}, JSON.stringify({ cwd: process.cwd(), args }) + '\\n');
const { code = 0, out = '', err = '' } = JSON.parse(process.env.CLI ?? '{}')[args[0]] ?? {};
process.stdout.write(out);
process.stderr.write(err);
process.exitCode = code;
`,
  );
  namespace = uniqueName('sh');
  await redis.hset(`{${namespace}}:control`, {
    epoch: 7,
    celeryRatio: 0.5,
    mode: 'ratio',
    taskRatios: '{}',
    frozen: '',
  });
});

interface RunOptions {
  readonly cwd?: string;
  /** What the script is called as. @default its own path */
  readonly as?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the stubbed commands do. */
  readonly cli?: Readonly<Record<string, { code?: number; out?: string; err?: string }>>;
  /** PATH; @default without a change */
  readonly path?: string;
}

interface Call {
  readonly cwd: string;
  readonly args: readonly string[];
}

function finished(status: number | null, stdout: string, stderr: string) {
  const calls = join(project, 'calls');
  const lines = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
  return { status, stdout, stderr, calls: lines.map((line) => JSON.parse(line) as Call) };
}

function environment(options: RunOptions): Record<string, string> {
  const {
    NODE_OPTIONS: _jest,
    REDIS_URL: _url,
    HYBRID_NAMESPACE: _namespace,
    ...inherited
  } = process.env as Record<string, string>;
  return {
    ...inherited,
    ...(options.path === undefined ? {} : { PATH: options.path }),
    CLI: JSON.stringify(options.cli ?? {}),
    ...options.env,
  };
}

function run(args: readonly string[], options: RunOptions = {}) {
  const { status, stdout, stderr } = spawnSync(options.as ?? join(project, 'rollback.sh'), args, {
    cwd: options.cwd ?? project,
    env: environment(options),
    encoding: 'utf8',
  });
  return finished(status, stdout, stderr);
}

/** On a pseudo-terminal; everything it says is in stdout. */
function onTerminal(command: string, input: string, options: RunOptions = {}) {
  const { status, stdout, stderr } = spawnSync('script', ['-qec', command, '/dev/null'], {
    cwd: project,
    env: { ...environment(options), SHELL: pathOf('bash') },
    input,
    encoding: 'utf8',
  });
  return finished(status, stdout, stderr);
}

function pathOf(name: string): string {
  const folder = (process.env.PATH ?? '').split(delimiter).find((each) => existsSync(join(each, name)));
  if (folder === undefined) throw new Error(`${name} is not on PATH`);
  return join(folder, name);
}

/** A PATH with the tools that any machine has and those named. */
function machineWith(...names: string[]): string {
  const bin = mkdtempSync(join(root, 'bin-'));
  for (const name of ['bash', 'env', ...TOOLS, ...names]) symlinkSync(pathOf(name), join(bin, name));
  return bin;
}

const withoutNode = () => machineWith('redis-cli', 'timeout');
const config = (text: string, folder = project) => {
  mkdirSync(join(folder, 'config'), { recursive: true });
  writeFileSync(join(folder, 'config/hybrid.yaml'), text);
};
const control = (name = namespace, client = redis) => client.hgetall(`{${name}}:control`);
const argsOf = (calls: readonly Call[]) => calls.map(({ args }) => args);
const fail = (code: number, err = '') => ({ freeze: { code, err } });

describe('rollback.sh: options', () => {
  it('explains itself', () => {
    const { status, stdout, calls } = run(['--help']);
    expect({ status, calls }).toEqual({ status: 0, calls: [] });
    for (const option of '--dry-run --yes --reason --grace --json --plain-stable --services --no-persist --redis --namespace --config --verbose --help'.split(
      ' ',
    ))
      expect(stdout).toContain(`  ${option} `);
    for (const code of [0, 1, 2, 3, 130]) expect(stdout).toMatch(new RegExp(`^  ${code} `, 'm'));
  });

  it.each([
    [['--force'], 'unknown option --force'],
    [['--force=1'], 'unknown option --force;'],
    [['now'], 'only options are allowed'],
    [['--reason'], '--reason needs a value'],
    [['--grace', '--yes'], '--grace needs a value'],
    [['--redis='], '--redis needs a value'],
    [['--grace', '30'], '--grace: allowed is a number with its unit'],
    [['--reason', ' \n '], '--reason: allowed are a few words'],
    [['--reason', '字'.repeat(501)], '--reason: allowed are a few words'],
    [['--namespace', 'a b'], '--namespace: allowed are'],
    [['--config', 'nowhere.yaml'], '--config: there is no file nowhere.yaml'],
    [['--redis', 'http://:secret@h'], '--redis: allowed is a URL'],
    [['--redis', 'redis://:sec%ret@h'], '--redis: allowed is a URL'],
    [['--redis', 'redis://h/a'], '--redis: allowed is a URL'],
    [['--redis', 'redis://:secret@'], '--redis: allowed is a URL'],
  ])('refuses %j before anything is done', (args, sentence) => {
    const text = run([...args]);
    expect(text).toMatchObject({
      status: 2,
      stdout: '',
      calls: [],
      stderr: expect.stringContaining(sentence),
    });
    expect(text.stderr).toMatch(/^error: [^\n]* \(E_USAGE\)\n$/);
    const json = run([...args, '--json']);
    expect(json).toMatchObject({ status: 2, stderr: '', calls: [] });
    expect(JSON.parse(json.stdout).error.code).toBe('E_USAGE');
    expect(text.stderr + json.stdout).not.toMatch(/secret|sec%ret/);
  });

  it('freezes, then hands all options on', () => {
    const options = [
      '--json',
      '--plain-stable',
      '--services',
      '--no-persist',
      '--verbose',
      '--grace',
      '1.5m',
    ];
    const place = ['--redis', 'redis://h:1', '--namespace', '-n.S_1', '--config', 'config/other.yaml'];
    writeFileSync(join(project, 'config/other.yaml'), '');
    const { status, calls } = run([...options, ...place, '--reason', 'p95 doubled', '--yes']);
    expect(status).toBe(0);
    expect(argsOf(calls)).toEqual([
      ['freeze', '--reason', 'p95 doubled', ...place],
      ['rollback', '--yes', '--reason', 'p95 doubled', ...options, ...place],
    ]);
  });

  it('takes values behind an equals sign, and names itself as the reason', () => {
    const { calls } = run(['--grace=10s', '--namespace=a']);
    const reason = expect.stringMatching(/^rollback\.sh: \S+@\S+$/);
    expect(argsOf(calls)).toEqual([
      ['freeze', '--reason', reason, '--namespace', 'a'],
      ['rollback', '--yes', '--reason', reason, '--grace', '10s', '--namespace', 'a'],
    ]);
  });

  it.each([
    'don\'t "panic"',
    '延迟翻倍 😀',
    'two\nlines',
    '$(touch hacked) `touch hacked` \\ %s * ~',
    '--yes',
    ',',
  ])('takes the reason %j literally', async (reason) => {
    expect(argsOf(run([`--reason=${reason}`]).calls).map((args) => args.slice(0, 4))).toEqual([
      ['freeze', '--reason', reason, ...[]],
      ['rollback', '--yes', '--reason', reason],
    ]);
    const { status, stdout } = run(
      [`--reason=${reason}`, '--redis', redisUrl(), '--namespace', namespace, '--json'],
      {
        path: withoutNode(),
      },
    );
    expect(status).toBe(3);
    expect(JSON.parse(stdout).problems[0].command).toContain('--reason');
    expect(await control()).toMatchObject({ frozen: 'rollback', reason });
    expect(existsSync(join(project, 'hacked'))).toBe(false);
  });
});

describe('rollback.sh: where it acts', () => {
  it.each(['another folder', 'a link', 'a link to a link in another folder', 'bash and a relative path'])(
    'finds the project from %s',
    (how) => {
      const link = join(caller, 'undo');
      if (how.includes('link')) symlinkSync(how === 'a link' ? join(project, 'rollback.sh') : 'first', link);
      if (how.startsWith('a link to'))
        symlinkSync(`../${project.split('/').at(-1)}/rollback.sh`, join(caller, 'first'));
      const relative = `../${project.split('/').at(-1)}/rollback.sh`;
      const result = how.startsWith('bash')
        ? finished(spawnSync('bash', [relative], { cwd: caller, env: environment({}) }).status, '', '')
        : run([], { cwd: caller, as: how.includes('link') ? link : join(project, 'rollback.sh') });
      expect(result.status).toBe(0);
      expect(result.calls.map(({ cwd }) => cwd)).toEqual([project, project]);
    },
  );

  it('acts in the folder of the caller that has a config, or names one', () => {
    expect(run(['--config', '../x.yaml'], { cwd: caller }).status).toBe(2);
    writeFileSync(join(caller, 'x.yaml'), '');
    run(['--config', 'x.yaml'], { cwd: caller });
    config('', caller);
    const { calls } = run([], { cwd: caller });
    expect(calls.map(({ cwd }) => cwd)).toEqual(Array(4).fill(caller));
  });
});

describe('rollback.sh --dry-run', () => {
  it('runs nothing but the dry run, and ends as it does', () => {
    const { calls, ...rest } = run(['--dry-run', '--json', '--grace', '5s'], {
      cli: { rollback: { code: 3, out: '{"plan":1}' } },
    });
    expect(rest).toEqual({ status: 3, stdout: '{"plan":1}', stderr: '' });
    expect(argsOf(calls)).toEqual([
      ['rollback', '--dry-run', '--reason', expect.any(String), '--json', '--grace', '5s'],
    ]);
  });

  it('says what it cannot show without Node, and does not freeze', async () => {
    const args = ['--dry-run', '--redis', redisUrl(), '--namespace', namespace];
    const { status, stderr } = run(args, { path: withoutNode() });
    expect(status).toBe(1);
    expect(stderr).toContain(
      'What a rollback would do cannot be shown: node is not on PATH. Nothing was changed',
    );
    const json = run([...args, '--json'], { path: withoutNode() });
    expect(JSON.parse(json.stdout).error.code).toBe('E_NODE');
    expect((await control()).frozen).toBe('');
  });
});

describe('rollback.sh: the question', () => {
  it.each(['y\n', 'Y\n', 'yes\n', 'YES\n'])('goes on after %j', (answer) => {
    const { status, stdout, calls } = onTerminal('./rollback.sh', answer);
    expect({ status, said: stdout.split(QUESTION).length - 1 }).toEqual({ status: 0, said: 1 });
    expect(argsOf(calls).map(([command]) => command)).toEqual(['freeze', 'rollback']);
  });

  it.each(['\n', 'n\n', 'yeah\n', ' y e s\n', '\u0004'])('changes nothing after %j', (answer) => {
    const { status, stdout, calls } = onTerminal('./rollback.sh', answer);
    expect({ status, calls }).toEqual({ status: 2, calls: [] });
    expect(stdout).toContain(QUESTION);
    expect(stdout).toContain('Nothing was changed.');
  });

  it.each(['./rollback.sh --yes', './rollback.sh --dry-run', './rollback.sh </dev/null'])(
    'is not asked by %s',
    (command) => {
      const { status, stdout, calls } = onTerminal(command, '');
      expect(status).toBe(0);
      expect(stdout).not.toContain('[y/N]');
      expect(argsOf(calls).at(-1)?.[0]).toBe('rollback');
    },
  );

  it('is asked where only the output is a pipe, and stays out of it', () => {
    const { stdout, calls } = onTerminal('./rollback.sh --json | cat >out', 'y\n', {
      cli: { rollback: { out: '{}' } },
    });
    expect(stdout).toContain(QUESTION);
    expect(readFileSync(join(project, 'out'), 'utf8')).toBe('{}');
    expect(calls).toHaveLength(2);
  });

  it('ends with 130 when it is interrupted', async () => {
    const env = { ...environment({}), SHELL: pathOf('bash') };
    const child = spawn('script', ['-qec', './rollback.sh', '/dev/null'], {
      cwd: project,
      env,
      stdio: 'pipe',
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.endsWith(QUESTION)) child.stdin.write('\u0003');
    });
    const [code] = await once(child, 'close');
    expect(finished(code, said, '')).toMatchObject({ status: 130, calls: [] });
  });
});

describe('rollback.sh: the red button through the CLI', () => {
  it('keeps the words of the freeze away from the JSON, and ends as the rest does', () => {
    const cli = {
      freeze: { out: 'Frozen.\n', err: 'warning: w\n' },
      rollback: { code: 3, out: '{}', err: 'e' },
    };
    const { calls, ...rest } = run(['--json'], { cli });
    expect(rest).toEqual({ status: 3, stdout: '{}', stderr: 'Frozen.\nwarning: w\ne' });
    expect(calls).toHaveLength(2);
  });

  it('ends with 2 when the CLI does not know the namespace, without a second try', () => {
    const sentence = `Redis on h has no namespace ${namespace}`;
    const options = { cli: fail(2, `error: ${sentence} (E_UNKNOWN_NAMESPACE)\n`) };
    const args = ['--redis', redisUrl(), '--namespace', namespace];
    const { calls, ...rest } = run(args, options);
    expect(rest).toEqual({ status: 2, stdout: '', stderr: `error: ${sentence} (E_UNKNOWN_NAMESPACE)\n` });
    expect(calls).toHaveLength(1);
    expect(JSON.parse(run([...args, '--json'], options).stdout)).toEqual({
      error: { code: 'E_UNKNOWN_NAMESPACE', message: sentence },
    });
  });

  it.each<[string, RunOptions, string]>([
    [
      'the config is broken',
      { cli: fail(2, 'error: c cannot be used:\n  a: given 1; allowed: 2 (E_INVALID_CONFIG)\n') },
      'c cannot be used: a: given 1; allowed: 2 (E_INVALID_CONFIG). Mend that',
    ],
    [
      'the CLI crashes',
      { cli: fail(1, 'node:internal\n  throw\nError: Cannot find package "ioredis"\n    at x\n') },
      'Error: Cannot find package "ioredis".',
    ],
    ['the CLI dies without a word', { cli: fail(7) }, '`hybrid freeze` ended with code 7'],
    [
      'the CLI cannot reach what redis-cli can',
      { cli: fail(1, 'error: No Redis. (E_REDIS_UNREACHABLE)\n') },
      'No Redis. (E_REDIS_UNREACHABLE)',
    ],
  ])('takes redis-cli when %s', async (_, options, why) => {
    const { status, stdout, calls } = run(
      ['--redis', redisUrl(), '--namespace', namespace, '--reason', 'r', '--json'],
      options,
    );
    expect({ status, calls: calls.length }).toEqual({ status: 3, calls: 1 });
    const { problems, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({ status: 'needs-person', frozen: true });
    expect(problems).toHaveLength(1);
    expect(problems[0].code).toBe('E_FREEZE_ONLY');
    expect(problems[0].message).toContain(why);
    expect(await control()).toMatchObject({
      frozen: 'rollback',
      celeryRatio: '0',
      taskRatios: '{}',
      epoch: '8',
      reason: 'r',
    });
  });

  it.each([
    [
      'an old Node',
      () => {
        writeFileSync(join(project, 'node'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
        return `${project}${delimiter}${process.env.PATH}`;
      },
      'Node 20.19 or newer is needed',
    ],
    [
      'no build',
      () => {
        rmSync(join(project, 'dist'), { recursive: true });
        mkdirSync(join(project, 'src/state/lua'), { recursive: true });
        copyFileSync('src/state/lua/set-control.lua', join(project, 'src/state/lua/set-control.lua'));
        return process.env.PATH ?? '';
      },
      'npm run build',
    ],
  ])('takes redis-cli with %s', async (_, prepare, why) => {
    const { status, stdout } = run(['--redis', redisUrl(), '--namespace', namespace], { path: prepare() });
    expect(status).toBe(3);
    expect(stdout).toContain(why);
    expect((await control()).frozen).toBe('rollback');
  });
});

describe('rollback.sh: the red button with redis-cli', () => {
  const frozenBy = (args: readonly string[], options: RunOptions = {}) =>
    run(args, { path: withoutNode(), ...options });

  it('says what is frozen, what is not done and what to type', async () => {
    const { status, stdout, stderr } = frozenBy([
      '--redis',
      redisUrl(),
      '--namespace',
      namespace,
      '--grace',
      '5s',
      '--reason',
      "it's late",
    ]);
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
    const { host } = new URL(redisUrl());
    expect(stdout).toBe(
      `Frozen (namespace ${namespace} on ${host}): no new task goes to BullMQ. What BullMQ holds is brought back by the ` +
        'workers that run (their janitors); this script could not do it: node is not on PATH. Mend that and run it again: ' +
        `${join(project, 'rollback.sh').replaceAll(' ', '\\ ')} --yes --redis ${redisUrl()} --namespace ${namespace} --grace 5s --reason it\\'s\\ late\n`,
    );
    expect(await control()).toMatchObject({
      updatedBy: expect.stringMatching(/^rollback\.sh:\S+@\S+$/),
      reason: "it's late",
    });
    const [entry] = await redis.xrevrange(`{${namespace}}:audit`, '+', '-', 'COUNT', 1);
    expect(entry?.[1]).toEqual(expect.arrayContaining(['intent', 'freeze', 'reason', "it's late"]));
  });

  it('is harmless where it is frozen already', async () => {
    const args = ['--redis', redisUrl(), '--namespace', namespace];
    expect([frozenBy(args).status, frozenBy(args).status]).toEqual([3, 3]);
    expect((await control()).epoch).toBe('8');
  });

  it.each<
    [
      string,
      (ns: string) => { args?: string[]; env?: Record<string, string>; config?: string; dotenv?: string },
    ]
  >([
    [
      'REDIS_URL and the config',
      (ns) => ({
        env: { REDIS_URL: redisUrl() },
        config: `namespace: ${ns}\nredis: { url: redis://nowhere:1 }\n`,
      }),
    ],
    [
      '.env',
      (ns) => ({
        dotenv: `A=1\r\nexport REDIS_URL="${redisUrl()}" # the one\r\n`,
        config: `namespace: "${ns}" # ours\n`,
      }),
    ],
    [
      '.env, the last one',
      (ns) => ({
        dotenv: `REDIS_URL=redis://nowhere:1\nREDIS_URL = ${redisUrl()}  # x\n`,
        config: `namespace: '${ns}'\r\n`,
      }),
    ],
    [
      'the config',
      (ns) => ({
        config: `# redis:\n#   url: no\nnamespace: ${ns}\n\nredis:\n  # url: redis://nowhere:1\n  commandTimeoutMs: 1\n  url: ${redisUrl()} # it\ncanary:\n  url: redis://nowhere:1\n`,
      }),
    ],
    [
      'the config with a byte order mark and CRLF',
      (ns) => ({ config: `\uFEFFnamespace: ${ns}\r\nredis:\r\n  url: '${redisUrl()}'\r\n` }),
    ],
    [
      'the config in flow style',
      (ns) => ({ config: `redis: { commandTimeoutMs: 1, url: ${redisUrl()} }\nnamespace: ${ns}` }),
    ],
    [
      'the config in flow style with quotes',
      (ns) => ({ config: `redis: {"url": "${redisUrl()}"} # c\n"namespace": ${ns}\n` }),
    ],
    [
      'the config, where REDIS_URL is set to nothing',
      (ns) => ({
        env: { REDIS_URL: '' },
        dotenv: 'REDIS_URL=redis://nowhere:1\n',
        config: `namespace: ${ns}\nredis: { url: ${redisUrl()} }`,
      }),
    ],
    [
      'a broken config',
      (ns) => ({ config: `namespace: ${ns}\nredis: { url: ${redisUrl()} }\nrouting: [}\n\t"` }),
    ],
    [
      'HYBRID_NAMESPACE',
      (ns) => ({
        env: { HYBRID_NAMESPACE: ` ${ns} `, REDIS_URL: ` ${redisUrl()}` },
        config: 'namespace: other\n',
      }),
    ],
    [
      'HYBRID_NAMESPACE of .env',
      (ns) => ({
        dotenv: `HYBRID_NAMESPACE=${ns}\nREDIS_URL=${redisUrl()}\nOLD_HYBRID_NAMESPACE=a\n`,
        config: 'namespace: other\n',
      }),
    ],
    [
      '--namespace over the config',
      (ns) => ({
        args: ['--namespace', ns, '--redis', redisUrl()],
        config: 'namespace: other\nredis: { url: x }\n',
      }),
    ],
  ])('finds Redis and namespace in %s', async (_, given) => {
    const { args = [], env = {}, config: text, dotenv } = given(namespace);
    if (text !== undefined) config(text);
    if (dotenv !== undefined) writeFileSync(join(project, '.env'), dotenv);
    const { status, stdout, stderr } = frozenBy(args, { env });
    expect({ status, stdout, stderr }).toMatchObject({ status: 3, stderr: '' });
    expect((await control()).frozen).toBe('rollback');
  });

  it.each([
    ['nothing', ''],
    ['null', 'redis: { url: null }\n'],
    ['two of them', 'redis:\n  url: redis://a\nredis:\n  url: redis://b\n'],
    ['no URL', 'redis: { url: *x }\n'],
  ])('stops where it cannot tell which Redis: %s', (_, text) => {
    config(`namespace: ${namespace}\n${text}`);
    const { status, stderr } = frozenBy([]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: Not frozen: [^\n]*--redis[^\n]*node is not on PATH \(E_NO_REDIS\)\n$/);
  });

  it.each([
    'namspace: shop\n',
    'namespace:\n',
    'namespace: *shop\n',
    '{ namespace: shop }\n',
    'namespace: a\nnamespace: b\n',
    'namespace: "a b"\n',
  ])('stops where it cannot tell the namespace: %j', (text) => {
    config(text);
    const { status, stderr } = frozenBy(['--redis', redisUrl()]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/--namespace NAME[^\n]*\(E_NO_NAMESPACE\)\n$/),
    });
  });

  it('takes the namespace hybrid where no config says another, and never an unknown one', async () => {
    const own = await startRedis();
    const client = plainClient(own.url);
    config('# namespace: other\nstable: { prefix: bq } # the namespace is left out\n');
    const refused = frozenBy(['--redis', own.url]);
    expect(refused).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no namespace hybrid, so nothing was frozen; it has: none.'),
    });
    expect(await client.dbsize()).toBe(0);
    await client.hset('{hybrid}:control', 'epoch', 1);
    expect(frozenBy(['--redis', own.url]).status).toBe(3);
    rmSync(join(project, 'config'), { recursive: true });
    expect(frozenBy(['--redis', own.url]).status).toBe(3);
  });

  it('lists the namespaces of a Redis that does not have the one named', async () => {
    const own = await startRedis();
    const client = plainClient(own.url);
    for (const key of [
      '{shop}:control',
      '{mail.v2}:control',
      '{shop}:control:changed',
      '{evil name}:control',
    ])
      await client.set(key, 1);
    const args = ['--redis', own.url, '--namespace', 'shopp'];
    const { status, stderr } = frozenBy(args);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining('no namespace shopp, so nothing was frozen; it has: mail.v2, shop.'),
    });
    expect(JSON.parse(frozenBy([...args, '--json']).stdout).error.code).toBe('E_UNKNOWN_NAMESPACE');
  });

  it('gets in with a password of special characters and shows it nowhere', async () => {
    const client = plainClient(lockedUrl);
    await client.hset('{hybrid}:control', 'epoch', 1);
    await client.call('ACL', 'SETUSER', 'bob@x', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
    const withUser = lockedUrl.replace('redis://:', 'redis://bob%40x:');
    for (const [args, env] of [
      [['--redis', lockedUrl], {}],
      [[], { REDIS_URL: `${lockedUrl}/0?ssl_cert_reqs=required` }],
      [['--redis', withUser], {}],
    ] as const) {
      await client.hset('{hybrid}:control', 'frozen', '');
      const { status, stdout, stderr } = frozenBy(args, { env });
      expect(status).toBe(3);
      expect((await control('hybrid', client)).frozen).toBe('rollback');
      expect(stdout + stderr).not.toContain(encodeURIComponent(PASSWORD).slice(0, 8));
    }
  });

  it('goes on without a password where Redis has none', async () => {
    const url = redisUrl().replace('redis://', 'redis://:secret@');
    const { status, stderr } = frozenBy(['--redis', url, '--namespace', namespace]);
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
    expect((await control()).frozen).toBe('rollback');
  });

  it('puts the password into the environment, not on the command line', () => {
    const path = machineWith('timeout');
    writeFileSync(
      join(path, 'redis-cli'),
      `#!${pathOf('bash')}\nprintf '%s\\n' "$REDISCLI_AUTH" "$*" >>'${project}/seen'\necho 1\n`,
      { mode: 0o755 },
    );
    writeFileSync(join(project, 'ca'), '');
    run(['--redis', `${lockedUrl.replace('redis://:', 'rediss://u%25:')}/3`, '--namespace', 'n'], {
      path,
      env: { NODE_EXTRA_CA_CERTS: join(project, 'ca') },
    });
    const [auth, command] = readFileSync(join(project, 'seen'), 'utf8').split('\n');
    expect(auth).toBe(PASSWORD);
    expect(command).toBe(
      `-h 127.0.0.1 -p ${locked.port} -n 3 --user u% --tls --cacert ${project}/ca EXISTS {n}:control`,
    );
  });

  it.each([
    [
      'a wrong password',
      () => lockedUrl.replace(/:[^:@]*@/, ':wrong@'),
      /redis-cli said: (AUTH failed|NOAUTH|WRONGPASS)[^\n]*/,
    ],
    ['no password', () => `redis://127.0.0.1:${locked.port}`, /redis-cli said: NOAUTH/],
    [
      'a Redis that is down',
      () => 'redis://127.0.0.1:1',
      /redis-cli said: Could not connect to Redis at 127\.0\.0\.1:1: Connection refused/,
    ],
    ['a name that is none', () => 'redis://no.such.host.invalid:1', /redis-cli said: Could not connect/],
  ])('fails in one sentence with %s', (_, url, sentence) => {
    const { status, stdout, stderr } = frozenBy(['--redis', url()]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^error: Not frozen: [^\n]*\n$/);
    expect(stderr).not.toContain('wrong@');
  });

  it("shows the CLI's own sentence where both cannot reach Redis", () => {
    const err = 'error: Redis on h cannot be reached. (E_REDIS_UNREACHABLE)\n';
    const { status, stdout, stderr } = run(['--redis', 'redis://127.0.0.1:1'], { cli: fail(1, err) });
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: err });
    const json = run(['--redis', 'redis://127.0.0.1:1', '--json'], { cli: fail(1, err) });
    expect(JSON.parse(json.stdout)).toEqual({
      error: { code: 'E_REDIS_UNREACHABLE', message: 'Redis on h cannot be reached.' },
    });
  });

  it('does not hang on a Redis that does not answer, with timeout or without', async () => {
    const own = await startRedis();
    own.pause();
    const machines = [machineWith('redis-cli', 'timeout'), machineWith('redis-cli')];
    const results = machines.map(async (path) => {
      const child = spawn(join(project, 'rollback.sh'), ['--redis', own.url], {
        cwd: project,
        env: environment({ path }),
      });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      const [code] = await once(child, 'close');
      expect(said).toMatch(/no answer from 127\.0\.0\.1:\d+ within 5 s/);
      return code;
    });
    expect(await Promise.all(results)).toEqual([1, 1]);
    own.resume();
  });

  it('freezes on a machine without timeout', async () => {
    const { status, stderr } = frozenBy(['--redis', redisUrl(), '--namespace', namespace], {
      path: machineWith('redis-cli'),
    });
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
    expect((await control()).frozen).toBe('rollback');
  });

  it('gives the command for another machine where there is no redis-cli', async () => {
    const url = `redis://u:secret@${new URL(redisUrl()).host}/0`;
    const { status, stderr } = frozenBy(['--redis', url, '--namespace', namespace, '--reason', "it's"], {
      path: machineWith('timeout'),
    });
    expect(status).toBe(1);
    expect(stderr).not.toContain('secret');
    const command = /(redis-cli -h .*) ; and Node/.exec(stderr)?.[1]?.replace('--user u ', '') ?? '';
    const { stdout } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    expect(stdout.split('\n')[0]).toBe('ok');
    expect(await control()).toMatchObject({ frozen: 'rollback', reason: "it's" });
  });

  it('fails on any other answer than ok', async () => {
    const lua = join(project, 'dist/src/state/lua/set-control.lua');
    for (const text of [
      "return {'conflict', 'ok'}",
      "return redis.error_reply('READONLY nothing written')",
    ]) {
      writeFileSync(lua, text);
      const { status, stderr } = frozenBy(['--redis', redisUrl(), '--namespace', namespace]);
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/^error: Not frozen: redis-cli said: (conflict|.*READONLY)/),
      });
    }
    rmSync(lua);
    expect(frozenBy(['--redis', redisUrl(), '--namespace', namespace]).stderr).toContain(
      'set-control.lua is neither in',
    );
    expect((await control()).frozen).toBe('');
  });

  it('takes valkey-cli where there is no redis-cli', async () => {
    const path = machineWith('timeout');
    symlinkSync(pathOf('redis-cli'), join(path, 'valkey-cli'));
    expect(frozenBy(['--redis', redisUrl(), '--namespace', namespace], { path }).status).toBe(3);
    expect((await control()).frozen).toBe('rollback');
  });

  it('leaves nothing behind in its folders', () => {
    const before = readdirSync(project);
    frozenBy(['--redis', redisUrl(), '--namespace', namespace]);
    expect(readdirSync(project)).toEqual(before);
  });
});
