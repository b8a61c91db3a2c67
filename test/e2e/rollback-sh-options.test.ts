import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { redisUrl } from '../support/redis.ts';
import { argsOf, environment, RollbackScript } from '../support/rollback-script.ts';

const FROZEN = { freeze: { out: 'Frozen.\n' } };
const script = RollbackScript.forThisFile();

describe('rollback.sh: options', () => {
  it('explains itself', () => {
    const { status, stdout, calls } = script.run(['--help']);
    expect({ status, calls }).toEqual({ status: 0, calls: [] });
    for (const option of '--dry-run --yes --reason --grace --json --plain-stable --services --no-persist --redis --namespace --config --verbose --help'.split(
      ' ',
    ))
      expect(stdout).toContain(`  ${option} `);
    for (const code of [0, 1, 2, 3, 130, 143]) expect(stdout).toMatch(new RegExp(`^  ${code} `, 'm'));
  });

  it.each([
    [['--force'], 'unknown option --force'],
    [['--force=1'], 'unknown option --force;'],
    [['now'], 'only options are allowed'],
    [['--reason'], '--reason needs a value'],
    [['--grace', '--yes'], '--grace needs a value'],
    [['--redis='], '--redis needs a value'],
    [['--grace', '30'], '--grace: allowed is a number with its unit'],
    [['--grace', '400d'], '--grace: allowed is a number with its unit (ms, s, m, h, d), at most 365d'],
    [['--grace', '31536000000.5ms'], 'at most 365d'],
    [['--grace', `${'9'.repeat(400)}s`], 'at most 365d'],
    [['--dry-run', '--yes'], '--dry-run changes nothing, so it is not allowed together with --yes.'],
    [['--services', '--dry-run'], 'together with --services'],
    [['--dry-run', '--grace=1s', '--plain-stable'], 'together with --plain-stable'],
    [['--no-persist', '--dry-run', '--verbose'], 'together with --no-persist'],
    [['--reason', ' \n '], '--reason: allowed are a few words'],
    [['--reason', '字'.repeat(501)], '--reason: allowed are a few words'],
    [['--namespace', 'a b'], '--namespace: allowed are'],
    [['--config', 'nowhere.yaml'], '--config: there is no file nowhere.yaml'],
    [['--redis', 'http://:secret@h'], '--redis: allowed is a URL'],
    [['--redis', 'redis://:sec%ret@h'], '--redis: allowed is a URL'],
    [['--redis', 'redis://h/a'], '--redis: allowed is a URL'],
    [['--redis', 'redis://:secret@'], '--redis: allowed is a URL'],
  ])('refuses %j before anything is done', (args, sentence) => {
    const text = script.run([...args]);
    expect(text).toMatchObject({
      status: 2,
      stdout: '',
      calls: [],
      stderr: expect.stringContaining(sentence),
    });
    expect(text.stderr).toMatch(/^error: [^\n]* \(E_USAGE\)\n$/);
    const json = script.run([...args, '--json']);
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
    writeFileSync(join(script.project, 'config/other.yaml'), '');
    const { status, calls } = script.run([...options, ...place, '--reason', 'p95 doubled', '--yes']);
    expect(status).toBe(0);
    expect(argsOf(calls)).toEqual([
      ['freeze', '--reason', 'p95 doubled', ...place],
      ['rollback', '--yes', '--reason', 'p95 doubled', ...options, ...place],
    ]);
  });

  it.each(['365d', '8760h', '525600m', '31536000s', '31536000000.4ms', '0s', '008.50s'])(
    'takes the grace %s, as the CLI does',
    (grace) => {
      const { status, calls } = script.run(['--grace', grace]);
      expect(status).toBe(0);
      expect(argsOf(calls)[1]?.slice(-2)).toEqual(['--grace', grace]);
    },
  );

  it('takes values behind an equals sign, and names itself as the reason', () => {
    const { calls } = script.run(['--grace=10s', '--namespace=a']);
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
    expect(argsOf(script.run([`--reason=${reason}`]).calls).map((args) => args.slice(0, 4))).toEqual([
      ['freeze', '--reason', reason, ...[]],
      ['rollback', '--yes', '--reason', reason],
    ]);
    const { status, stdout } = script.run(
      [`--reason=${reason}`, '--redis', redisUrl(), '--namespace', script.namespace, '--json'],
      {
        path: script.withoutNode(),
      },
    );
    expect(status).toBe(3);
    expect(JSON.parse(stdout).problems[0].command).toContain('--reason');
    expect(await script.control()).toMatchObject({ frozen: 'rollback', reason });
    expect(existsSync(join(script.project, 'hacked'))).toBe(false);
  });
});

