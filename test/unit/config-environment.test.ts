import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'dotenv';
import { execa } from 'execa';
import { type HybridConfigInput, loadConfig, resolveConfig } from '../../src/config.ts';
import { InvalidConfigError } from '../../src/domain/errors.ts';

const VARIABLES = [
  'HYBRID_NAMESPACE',
  'REDIS_URL',
  'CELERY_BROKER_URL',
  'CELERY_RATIO',
  'USE_CELERY',
  'WORKER_COUNT',
  'WORKER_CONCURRENCY',
  'CELERY_LOG_LEVEL',
  'LOG_LEVEL',
  'LAUNCHDARKLY_SDK_KEY',
];

function refusal(env: Record<string, string>): InvalidConfigError {
  try {
    resolveConfig({}, { env });
  } catch (error) {
    if (error instanceof InvalidConfigError) return error;
    throw error;
  }
  throw new Error(`not refused: ${JSON.stringify(env)}`);
}

describe('variables', () => {
  it('go before the file', () => {
    const config = resolveConfig(
      {
        namespace: 'file',
        redis: { url: 'redis://file' },
        canary: { redisUrl: 'redis://file' },
        worker: { processes: 9, concurrency: 9 },
        routing: { celeryRatio: 0.9 },
        log: { level: 'fatal' },
      },
      {
        env: {
          HYBRID_NAMESPACE: 'env',
          REDIS_URL: 'redis://env:6379/0',
          CELERY_BROKER_URL: 'redis://env:6379/1',
          CELERY_RATIO: '.05',
          WORKER_COUNT: '4',
          WORKER_CONCURRENCY: '2',
          CELERY_LOG_LEVEL: 'WARNING',
          LOG_LEVEL: 'debug',
        },
      },
    );
    expect(config).toMatchObject({
      namespace: 'env',
      redis: { url: 'redis://env:6379/0' },
      canary: { redisUrl: 'redis://env:6379/1' },
      routing: { celeryRatio: 0.05 },
      worker: { processes: 4, concurrency: 2 },
      log: { level: 'warn' },
    });
  });

  it('count as not set when they are empty', () => {
    const env = Object.fromEntries(VARIABLES.map((name) => [name, '  ']));
    expect(resolveConfig({}, { env })).toEqual(resolveConfig({}));
  });

  it('of the old system that mean nothing here are ignored', () => {
    const env = {
      CELERY_RESULT_BACKEND: 'redis://localhost:6379/0',
      FLOWER_PORT: '5555',
      FLOWER_BASIC_AUTH: 'admin:admin123',
      WORKER_MAX_TASKS_PER_CHILD: '1000',
      CELERY_LOG_FILE: '/app/logs/celery.log',
      CELERY_WORKER_PREFETCH_MULTIPLIER: '1',
      CELERY_TASK_ACKS_LATE: 'true',
      CELERY_TASK_REJECT_ON_WORKER_LOST: 'true',
    };
    expect(resolveConfig({}, { env })).toEqual(resolveConfig({}));
  });

  it.each([
    ['debug', 'debug'],
    ['Info', 'info'],
    ['WARN', 'warn'],
    ['warning', 'warn'],
    ['ERROR', 'error'],
    ['CRITICAL', 'fatal'],
    ['silent', 'silent'],
  ])('LOG_LEVEL=%s is %s', (text, level) => {
    expect(resolveConfig({}, { env: { LOG_LEVEL: text } }).log.level).toBe(level);
  });

  it.each([
    ['CELERY_RATIO', '50%'],
    ['CELERY_RATIO', '1.5'],
    ['CELERY_RATIO', 'NaN'],
    ['CELERY_RATIO', 'Infinity'],
    ['CELERY_RATIO', '-0.1'],
    ['CELERY_RATIO', '0x1'],
    ['CELERY_RATIO', '1e-1'],
    ['CELERY_RATIO', '0,5'],
    ['USE_CELERY', 'yes'],
    ['USE_CELERY', '1'],
    ['WORKER_COUNT', '0'],
    ['WORKER_COUNT', '2.0'],
    ['WORKER_COUNT', '0x10'],
    ['WORKER_COUNT', '99999'],
    ['WORKER_CONCURRENCY', '-1'],
    ['CELERY_LOG_LEVEL', 'loud'],
    ['LOG_LEVEL', 'constructor'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'http://localhost'],
    ['REDIS_URL', 'redis://'],
    ['HYBRID_NAMESPACE', 'a b'],
    ['HYBRID_NAMESPACE', '{a}'],
    ['REDIS_URL', 'redis://host:99999'],
    ['REDIS_URL', 'redis://host/zero'],
    ['REDIS_URL', 'redis://u:100%@host', '"redis://***@host"'],
    ['CELERY_BROKER_URL', 'amqp://rabbit'],
    ['CELERY_BROKER_URL', 'redis://a;redis://b', expect.any(String)],
  ])('%s=%s is refused by its name', (name, text, given: unknown = JSON.stringify(text)) => {
    const error = refusal({ [name]: text });
    expect(error.source).toBe('The environment');
    expect(error.problems).toEqual([{ path: name, given, allowed: expect.any(String) }]);
  });

  it('never shows a bad SDK key', () => {
    const error = refusal({ LAUNCHDARKLY_SDK_KEY: 'sdk hunter2' });
    expect(error.problems[0]).toMatchObject({
      path: 'LAUNCHDARKLY_SDK_KEY',
      given: 'a value that is not shown',
    });
    expect(error.message).not.toContain('hunter2');
  });

  it("drops Celery's own query of a TLS address", () => {
    const env = { CELERY_BROKER_URL: 'rediss://:pw@host:6380/0?ssl_cert_reqs=CERT_NONE&ssl_ca_certs=/x' };
    expect(resolveConfig({}, { env }).canary.redisUrl).toBe('rediss://:pw@host:6380/0');
    expect(refusal({ REDIS_URL: 'redis://host?db=3' }).problems).toHaveLength(1);
  });

  it.each(['redis://localhost', 'rediss://u:p%40w@host:1/15', 'redis://[::1]:6379', 'redis://h/'])(
    'takes %s',
    (url) => {
      expect(resolveConfig({}, { env: { REDIS_URL: url } }).redis.url).toBe(url);
    },
  );

  it.each(['.env.example', 'docs/configuration.md'])('are all in %s', async (file) => {
    const text = await readFile(file, 'utf8');
    expect(VARIABLES.filter((name) => !text.includes(name))).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  it('shows what is really printed', async () => {
    const docs = await readFile('docs/configuration.md', 'utf8');
    const [, variables = '', printed] = /```dotenv refused\n(.*?)```.*?```text\n(.*?)```/s.exec(docs) ?? [];
    expect(`${refusal(parse(variables)).message}\n`).toBe(printed);
  });
});

describe('USE_CELERY', () => {
  const routing = { celeryRatio: 0.2, mode: 'flag', tasks: { a: { celeryRatio: 0.5 } } } as const;
  const none = { celeryRatio: 0, mode: 'ratio', tasks: {} } as const;
  it.each<[string, HybridConfigInput['routing'], Record<string, string>, object]>([
    ['false sends nothing to canary', routing, { USE_CELERY: 'false' }, none],
    ['false agrees with a ratio of 0', routing, { USE_CELERY: 'False', CELERY_RATIO: '0' }, none],
    ['true keeps what the file says', routing, { USE_CELERY: 'true' }, routing],
    ['true keeps a 0 of the file', none, { USE_CELERY: 'true' }, none],
    ['true without any ratio is everything', {}, { USE_CELERY: 'True' }, { ...none, celeryRatio: 1 }],
    [
      'true goes behind CELERY_RATIO',
      {},
      { USE_CELERY: 'true', CELERY_RATIO: '0.3' },
      { ...none, celeryRatio: 0.3 },
    ],
    [
      'CELERY_RATIO leaves mode and tasks alone',
      routing,
      { CELERY_RATIO: '0' },
      { ...routing, celeryRatio: 0 },
    ],
  ])('%s', (_, given, env, expected) => {
    expect(resolveConfig({ routing: given ?? {} }, { env }).routing).toEqual(expected);
  });

  it('false against CELERY_RATIO above 0 is refused', () => {
    expect(refusal({ USE_CELERY: 'false', CELERY_RATIO: '0.05' }).problems).toEqual([
      {
        path: 'USE_CELERY',
        given: 'false, together with CELERY_RATIO=0.05',
        allowed: 'only one of them, USE_CELERY=true, or CELERY_RATIO=0',
      },
    ]);
  });
});

describe('flags.source', () => {
  it.each<['auto' | 'off' | 'file', string | undefined, string]>([
    ['auto', undefined, 'file'],
    ['auto', 'sdk-1', 'launchdarkly'],
    ['file', 'sdk-1', 'file'],
    ['off', 'sdk-1', 'off'],
  ])('%s with the key %s is %s', (source, LAUNCHDARKLY_SDK_KEY, expected) => {
    expect(resolveConfig({ flags: { source } }, { env: { LAUNCHDARKLY_SDK_KEY } }).flags.source).toBe(
      expected,
    );
  });
});

describe('.env', () => {
  let cwd: string;
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'hybrid-env-'));
  });
  afterEach(() => rm(cwd, { recursive: true }));

  it('goes before the file and behind the real environment, and does not touch process.env', async () => {
    await writeFile(
      join(cwd, '.env'),
      'USE_CELERY=true  # 切换\nWORKER_COUNT=4\nexport WORKER_CONCURRENCY="3"\nCELERY_RATIO=0.5\n',
    );
    const before = { ...process.env };
    const config = await loadConfig({ cwd, env: { WORKER_COUNT: '2', CELERY_RATIO: '' } });
    expect(config.worker).toMatchObject({ processes: 2, concurrency: 3 });
    expect(config.routing.celeryRatio).toBe(1);
    expect(process.env).toEqual(before);
  });

  it('is named when one of its values is refused', async () => {
    await writeFile(join(cwd, '.env'), 'CELERY_RATIO=50%\n');
    await expect(loadConfig({ cwd, env: {} })).rejects.toMatchObject({
      problems: [{ path: 'CELERY_RATIO', given: '"50%" (in .env)' }],
    });
  });

  it('that cannot be read is an error', async () => {
    await mkdir(join(cwd, '.env'));
    await expect(loadConfig({ cwd, env: {} })).rejects.toMatchObject({ source: '.env' });
  });

  it('is read without a word on stdout or stderr', async () => {
    await writeFile(join(cwd, '.env'), 'WORKER_COUNT=4\n');
    const dotenv = import.meta.resolve('dotenv');
    const script = `import { parse } from ${JSON.stringify(dotenv)}; parse('A=1');`;
    const child = await execa(process.execPath, ['--input-type=module', '--eval', script], { cwd });
    expect([child.stdout, child.stderr]).toEqual(['', '']);
  });
});
