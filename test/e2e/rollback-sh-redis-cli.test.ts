import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { plainClient, type RedisServer, redisUrl, startRedis } from '../support/redis.ts';
import { pathOf, RollbackScript, type RunOptions, writeTool } from '../support/rollback-script.ts';

/** A password with everything that a URL, a shell or a command line could take for its own. */
const PASSWORD = `p%40:@/'"\\ $(id)?#é`;
const script = RollbackScript.forThisFile();
let locked: RedisServer;
let lockedUrl: string;

beforeAll(async () => {
  locked = await startRedis({ requirepass: PASSWORD });
  lockedUrl = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${locked.port}`;
});

describe('rollback.sh: the red button with redis-cli', () => {
  const frozenBy = (args: readonly string[], options: RunOptions = {}) =>
    script.run(args, { path: script.withoutNode(), ...options });

  it('says what is frozen, what is not done and what to type', async () => {
    const { status, stdout, stderr } = frozenBy([
      '--redis',
      redisUrl(),
      '--namespace',
      script.namespace,
      '--grace',
      '5s',
      '--reason',
      "it's late",
    ]);
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
    const { host } = new URL(redisUrl());
    expect(stdout).toBe(
      `Frozen (namespace ${script.namespace} on ${host}): no new task goes to BullMQ. What BullMQ holds is brought back by the ` +
        'workers that run (their janitors); this script could not do it: node is not on PATH. Mend that and run it again: ' +
        `${join(script.project, 'rollback.sh').replaceAll(' ', '\\ ')} --yes --redis ${redisUrl()} --namespace ${script.namespace} --grace 5s --reason it\\'s\\ late\n(E_ONLY_FROZEN)\n`,
    );
    expect(await script.control()).toMatchObject({
      updatedBy: expect.stringMatching(/^rollback\.sh:\S+@\S+$/),
      reason: "it's late",
    });
    const [entry] = await script.redis.xrevrange(`{${script.namespace}}:audit`, '+', '-', 'COUNT', 1);
    expect(entry?.[1]).toEqual(expect.arrayContaining(['intent', 'freeze', 'reason', "it's late"]));
  });

  it('is harmless where it is frozen already', async () => {
    const args = ['--redis', redisUrl(), '--namespace', script.namespace];
    expect([frozenBy(args).status, frozenBy(args).status]).toEqual([3, 3]);
    expect((await script.control()).epoch).toBe('8');
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
    const { args = [], env = {}, config: text, dotenv } = given(script.namespace);
    if (text !== undefined) script.writeConfig(text);
    if (dotenv !== undefined) writeFileSync(join(script.project, '.env'), dotenv);
    const { status, stdout, stderr } = frozenBy(args, { env });
    expect({ status, stdout, stderr }).toMatchObject({ status: 3, stderr: '' });
    expect((await script.control()).frozen).toBe('rollback');
  });

  it.each([
    ['nothing', ''],
    ['null', 'redis: { url: null }\n'],
    ['two of them', 'redis:\n  url: redis://a\nredis:\n  url: redis://b\n'],
    ['no URL', 'redis: { url: *x }\n'],
  ])('stops where it cannot tell which Redis: %s', (_, text) => {
    script.writeConfig(`namespace: ${script.namespace}\n${text}`);
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
    script.writeConfig(text);
    const { status, stderr } = frozenBy(['--redis', redisUrl()]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/--namespace NAME[^\n]*\(E_NO_NAMESPACE\)\n$/),
    });
  });

  it('takes the namespace hybrid where no config says another, and never an unknown one', async () => {
    const own = await startRedis();
    const client = plainClient(own.url);
    script.writeConfig('# namespace: other\nstable: { prefix: bq } # the namespace is left out\n');
    const refused = frozenBy(['--redis', own.url]);
    expect(refused).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no namespace hybrid, so nothing was frozen; it has: none.'),
    });
    expect(await client.dbsize()).toBe(0);
    await client.hset('{hybrid}:control', 'epoch', 1);
    expect(frozenBy(['--redis', own.url]).status).toBe(3);
    rmSync(join(script.project, 'config'), { recursive: true });
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
      expect((await script.control('hybrid', client)).frozen).toBe('rollback');
      expect(stdout + stderr).not.toContain(encodeURIComponent(PASSWORD).slice(0, 8));
    }
  });

  it('goes on without a password where Redis has none', async () => {
    const url = redisUrl().replace('redis://', 'redis://:secret@');
    const { status, stderr } = frozenBy(['--redis', url, '--namespace', script.namespace]);
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
    expect((await script.control()).frozen).toBe('rollback');
  });

  it('puts the password into the environment, not on the command line', () => {
    const path = script.machineWith('timeout');
    const note = `printf '%s\\n' "$REDISCLI_AUTH" "$*" >>'${script.project}/seen'`;
    writeTool(path, 'redis-cli', note, 'echo 1');
    writeFileSync(join(script.project, 'ca'), '');
    script.run(['--redis', `${lockedUrl.replace('redis://:', 'rediss://u%25:')}/3`, '--namespace', 'n'], {
      path,
      env: { NODE_EXTRA_CA_CERTS: join(script.project, 'ca') },
    });
    const [auth, command] = readFileSync(join(script.project, 'seen'), 'utf8').split('\n');
    expect(auth).toBe(PASSWORD);
    expect(command).toBe(
      `-h 127.0.0.1 -p ${locked.port} -n 3 --user u% --tls --cacert ${script.project}/ca EXISTS {n}:control`,
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

  it('does not hang on a Redis that does not answer, with timeout or without', async () => {
    const own = await startRedis();
    own.pause();
    const machines = [script.machineWith('redis-cli', 'timeout'), script.machineWith('redis-cli')];
    const results = machines.map(async (path) => {
      const child = script.start(['--redis', own.url], { path });
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
    const { status, stderr } = frozenBy(['--redis', redisUrl(), '--namespace', script.namespace], {
      path: script.machineWith('redis-cli'),
    });
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
    expect((await script.control()).frozen).toBe('rollback');
  });

  it('gives the command for another machine where there is no redis-cli', async () => {
    const url = `redis://u:secret@${new URL(redisUrl()).host}/0`;
    const { status, stderr } = frozenBy(
      ['--redis', url, '--namespace', script.namespace, '--reason', "it's"],
      {
        path: script.machineWith('timeout'),
      },
    );
    expect(status).toBe(1);
    expect(stderr).not.toContain('secret');
    const command = /(redis-cli -h .*) ; and Node/.exec(stderr)?.[1]?.replace('--user u ', '') ?? '';
    const { stdout } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    expect(stdout.split('\n')[0]).toBe('ok');
    expect(await script.control()).toMatchObject({ frozen: 'rollback', reason: "it's" });
  });

  it('fails on any other answer than ok', async () => {
    const lua = join(script.project, 'dist/src/state/lua/set-control.lua');
    for (const text of [
      "return {'conflict', 'ok'}",
      "return redis.error_reply('READONLY nothing written')",
    ]) {
      writeFileSync(lua, text);
      const { status, stderr } = frozenBy(['--redis', redisUrl(), '--namespace', script.namespace]);
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/^error: Not frozen: redis-cli said: (conflict|.*READONLY)/),
      });
    }
    rmSync(lua);
    expect(frozenBy(['--redis', redisUrl(), '--namespace', script.namespace]).stderr).toContain(
      'set-control.lua is neither in',
    );
    expect((await script.control()).frozen).toBe('');
  });

  it('takes valkey-cli where there is no redis-cli', async () => {
    const path = script.machineWith('timeout');
    symlinkSync(pathOf('redis-cli'), join(path, 'valkey-cli'));
    expect(frozenBy(['--redis', redisUrl(), '--namespace', script.namespace], { path }).status).toBe(3);
    expect((await script.control()).frozen).toBe('rollback');
  });

  it('leaves nothing behind in its folders', () => {
    const before = readdirSync(script.project);
    frozenBy(['--redis', redisUrl(), '--namespace', script.namespace]);
    expect(readdirSync(script.project)).toEqual(before);
  });
});