describe('rollback.sh: where it acts', () => {
  it.each(['another folder', 'a link', 'a link to a link in another folder', 'bash and a relative path'])(
    'finds the project from %s',
    (how) => {
      const link = join(script.caller, 'undo');
      if (how.includes('link'))
        symlinkSync(how === 'a link' ? join(script.project, 'rollback.sh') : 'first', link);
      if (how.startsWith('a link to'))
        symlinkSync(`../${script.project.split('/').at(-1)}/rollback.sh`, join(script.caller, 'first'));
      const relative = `../${script.project.split('/').at(-1)}/rollback.sh`;
      const at = { cwd: script.caller, cli: FROZEN };
      const { status, stderr } = how.startsWith('bash')
        ? spawnSync('bash', [relative], { ...at, env: environment(at), encoding: 'utf8' })
        : script.run([], { ...at, as: how.includes('link') ? link : join(script.project, 'rollback.sh') });
      expect({ status, stderr }).toEqual({ status: 0, stderr: `Acting in ${script.project}\nFrozen.\n` });
      expect(script.calls.map(({ cwd }) => cwd)).toEqual([script.project, script.project]);
    },
  );

  it('acts in the folder of the caller that has a config, or names one', () => {
    expect(script.run(['--config', '../x.yaml'], { cwd: script.caller }).status).toBe(2);
    writeFileSync(join(script.caller, 'x.yaml'), '');
    script.run(['--config', 'x.yaml'], { cwd: script.caller });
    script.writeConfig('', script.caller);
    const { calls } = script.run([], { cwd: script.caller });
    expect(calls.map(({ cwd }) => cwd)).toEqual(Array(4).fill(script.caller));
  });

  it.each<[string, { args?: string[]; env?: Record<string, string>; prepare?: () => void }]>([
    ['a .env', { prepare: () => writeFileSync(join(script.caller, '.env'), '') }],
    [
      'a private Redis',
      { prepare: () => mkdirSync(join(script.caller, '.hybrid/redis'), { recursive: true }) },
    ],
    ['REDIS_URL', { env: { REDIS_URL: 'redis://h:1' } }],
    ['HYBRID_NAMESPACE', { env: { HYBRID_NAMESPACE: 'n' } }],
    ['--redis', { args: ['--redis', 'redis://h:1'] }],
    ['--namespace', { args: ['--namespace=n'] }],
  ])('stays in a folder without a config that has %s, though its own has one', (_, said) => {
    script.writeConfig('namespace: not-meant\n');
    said.prepare?.();
    const { status, stderr, calls } = script.run(said.args ?? [], {
      cwd: script.caller,
      env: said.env ?? {},
      cli: FROZEN,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'Frozen.\n' });
    expect(calls.map(({ cwd }) => cwd)).toEqual([script.caller, script.caller]);
  });

  it('freezes with redis-cli what the .env of the folder means', async () => {
    script.writeConfig('namespace: not-meant\nredis: { url: redis://nowhere:1 }\n');
    writeFileSync(
      join(script.caller, '.env'),
      `REDIS_URL=${redisUrl()}\nHYBRID_NAMESPACE=${script.namespace}\n`,
    );
    const { status, stderr } = script.run([], { cwd: script.caller, path: script.withoutNode() });
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
    expect((await script.control()).frozen).toBe('rollback');
  });

  it('takes variables that are set to nothing for not said', () => {
    const { calls, stderr } = script.run([], {
      cwd: script.caller,
      env: { REDIS_URL: '', HYBRID_NAMESPACE: ' ' },
      cli: FROZEN,
    });
    expect(calls.map(({ cwd }) => cwd)).toEqual([script.project, script.project]);
    expect(stderr).toBe(`Acting in ${script.project}\nFrozen.\n`);
  });
});

describe('rollback.sh --dry-run', () => {
  it('runs nothing but the dry run, and ends as it does', () => {
    const { calls, ...rest } = script.run(['--dry-run', '--json', '--grace', '5s'], {
      cli: { rollback: { code: 3, out: '{"plan":1}' } },
    });
    expect(rest).toEqual({ status: 3, stdout: '{"plan":1}', stderr: '' });
    expect(argsOf(calls)).toEqual([
      ['rollback', '--dry-run', '--reason', expect.any(String), '--json', '--grace', '5s'],
    ]);
  });

  it('says what it cannot show without Node, and does not freeze', async () => {
    const args = ['--dry-run', '--redis', redisUrl(), '--namespace', script.namespace];
    const { status, stderr } = script.run(args, { path: script.withoutNode() });
    expect(status).toBe(1);
    expect(stderr).toContain(
      'What a rollback would do cannot be shown: node is not on PATH. Nothing was changed',
    );
    const json = script.run([...args, '--json'], { path: script.withoutNode() });
    expect(JSON.parse(json.stdout).error.code).toBe('E_NODE');
    expect((await script.control()).frozen).toBe('');
  });
});
