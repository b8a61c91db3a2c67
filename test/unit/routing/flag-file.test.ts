import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { InvalidConfigError } from '../../../src/domain/errors.ts';
import { readFlags, setFlag, switchOffFlags } from '../../../src/flags.ts';
import { parseFlagFile } from '../../../src/routing/flag-schema.ts';

let folder = '';
let file = '';
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flag-file-'));
});
beforeEach(() => {
  file = join(folder, `flags-${++count}.json`);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function flagsIn(path: string): Promise<Record<string, Record<string, unknown>>> {
  return JSON.parse(await readFile(path, 'utf8')).flags;
}

async function problemOf(action: () => Promise<unknown> | unknown): Promise<InvalidConfigError> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfigError);
    return error as InvalidConfigError;
  }
  throw new Error('Nothing was refused.');
}

const RULES = {
  flags: {
    'hybrid-canary': {
      key: 'hybrid-canary',
      on: true,
      variations: [false, true],
      fallthrough: { variation: 0 },
      offVariation: 0,
      salt: 'pepper',
      version: 41,
      description: 'kept as it is',
      contextTargets: [{ contextKind: 'task', values: ['doc-1'], variation: 1 }],
      rules: [
        {
          id: 'beta',
          variation: 1,
          clauses: [{ contextKind: 'task', attribute: 'customer', op: 'in', values: ['beta'] }],
        },
      ],
    },
    other: { key: 'other', on: true, variations: ['red'], fallthrough: { variation: 0 } },
  },
  flagValues: { 'hybrid-parse': 0.5 },
  segments: {},
};

