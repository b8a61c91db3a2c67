import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { type HybridConfigInput, parseConfig, resolveConfig } from '../../src/config.ts';
import { InvalidConfigError } from '../../src/domain/errors.ts';

function refusal(text: string): InvalidConfigError {
  try {
    parseConfig(text, 'test.yaml');
  } catch (error) {
    if (error instanceof InvalidConfigError) return error;
    throw error;
  }
  throw new Error(`not refused: ${text.slice(0, 200)}`);
}

describe('values', () => {
  it.each([
    ['.nan', 'NaN'],
    ['.inf', 'Infinity'],
    ['1.5', '1.5'],
    ['-0.1', '-0.1'],
    ['50%', '"50%"'],
    ['"0.5"', '"0.5"'],
    ['"0,5"', '"0,5"'],
    ['null', 'null'],
    ['true', 'true'],
    ['[0.5]', 'a list'],
    ['{ a: 1 }', 'a mapping'],
  ])('refuses the ratio %s', (yaml, given) => {
    const allowed = 'a number from 0 (all to stable) to 1 (all to canary), without quotes or %, like 0.05';
    expect(refusal(`routing: { celeryRatio: ${yaml} }`).problems).toEqual([
      { path: 'routing.celeryRatio', given, allowed },
    ]);
    expect(refusal(`routing: { tasks: { a.b: { celeryRatio: ${yaml} } } }`).problems).toEqual([
      { path: 'routing.tasks."a.b".celeryRatio', given, allowed },
    ]);
  });

  it.each([
    ['namespace: a b', 'namespace', '"a b"'],
    ['namespace: 7', 'namespace', '7'],
    ['worker: { processes: 1.5 }', 'worker.processes', '1.5'],
    ['worker: { processes: 1e999 }', 'worker.processes', 'Infinity'],
    ['worker: { shutdownGraceMs: 3000000000 }', 'worker.shutdownGraceMs', '3000000000'],
    ['worker: fast', 'worker', '"fast"'],
    ['routing: []', 'routing', 'a list'],
    ['routing: { tasks: [a] }', 'routing.tasks', 'a list'],
    ['routing: { tasks: { a: 0.1 } }', 'routing.tasks.a', '0.1'],
    ['routing: { tasks: { a: } }', 'routing.tasks.a', 'null'],
    ['routing: { tasks: { a b: { celeryRatio: 1 } } }', 'routing.tasks."a b"', 'the key "a b"'],
    ['limits: { payloadBytes: 256KiB }', 'limits.payloadBytes', '"256KiB"'],
    ['stable: { prefix: "" }', 'stable.prefix', '""'],
    ['app: { module: 3 }', 'app.module', '3'],
    ['services: stop', 'services', '"stop"'],
    ['services: { stopCanary: docker stop }', 'services.stopCanary', '"docker stop"'],
    ['services: { stopCanary: [docker stop] }', 'services.stopCanary.0', '"docker stop"'],
    ['services: { stopCanary: [{ command: "" }] }', 'services.stopCanary.0.command', '""'],
    ['services: { startStable: [{ timeoutSeconds: 5 }] }', 'services.startStable.0.command', 'nothing'],
    [
      'services: { startStable: [{ command: a, timeoutSeconds: 0 }] }',
      'services.startStable.0.timeoutSeconds',
      '0',
    ],
    ['- a', '(top)', 'a list'],
    ['hello', '(top)', '"hello"'],
  ])('refuses %s', (text, path, given) => {
    expect(refusal(text).problems).toEqual([{ path, given, allowed: expect.stringMatching(/^[1a-z].+/) }]);
  });

  it('reports everything at once', () => {
    const { problems } = refusal('routing: { celeryRatio: 2, mode: x }\nnope: 1\nlog: { level: loud }');
    expect(problems.map((problem) => problem.path).sort()).toEqual([
      'log.level',
      'nope',
      'routing.celeryRatio',
      'routing.mode',
    ]);
  });
});

describe('keys', () => {
  it('refuses unknown ones and says which was meant, if one is near', () => {
    expect(refusal('routing: { celeryRato: 0.1, zzz: 1 }').problems).toEqual([
      {
        path: 'routing.celeryRato',
        given: 'an unknown key',
        allowed: 'celeryRatio, mode, tasks. Did you mean celeryRatio?',
      },
      { path: 'routing.zzz', given: 'an unknown key', allowed: 'celeryRatio, mode, tasks' },
    ]);
  });

  it.each(['__proto__', 'constructor', 'prototype'])('refuses %s wherever it stands', (key) => {
    const texts = {
      [key]: `${key}: { celeryRatio: 1 }`,
      [`routing.${key}`]: `routing: { "${key}": 1 }`,
      [`routing.tasks.${key}`]: `routing: { tasks: { ${key}: { celeryRatio: 1 } } }`,
    };
    for (const [path, text] of Object.entries(texts)) {
      expect(refusal(text).problems).toEqual([
        { path, given: `the key "${key}"`, allowed: 'any key but __proto__, constructor, prototype' },
      ]);
    }
  });

  it('refuses them in an object too', () => {
    const input = JSON.parse('{"routing":{"tasks":{"__proto__":{"celeryRatio":1}}}}') as HybridConfigInput;
    expect(() => resolveConfig(input)).toThrow(InvalidConfigError);
  });
});

