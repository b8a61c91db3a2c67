import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import {
  describeConfig,
  loadConfig,
  loadSoundConfig,
  parseConfig,
  resolveConfig,
  routingOf,
} from '../../src/config.ts';
import { ratioFor } from '../../src/domain/control-state.ts';
import { InvalidConfigError } from '../../src/domain/errors.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'hybrid-config-'));
});
afterEach(() => rm(cwd, { recursive: true }));

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(cwd, name)), { recursive: true });
  await writeFile(join(cwd, name), text);
}

/** Dotted paths of all values that are no mappings, or empty ones. */
function leaves(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([key, part]) => leaves(part, path ? `${path}.${key}` : key));
}

describe('loadConfig', () => {
  it('has the built-in defaults without any file', async () => {
    const config = await loadConfig({ cwd, env: {} });
    expect(config).toMatchObject({
      file: null,
      namespace: 'hybrid',
      redis: { url: null, commandTimeoutMs: 3000 },
      canary: { redisUrl: null, prefix: 'bull' },
      routing: { celeryRatio: 0, mode: 'ratio', tasks: {} },
      flags: { source: 'file', file: join(cwd, 'config/flags.json'), sdkKey: null },
      worker: { processes: 1, concurrency: 10, maxLosses: 3 },
      log: { level: 'info' },
      app: { module: null },
    });
  });

  it('reads config/hybrid.yaml when it is there, and fills in the rest', async () => {
    await write('config/hybrid.yaml', 'routing:\n  celeryRatio: 0.25\nworker:\n  # nothing said\n');
    const config = await loadConfig({ cwd, env: {} });
    expect(config.file).toBe(join(cwd, 'config/hybrid.yaml'));
    expect(config.routing.celeryRatio).toBe(0.25);
    expect(config.worker.heartbeatMs).toBe(5000);
  });

  it('reads a named file, with paths relative to the working directory', async () => {
    await write('deploy/a.yaml', 'app: { module: ./src/tasks.js }\nflags: { file: f.json }');
    const config = await loadConfig({ cwd, env: {}, file: 'deploy/a.yaml' });
    expect(config.app.module).toBe(join(cwd, 'src/tasks.js'));
    expect(config.flags.file).toBe(join(cwd, 'f.json'));
  });

  it('takes an empty file for all defaults', async () => {
    await write('empty.yaml', '# nothing\n');
    expect((await loadConfig({ cwd, env: {}, file: 'empty.yaml' })).namespace).toBe('hybrid');
  });

  it.each([
    ['missing.yaml', 'no file there'],
    ['.', 'a folder'],
    ['config/hybrid.yaml/x', 'no file there'],
  ])('refuses the named file %s', async (file, given) => {
    await write('config/hybrid.yaml', '');
    await expect(loadConfig({ cwd, env: {}, file })).rejects.toMatchObject({
      code: 'E_INVALID_CONFIG',
      source: file,
      problems: [{ path: 'file', given }],
    });
  });

  it('lists the problems of the file and of the environment together', async () => {
    await write('config/hybrid.yaml', 'routing: { celeryRatio: "50%", mode: both }');
    const error = await loadConfig({ cwd, env: { WORKER_COUNT: '0' } }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InvalidConfigError);
    expect(error).toMatchObject({
      source: 'config/hybrid.yaml and the environment',
      problems: [
        { path: 'routing.celeryRatio', given: '"50%"' },
        { path: 'routing.mode', given: '"both"', allowed: 'one of ratio, flag' },
        { path: 'WORKER_COUNT', given: '"0"' },
      ],
    });
  });

  it('is frozen all the way down', () => {
    const config = resolveConfig({ routing: { tasks: { a: { celeryRatio: 1 } } } });
    for (const part of [config, config.redis, config.routing, config.routing.tasks, config.routing.tasks.a]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('loadSoundConfig', () => {
  const load = (env: Record<string, string> = {}) => loadSoundConfig({ cwd, env });
  const REST = 'namespace: mine\nredis: { url: redis://here }\nstable: { prefix: team }\n';

  it('has no mistakes where there are none', async () => {
    await write('config/hybrid.yaml', REST);
    expect(await load()).toMatchObject({ config: { namespace: 'mine' }, mistakes: null, without: new Set() });
  });

  it('leaves out the sections and variables with a mistake, and nothing else', async () => {
    await write('config/hybrid.yaml', `${REST}routing: { celeryRatio: 7 }\nlog: { level: warn }\n`);
    const { config, mistakes, without } = await load({ WORKER_COUNT: 'many', WORKER_CONCURRENCY: '3' });
    expect(config).toMatchObject({
      namespace: 'mine',
      redis: { url: 'redis://here' },
      stable: { prefix: 'team' },
      routing: { celeryRatio: 0 },
      worker: { processes: 1, concurrency: 3 },
      log: { level: 'warn' },
      file: join(cwd, 'config/hybrid.yaml'),
    });
    expect(mistakes?.problems.map(({ path }) => path)).toEqual(['routing.celeryRatio', 'WORKER_COUNT']);
    expect(without).toEqual(new Set(['routing', 'WORKER_COUNT', 'worker']));
  });

  it('says which section a variable with a mistake was for; what the file says of it stays', async () => {
    await write('config/hybrid.yaml', `${REST}routing: { celeryRatio: 0.5 }\n`);
    const { config, without } = await load({
      CELERY_BROKER_URL: 'amqp://guest@rabbit//',
      CELERY_RATIO: '100%',
    });
    expect(config.routing.celeryRatio).toBe(0.5);
    expect(without).toEqual(new Set(['CELERY_BROKER_URL', 'canary', 'CELERY_RATIO', 'routing']));
  });

  it('has namespace and Redis alone where the rest does not fit together, and says without what', async () => {
    await write('config/hybrid.yaml', `${REST.replace('team', 'bull')}canary: { prefix: bull }\n`);
    const { config, without } = await load();
    expect(config).toMatchObject({
      namespace: 'mine',
      redis: { url: 'redis://here' },
      stable: { prefix: 'bq' },
    });
    expect(without.has('stable')).toBe(true);
  });

  it.each([
    'namespace: a b',
    'redis: { url: nowhere }',
    'namespce: mine',
    'a: b: c',
    'routing: {}\nrouting: {}',
  ])('does not guess which place is meant: %s', async (text) => {
    await write('config/hybrid.yaml', text);
    await expect(load()).rejects.toMatchObject({ code: 'E_INVALID_CONFIG' });
  });
});

describe('secrets', () => {
  const config = resolveConfig(
    { redis: { url: 'redis://user:hunter2@localhost:6379/1' } },
    {
      env: {
        CELERY_BROKER_URL: 'rediss://:hunter2@other:6380',
        LAUNCHDARKLY_SDK_KEY: 'sdk-hunter2-0000-1111',
      },
    },
  );

  it('are there for whoever needs them', () => {
    expect(config.redis.url).toBe('redis://user:hunter2@localhost:6379/1');
    expect(config.flags).toMatchObject({ source: 'launchdarkly', sdkKey: 'sdk-hunter2-0000-1111' });
  });

  it('are not in the JSON form, in inspect or in describeConfig, of the whole or of a part', () => {
    for (const part of [config, config.redis, config.canary, config.flags, { ...config }]) {
      expect(JSON.stringify(part)).not.toContain('hunter2');
      expect(inspect(part, { depth: 9 })).not.toContain('hunter2');
    }
    expect(describeConfig(config)).toMatchObject({
      redis: { url: 'redis://***@localhost:6379/1' },
      canary: { redisUrl: 'rediss://***@other:6380' },
      flags: { sdkKey: '***' },
    });
  });
});

describe('routingOf', () => {
  it('turns the routing section into what the control state has', () => {
    const routing = routingOf(
      resolveConfig({ routing: { celeryRatio: 0.1, mode: 'flag', tasks: { a: { celeryRatio: 0.5 } } } }),
    );
    expect(routing).toEqual({ celeryRatio: 0.1, mode: 'flag', taskRatios: { a: 0.5 } });
    expect(ratioFor(routing, 'a')).toBe(0.5);
  });

  it('has no ratio for names that every object inherits', () => {
    const routing = routingOf(resolveConfig({ routing: { celeryRatio: 0.1 } }));
    expect(routing.taskRatios.constructor).toBeUndefined();
    expect(ratioFor(routing, 'constructor')).toBe(0.1);
  });

  it('works on the text of a file', () => {
    expect(routingOf(parseConfig('routing: { tasks: { 42: { celeryRatio: 1 } } }', 'x'))).toEqual({
      celeryRatio: 0,
      mode: 'ratio',
      taskRatios: { '42': 1 },
    });
  });
});

describe('config/hybrid.yaml as shipped', () => {
  it('holds every field with its default, and nothing else', async () => {
    const shipped = parse(await readFile('config/hybrid.yaml', 'utf8'));
    const { file, ...defaults } = resolveConfig({}, { cwd });
    const { sdkKey, ...flags } = defaults.flags;
    expect(file).toBeNull();
    expect(sdkKey).toBeNull();
    expect(shipped).toEqual({
      ...defaults,
      flags: { ...flags, source: 'auto', file: 'config/flags.json' },
    });
  });

  it('has every field in docs/configuration.md', async () => {
    const docs = await readFile('docs/configuration.md', 'utf8');
    const fields = leaves(parse(await readFile('config/hybrid.yaml', 'utf8')));
    expect(fields.filter((field) => !docs.includes(`| \`${field}\` |`))).toEqual([]);
  });
});