describe('setFlag', () => {
  it.each<[string, object]>([
    ['on', { on: true, fallthrough: { variation: 0 }, variations: [true, false], offVariation: 1 }],
    ['off', { on: false, fallthrough: { variation: 1 }, variations: [true, false], offVariation: 1 }],
    [
      'canary',
      { on: true, fallthrough: { variation: 0 }, variations: ['canary', 'stable'], offVariation: 1 },
    ],
    [
      'stable',
      { on: true, fallthrough: { variation: 1 }, variations: ['canary', 'stable'], offVariation: 1 },
    ],
  ])('makes a missing file with %s', async (setting, definition) => {
    await setFlag(file, 'hybrid-canary', setting);
    expect(await flagsIn(file)).toEqual({
      'hybrid-canary': { key: 'hybrid-canary', salt: 'hybrid-canary', version: 1, ...definition },
    });
  });

  it.each([
    ['25%', 25_000],
    ['0%', 0],
    ['100%', 100_000],
    ['0.5%', 500],
    ['12.345%', 12_345],
    ['057%', 57_000],
  ])('writes %s as a rollout of LaunchDarkly', async (setting, weight) => {
    await setFlag(file, 'hybrid-canary', setting);
    expect((await flagsIn(file))['hybrid-canary']).toMatchObject({
      on: true,
      variations: [true, false],
      fallthrough: {
        rollout: {
          contextKind: 'task',
          bucketBy: 'key',
          variations: [
            { variation: 0, weight },
            { variation: 1, weight: 100_000 - weight },
          ],
        },
      },
    });
  });

  it('keeps other flags and what else this flag has', async () => {
    await writeFile(file, JSON.stringify(RULES));
    await setFlag(file, 'hybrid-canary', '25%');
    await setFlag(file, 'hybrid-canary', 'canary');
    await setFlag(file, 'hybrid-canary', 'off');
    const now = JSON.parse(await readFile(file, 'utf8'));
    const before = RULES.flags['hybrid-canary'];
    expect(now).toEqual({
      ...RULES,
      flags: {
        other: RULES.flags.other,
        'hybrid-canary': {
          ...before,
          on: false,
          variations: [false, true, 'canary', 'stable'],
          fallthrough: { variation: 0 },
          version: 44,
        },
      },
    });
  });

  it('turns a plain value into a flag', async () => {
    await writeFile(file, JSON.stringify(RULES));
    await setFlag(file, 'hybrid-parse', 'on');
    const now = JSON.parse(await readFile(file, 'utf8'));
    expect(now.flagValues).toEqual({});
    expect(now.flags['hybrid-parse']).toMatchObject({ on: true, fallthrough: { variation: 0 } });
  });

  it.each(['50', '150%', '100.001%', '-1%', '1e1%', 'maybe', '', 'ON', '25 %', '1.2345%', '%', 'true'])(
    'refuses the setting %j and writes nothing',
    async (setting) => {
      const error = await problemOf(() => setFlag(file, 'hybrid-canary', setting));
      expect(error).toMatchObject({
        code: 'E_INVALID_CONFIG',
        problems: [
          { path: 'hybrid-canary', given: JSON.stringify(setting), allowed: expect.stringContaining('25%') },
        ],
      });
      await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  it.each([
    '__proto__',
    'constructor',
    'toString',
    'a b',
    '',
    '.hidden',
    'a/b',
    'ключ',
    'a'.repeat(300),
    'a\n',
  ])('refuses the key %j', async (key) => {
    expect(await problemOf(() => setFlag(file, key, 'on'))).toMatchObject({ problems: [{ path: 'key' }] });
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves a broken file alone and says where it breaks', async () => {
    await writeFile(file, '{\n  "flags": {\n    "a": tru\n  }\n}');
    const error = await problemOf(() => setFlag(file, 'hybrid-canary', 'on'));
    expect(error.message).toBe(`${file} cannot be used:\n  line 3, column 10: given tru; allowed: a value`);
    expect(await readFile(file, 'utf8')).toContain('tru\n');
  });

  it('leaves no temporary file, keeps the mode and writes through a link', async () => {
    const own = join(folder, `own-${count}`);
    await mkdir(own);
    const target = join(own, 'flags.json');
    await writeFile(target, JSON.stringify(RULES));
    await chmod(target, 0o640);
    await symlink(target, file);
    await setFlag(file, 'hybrid-canary', 'on');
    expect(await readdir(own)).toEqual(['flags.json']);
    expect((await stat(target)).mode & 0o777).toBe(0o640);
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect((await flagsIn(target))['hybrid-canary']).toMatchObject({ version: 42 });
  });

  it('makes missing folders and says why a file cannot be written', async () => {
    await setFlag(join(folder, 'new', `deep-${count}`, 'flags.json'), 'a', 'on');
    const error = await problemOf(() => setFlag(folder, 'a', 'on'));
    expect(error.problems).toEqual([{ path: '(file)', given: 'EISDIR', allowed: 'a readable file' }]);
  });
});

describe('switchOffFlags', () => {
  const isOurs = (key: string): boolean => key.startsWith('hybrid-');

  it('turns off what is ours and says anything else, and keeps the rest', async () => {
    await writeFile(file, JSON.stringify(RULES));
    await setFlag(file, 'hybrid-off', 'off');
    const before = JSON.parse(await readFile(file, 'utf8'));
    const of = { file, after: 'off', problem: null };
    expect(await switchOffFlags(file, isOurs)).toEqual([
      { ...of, setting: 'hybrid-canary', before: 'off, 1 rule, 1 target list', status: 'changed' },
      { ...of, setting: 'hybrid-off', before: 'off', status: 'unchanged' },
      { ...of, setting: 'hybrid-parse', before: 'ratio 0.5', status: 'changed' },
    ]);
    const now = JSON.parse(await readFile(file, 'utf8'));
    expect(now).toEqual({
      ...before,
      flagValues: {},
      flags: {
        ...before.flags,
        'hybrid-canary': { ...before.flags['hybrid-canary'], on: false, version: 42 },
        'hybrid-parse': expect.objectContaining({ on: false }),
      },
    });
    expect((await readFlags(file)).map(({ summary }) => summary)).toEqual(['off', 'off', 'off', 'red']);
    expect((await switchOffFlags(file, isOurs)).map(({ status }) => status)).toEqual(
      Array(3).fill('unchanged'),
    );
  });

  it.each(['on', 'canary', 'stable', '25%', '0%'])('turns %s off', async (setting) => {
    await setFlag(file, 'hybrid-canary', setting);
    const before = (await readFlags(file))[0]?.summary;
    expect(await switchOffFlags(file, isOurs)).toMatchObject([{ before, status: 'changed' }]);
    expect(await readFlags(file)).toEqual([{ key: 'hybrid-canary', summary: 'off' }]);
  });

  it('turns a flag off that says on while it is turned off', async () => {
    const flag = {
      key: 'hybrid-a',
      on: false,
      variations: [true],
      offVariation: 0,
      fallthrough: { variation: 0 },
    };
    await writeFile(file, JSON.stringify({ flags: { 'hybrid-a': flag } }));
    expect(await switchOffFlags(file, isOurs)).toMatchObject([
      { before: 'turned off: on', status: 'changed' },
    ]);
    expect(await readFlags(file)).toEqual([{ key: 'hybrid-a', summary: 'off' }]);
  });

  it('has no entry for a missing file, and makes none', async () => {
    expect(await switchOffFlags(file, isOurs)).toEqual([]);
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves a file without flags of ours as it is', async () => {
    const text = '{"flags":{},"flagValues":{"other":true}}';
    await writeFile(file, text);
    expect(await switchOffFlags(file, isOurs)).toEqual([]);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it.each([
    ['{\n "flags": secret }', 'not a flag file (line 2, column 11)'],
    ['[]', 'not a flag file ((top))'],
    ['{"flags":{"hybrid-a":{"on":"secret"}}}', 'not a flag file (flags.hybrid-a.key)'],
  ])('says where %j is broken and does not quote it', async (text, problem) => {
    await writeFile(file, text);
    expect(await switchOffFlags(file, isOurs)).toEqual([
      { file, setting: 'flags', before: null, after: 'off', status: 'failed', problem },
    ]);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('says why a file cannot be read or written', async () => {
    expect(await switchOffFlags(folder, isOurs)).toMatchObject([{ status: 'failed', problem: 'EISDIR' }]);
    await setFlag(file, 'hybrid-canary', 'on');
    await setFlag(file, 'hybrid-off', 'off');
    await chmod(file, 0o444);
    expect(await switchOffFlags(file, isOurs)).toMatchObject([
      { setting: 'hybrid-canary', before: 'on', status: 'failed', problem: 'read-only' },
      { setting: 'hybrid-off', status: 'unchanged', problem: null },
    ]);
    const error = await problemOf(() => setFlag(file, 'hybrid-canary', 'off'));
    expect(error.problems).toEqual([
      { path: '(file)', given: 'read-only', allowed: 'a file that can be written' },
    ]);
  });
});

describe('readFlags', () => {
  it('sums up every flag in the order of the keys', async () => {
    await writeFile(file, `\uFEFF${JSON.stringify(RULES)}`);
    await setFlag(file, 'b-on', 'on');
    await setFlag(file, 'c-off', 'off');
    await setFlag(file, 'd-share', '25%');
    await setFlag(file, 'e-all', '100%');
    await setFlag(file, 'f-named', 'canary');
    expect(await readFlags(file)).toEqual([
      { key: 'b-on', summary: 'on' },
      { key: 'c-off', summary: 'off' },
      { key: 'd-share', summary: '25% on, 75% off' },
      { key: 'e-all', summary: '100% on' },
      { key: 'f-named', summary: 'canary' },
      { key: 'hybrid-canary', summary: 'off, 1 rule, 1 target list' },
      { key: 'hybrid-parse', summary: 'ratio 0.5' },
      { key: 'other', summary: 'red' },
    ]);
  });

  it('finds nothing in a missing file', async () => {
    expect(await readFlags(file)).toEqual([]);
  });

  it('reads the file that comes with the project', async () => {
    const path = new URL('../../../config/flags.json', import.meta.url).pathname;
    expect(await readFlags(path)).toEqual([{ key: 'hybrid-canary', summary: 'off' }]);
  });
});

describe('parseFlagFile', () => {
  const flag = RULES.flags['hybrid-canary'];
  const share = (rollout: object) => ({ ...flag, fallthrough: { rollout } });
  const halves = [
    { variation: 0, weight: 50 },
    { variation: 1, weight: 50 },
  ];

  it.each<[string, object | string, string]>([
    ['on as a text', { ...flag, on: 'yes' }, 'flags.f.on: given "yes"; allowed: true or false'],
    [
      'no fallthrough',
      { ...flag, fallthrough: undefined },
      'flags.f.fallthrough: given undefined; allowed: { "variation": 0 } or',
    ],
    [
      'an empty fallthrough',
      { ...flag, fallthrough: {} },
      'flags.f.fallthrough: given {}; allowed: either a variation or a rollout',
    ],
    [
      'a variation that is not there',
      { ...flag, fallthrough: { variation: 2 } },
      'flags.f.fallthrough.variation: given 2; allowed: a variation from 0 to 1',
    ],
    [
      'an off variation that is not there',
      { ...flag, offVariation: 7 },
      'flags.f.offVariation: given 7; allowed: a variation from 0 to 1',
    ],
    [
      "a rule's variation that is not there",
      { ...flag, rules: [{ variation: 3, clauses: [] }] },
      'flags.f.rules.0.variation: given 3',
    ],
    [
      'weights in percent',
      share({ contextKind: 'task', variations: halves }),
      'weights that add up to 100000',
    ],
    [
      'a rollout over users',
      share({ variations: [{ variation: 0, weight: 100_000 }] }),
      'flags.f.fallthrough.rollout.contextKind: given undefined; allowed: "task"',
    ],
    [
      'a clause over users',
      { ...flag, rules: [{ variation: 1, clauses: [{ attribute: 'queue', op: 'in', values: [] }] }] },
      'flags.f.rules.0.clauses.0.contextKind',
    ],
    ['targets over users', { ...flag, targets: [{ values: ['doc-1'], variation: 1 }] }, 'contextTargets'],
    [
      'no variations',
      { ...flag, variations: [], contextTargets: [], rules: [] },
      'flags.f.variations: given []; allowed: at least one value',
    ],
    ['another key', { ...flag, key: 'g' }, 'flags.f.key: given "g"; allowed: the same key'],
  ])('refuses %s', async (_, definition, message) => {
    const key = 'key' in (definition as object) && (definition as { key: string }).key === 'g' ? 'g' : 'f';
    const text = JSON.stringify({ flags: { f: { ...(definition as object), key } } });
    expect((await problemOf(() => parseFlagFile(text, 'flags.json'))).message).toContain(message);
  });

  it.each([
    ['{ "flags": { "__proto__": {} } }', 'flags: given "__proto__"'],
    ['{ "flagValues": { "constructor": true } }', 'flagValues: given "constructor"'],
    ['[]', '(top): given []; allowed: an object with "flags" or "flagValues"'],
    ['', 'line 1, column 1: given end of file; allowed: a value'],
  ])('refuses %s', async (text, message) => {
    expect((await problemOf(() => parseFlagFile(text, 'flags.json'))).message).toContain(message);
  });

  it('refuses a key that is in both parts, and lists every problem', async () => {
    const text = JSON.stringify({ flags: { f: { ...flag, key: 'f' } }, flagValues: { f: true } });
    expect((await problemOf(() => parseFlagFile(text, 'flags.json'))).message).toContain('not both');
    const two = JSON.stringify({ flags: { f: { ...flag, key: 1, on: 1 } } });
    expect((await problemOf(() => parseFlagFile(two, 'flags.json'))).problems).toHaveLength(2);
  });

  it("takes what LaunchDarkly writes, other teams' values and unknown fields included", () => {
    const text = JSON.stringify({
      ...RULES,
      $schema: 'x',
      flagValues: { theme: { dark: true }, empty: null },
    });
    expect(() => parseFlagFile(text, 'flags.json')).not.toThrow();
  });
});