describe('YAML', () => {
  it.each([
    ['routing:\n  mode: ratio\n  mode: flag\n', 'line 3, column 3', 'a key for the second time'],
    ['routing:\n\tmode: ratio\n', 'line 2, column 1', 'a tab as indentation'],
    ['redis: { url: null\nlog: {}\n', 'line 2, column 1', undefined],
    ['log: "x\n', 'line 2, column 1', 'a quote, bracket or separator that is missing'],
    ['namespace: @x\n', 'line 1, column 12', 'text that starts with %, @ or a backquote'],
    ['log: {}\n---\nlog: {}\n', 'line 2, column 1', 'a second document (---)'],
    ['? [a]\n: 1\n', 'line 1, column 3', 'a key that is not a word'],
    ['namespace: !!js/function x\n', 'line 1, column 12', 'a tag (!)'],
    ['namespace: *x\n', 'aliases (*)', 'too many, or without an anchor'],
  ])('says where %j is wrong', (text, path, given) => {
    const [first] = refusal(text).problems;
    expect(first).toMatchObject(given ? { path, given } : { path });
  });

  it('allows a few aliases, and stops a bomb of them', () => {
    const few = parseConfig('routing: { tasks: { a: &low { celeryRatio: 0.1 }, b: *low } }', 'x');
    expect(few.routing.tasks).toEqual({ a: { celeryRatio: 0.1 }, b: { celeryRatio: 0.1 } });
    const lines = Array.from({ length: 30 }, (_, i) => `k${i + 1}: &k${i + 1} [*k${i}, *k${i}]`);
    expect(refusal(`k0: &k0 [x]\n${lines.join('\n')}`).problems[0]).toMatchObject({ path: 'aliases (*)' });
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['mappings', `${'{a: '.repeat(20_000)}1${'}'.repeat(20_000)}`],
    ['dashes', `${'- '.repeat(50_000)}1`],
    ['a value that holds itself', 'routing: &r { tasks: *r }'],
    ['a huge file', `namespace: ${'x'.repeat(300_000)}`],
  ])('survives %s', (_, text) => {
    const { message } = refusal(text);
    expect(message.length).toBeLessThan(2000);
  });
});

describe('secrets in an error', () => {
  it.each([
    'redis: { url: "redis//user:hunter2@host" }',
    'redis: { url: "redis://user:hunter2@host:port/0" }',
    'redis: { url: "redis://user:hun@ter2@host/zero" }',
    'redis: { url: "redis://user:hunter2" }',
    'redis: { url: "redis://:hunter2" }',
    'redis: { url: "redis://host?password=hunter2" }',
    'redis: { url: "redis://u:hunter2#@host" }',
    'redis: { url: "user:hunter2@host" }',
    'redis: { url: { password: hunter2 } }',
    'redis: { password: hunter2 }',
    'canary: { redisUrl: "amqp://guest:hunter2@rabbit:5672//" }',
    'namespace: "redis://:hunter2@host"',
    '"redis://:hunter2@host": 1',
    'redis: { url: @hunter2 }',
    'redis: { url: *hunter2 }',
    'redis: { url: !hunter2 x }',
    'redis:\n  url: "redis://:hunter2@host\n',
    'redis:\n  url: redis://:a: hunter2@host\n',
    'flags: { source: sdk-hunter2-0000 }',
  ])('are not shown: %s', (text) => {
    const error = refusal(text);
    expect(`${error.message} ${JSON.stringify(error)} ${error.stack}`).not.toMatch(/hun@?ter2/);
  });

  it('leave the rest readable', () => {
    expect(refusal('redis: { url: "redis://user:pw@cache.local:port/0" }').problems[0]?.given).toBe(
      '"redis://***@cache.local:port/0"',
    );
    expect(refusal('redis: { url: "localhost:6379" }').problems[0]?.given).toBe('"localhost:6379"');
  });
});

describe('settings that do not fit together', () => {
  it.each<[HybridConfigInput, string]>([
    [{ canary: { prefix: 'bq' } }, 'canary.prefix'],
    [{ flags: { source: 'launchdarkly' } }, 'flags.source'],
    [{ namespace: 'x', stable: { prefix: '{x}' } }, 'stable.prefix'],
  ])('refuses %j', (input, path) => {
    expect(() => resolveConfig(input)).toThrow(new RegExp(`^The given config cannot be used:\\n  ${path}: `));
  });

  it('allows one prefix on two servers', () => {
    const input = { redis: { url: 'redis://a' }, canary: { redisUrl: 'redis://b', prefix: 'bq' } };
    expect(resolveConfig(input).canary.prefix).toBe('bq');
  });
});

describe('docs/configuration.md', () => {
  it('shows what is really printed', async () => {
    const docs = await readFile('docs/configuration.md', 'utf8');
    const examples = [...docs.matchAll(/```yaml refused\n(.*?)```.*?```text\n(.*?)```/gs)];
    expect(examples).toHaveLength(2);
    for (const [, yaml = '', printed] of examples) {
      const { problems } = refusal(yaml);
      expect(`${new InvalidConfigError('config/hybrid.yaml', problems).message}\n`).toBe(printed);
    }
  });
});
