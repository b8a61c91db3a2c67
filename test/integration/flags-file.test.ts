import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { FlagContext, FlagSource, FlagValue } from '../../src/domain/routing-decision.ts';
import { setFlag } from '../../src/flags.ts';
import { createFlagSource, type FlagSourceOptions } from '../../src/routing/flags.ts';
import { waitFor } from '../support/wait-for.ts';

let folder = '';
let file = '';
let count = 0;
let problems: string[] = [];
const open: FlagSource[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flags-'));
});
beforeEach(() => {
  file = join(folder, `flags-${++count}.json`);
  problems = [];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((source) => source.close()));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function openSource(options: Partial<FlagSourceOptions> = {}): Promise<FlagSource> {
  const onProblem = (message: string): void => {
    problems.push(message);
  };
  const patience = { initTimeoutMs: 60_000 };
  const settings = { source: 'file', file, filePollMs: 10, onProblem, ...patience, ...options } as const;
  const source = await createFlagSource(settings);
  open.push(source);
  return source;
}

function task(stickyKey = 'doc-1', change: Partial<FlagContext> = {}): FlagContext {
  return { stickyKey, task: 'generate-metadata', queue: 'metadata_queue', attributes: {}, ...change };
}

/** Into the file itself, in one turn: the source never sees it between being emptied and being written. */
function save(text: string): void {
  writeFileSync(file, text);
}

function writeValues(values: Record<string, unknown>): void {
  save(JSON.stringify({ flagValues: values }));
}

/** As editors save: a new file that takes the old one's name. */
async function replaceValues(values: Record<string, unknown>): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify({ flagValues: values }));
  await rename(`${file}.new`, file);
}

async function waitForValue(source: FlagSource, value: FlagValue | null): Promise<void> {
  const isRight = async () => ((await source.evaluate(task()))?.value ?? null) === value;
  await waitFor(isRight, { what: `the flag to say ${value}` });
}

const FLAG = {
  key: 'hybrid-canary',
  on: true,
  variations: [true, false],
  offVariation: 1,
  fallthrough: { variation: 1 },
  salt: 'salt',
  version: 1,
};

describe('createFlagSource, no source', () => {
  it('answers nothing and says so', async () => {
    const source = await openSource({ source: 'off' });
    expect(await source.evaluate(task())).toBeNull();
    expect(source.describe()).toEqual({ source: 'off', state: 'ready' });
  });
});

describe('createFlagSource, file: values', () => {
  it.each<[unknown]>([[true], [false], ['canary'], ['stable'], [0], [0.25], [1]])(
    'passes %j on',
    async (value) => {
      writeValues({ 'hybrid-canary': value });
      const source = await openSource();
      expect(await source.evaluate(task())).toEqual({ key: 'hybrid-canary', value, source: 'live' });
      expect(source.describe()).toEqual({ source: 'file', state: 'ready' });
      expect(problems).toEqual([]);
    },
  );

  it.each<[unknown, string]>([
    ['celery', '"celery"'],
    [1.5, '1.5'],
    [-0.1, '-0.1'],
    [{ secret: 'x' }, 'an object or a list'],
    [[true], 'an object or a list'],
    ['', '""'],
  ])('answers nothing for %j, and says it once', async (value, shown) => {
    writeValues({ 'hybrid-canary': value });
    const source = await openSource();
    for (const key of ['doc-1', 'doc-2', 'doc-3']) expect(await source.evaluate(task(key))).toBeNull();
    expect(problems).toEqual([
      `Flag hybrid-canary says ${shown}; allowed: true, false, "stable", "canary" or a number from 0 to 1. The ratio decides.`,
    ]);
  });

  it("asks the task's own flag first, then the global one, then nothing", async () => {
    writeValues({ 'hybrid-generate-metadata': 0.75, 'hybrid-canary': 'stable', 'hybrid-broken': 'x' });
    const source = await openSource();
    expect(await source.evaluate(task())).toMatchObject({ key: 'hybrid-generate-metadata', value: 0.75 });
    expect(await source.evaluate(task('doc-1', { task: 'other' }))).toMatchObject({ key: 'hybrid-canary' });
    // Its own flag is there: an unusable value is not answered by the global one behind the user's back.
    expect(await source.evaluate(task('doc-1', { task: 'broken' }))).toBeNull();
    const alone = await openSource({ globalFlagKey: 'nowhere', flagKeyFor: (name) => `migrate.${name}` });
    expect(await alone.evaluate(task())).toBeNull();
  });

  it('answers nothing for a flag that is off and says nothing', async () => {
    await writeFile(
      file,
      JSON.stringify({ flags: { 'hybrid-canary': { ...FLAG, on: false, offVariation: null } } }),
    );
    const source = await openSource();
    expect(await source.evaluate(task())).toBeNull();
    expect(problems).toEqual([]);
  });

  it('answers nothing for a sticky key that LaunchDarkly cannot take, or a key function that throws', async () => {
    writeValues({ 'hybrid-canary': true });
    expect(await (await openSource()).evaluate(task(''))).toBeNull();
    const broken = await openSource({
      flagKeyFor: () => {
        throw new TypeError('with data in it');
      },
    });
    expect(await broken.evaluate(task())).toBeNull();
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain('with data');
  });

  it('answers nothing after close, and closes twice', async () => {
    writeValues({ 'hybrid-canary': true });
    const source = await openSource();
    await source.close();
    await source.close();
    expect(await source.evaluate(task())).toBeNull();
  });
});

describe('createFlagSource, file: rules', () => {
  it('splits the sticky keys as the rollout says, and only adds when it grows', async () => {
    await setFlag(file, 'hybrid-canary', '25%');
    const source = await openSource();
    const keys = Array.from({ length: 20_000 }, (_, i) => `document-${i}`);
    const chosen = async (): Promise<Set<string>> => {
      const answers = await Promise.all(keys.map((key) => source.evaluate(task(key))));
      return new Set(keys.filter((_, i) => answers[i]?.value === true));
    };
    const quarter = await chosen();
    expect(Math.abs(quarter.size - 5_000)).toBeLessThan(3 * Math.sqrt(keys.length * 0.25 * 0.75));
    expect(await chosen()).toEqual(quarter);
    await setFlag(file, 'hybrid-canary', '40%');
    const next = keys.find((key) => !quarter.has(key)) as string;
    expect(next).toBeDefined();
    await waitFor(async () => (await chosen()).size > quarter.size, { what: 'the rollout to grow' });
    const grown = await chosen();
    expect([...quarter].filter((key) => !grown.has(key))).toEqual([]);
    await setFlag(file, 'hybrid-canary', 'off');
    await waitFor(async () => (await chosen()).size === 0, { what: 'nobody to be chosen' });
  });

  it.each<[string, string, string | number | boolean, Partial<FlagContext>]>([
    ["the caller's attribute", 'customer', 'beta', { attributes: { customer: 'beta' } }],
    ['a number', 'pages', 12, { attributes: { pages: 12 } }],
    ['the queue', 'queue', 'slow', { queue: 'slow' }],
    ['the task', 'task', 'parse', { task: 'parse' }],
    ['the name', 'name', 'parse', { task: 'parse' }],
    ['the sticky key', 'key', 'doc-7', { stickyKey: 'doc-7' }],
  ])('targets %s', async (_, attribute, value, change) => {
    const clauses = [{ contextKind: 'task', attribute, op: 'in', values: [value] }];
    const flag = { ...FLAG, rules: [{ id: 'rule', variation: 0, clauses }] };
    await writeFile(file, JSON.stringify({ flags: { 'hybrid-canary': flag } }));
    const source = await openSource();
    expect((await source.evaluate(task('doc-1', change)))?.value).toBe(true);
    expect((await source.evaluate(task('doc-1')))?.value).toBe(false);
  });

  it("does not let attributes change the context's own fields", async () => {
    const flag = { ...FLAG, contextTargets: [{ contextKind: 'task', values: ['doc-1'], variation: 0 }] };
    await writeFile(file, JSON.stringify({ flags: { 'hybrid-canary': flag } }));
    const source = await openSource();
    const attributes = { kind: 'user', key: 'x', name: 'x', _meta: 'x', anonymous: 'yes', __proto__: 'x' };
    expect((await source.evaluate(task('doc-1', { attributes })))?.value).toBe(true);
  });

  it('follows segments', async () => {
    const rule = {
      id: 'r',
      variation: 0,
      clauses: [{ attribute: '', op: 'segmentMatch', values: ['early'] }],
    };
    const segment = {
      key: 'early',
      version: 1,
      includedContexts: [{ contextKind: 'task', values: ['doc-1'] }],
      included: [],
      excluded: [],
      rules: [],
      salt: 's',
    };
    await writeFile(
      file,
      JSON.stringify({
        flags: { 'hybrid-canary': { ...FLAG, rules: [rule] } },
        segments: { early: segment },
      }),
    );
    const source = await openSource();
    expect((await source.evaluate(task('doc-1')))?.value).toBe(true);
    expect((await source.evaluate(task('doc-2')))?.value).toBe(false);
  });
});

describe('createFlagSource, file: changes', () => {
  it('follows edits in place, edits by rename, several times, and new flags', async () => {
    writeValues({ 'hybrid-canary': 0.1 });
    const source = await openSource();
    expect((await source.evaluate(task()))?.value).toBe(0.1);
    writeValues({ 'hybrid-canary': 0.2 });
    await waitForValue(source, 0.2);
    for (const value of [0.3, 0.4, 0.5]) {
      await replaceValues({ 'hybrid-canary': value });
      await waitForValue(source, value);
    }
    writeValues({ 'hybrid-canary': 0.6 });
    await waitForValue(source, 0.6);
    // A flag that was asked for in vain before.
    await replaceValues({ 'hybrid-canary': 0.6, 'hybrid-generate-metadata': 'canary' });
    await waitForValue(source, 'canary');
    await replaceValues({ 'hybrid-canary': 0.6 });
    await waitForValue(source, 0.6);
    expect(problems).toEqual([]);
  });

  it('follows a link that is turned to another file', async () => {
    await writeFile(`${file}.1`, JSON.stringify({ flagValues: { 'hybrid-canary': 0.1 } }));
    await writeFile(`${file}.2`, JSON.stringify({ flagValues: { 'hybrid-canary': 0.2 } }));
    await symlink(`${file}.1`, file);
    const source = await openSource();
    await waitForValue(source, 0.1);
    await symlink(`${file}.2`, `${file}.link`);
    await rename(`${file}.link`, file);
    await waitForValue(source, 0.2);
  });

  it('sees what setFlag writes', async () => {
    const source = await openSource();
    for (const [setting, value] of [
      ['on', true],
      ['off', false],
      ['canary', 'canary'],
      ['stable', 'stable'],
    ] as const) {
      await setFlag(file, 'hybrid-canary', setting);
      await waitForValue(source, value);
    }
  });

  it.each(['{ "flagValues": { "hybrid-canary": tru', '', '{ "flags": { "hybrid-canary": { "on": true } } }'])(
    'keeps the last good flags when an edit breaks the file: %j',
    async (broken) => {
      writeValues({ 'hybrid-canary': 0.1 });
      const source = await openSource();
      save(broken);
      await waitFor(() => problems.length > 0, { what: 'the problem to be told' });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(`${file} cannot be used:`);
      expect(problems[0]).toContain('The last good flags stay in force.');
      expect(source.describe()).toEqual({ source: 'file', state: 'ready', problem: problems[0] });
      expect(await source.evaluate(task())).toEqual({
        key: 'hybrid-canary',
        value: 0.1,
        source: 'last-known',
      });
      await replaceValues({ 'hybrid-canary': 0.2 });
      await waitForValue(source, 0.2);
      expect(source.describe()).toEqual({ source: 'file', state: 'ready' });
      expect((await source.evaluate(task()))?.source).toBe('live');
    },
  );

  it('keeps the last good flags when the file goes away, and takes it when it is back', async () => {
    writeValues({ 'hybrid-canary': 0.1 });
    const source = await openSource();
    await unlink(file);
    await waitFor(() => problems.length > 0, { what: 'the problem to be told' });
    expect(problems).toEqual([
      `The flag file ${file} cannot be read (ENOENT).\nThe last good flags stay in force.`,
    ]);
    expect((await source.evaluate(task()))?.value).toBe(0.1);
    writeValues({ 'hybrid-canary': 0.1 });
    await waitFor(() => source.describe().problem === undefined, { what: 'all to be well' });
    writeValues({ 'hybrid-canary': 0.2 });
    await waitForValue(source, 0.2);
  });
});

describe('createFlagSource, file: start', () => {
  it('refuses a broken file with its line and column', async () => {
    await writeFile(file, '{\n  "flagValues": {\n    "hybrid-canary": true,\n  }\n}\n');
    await expect(openSource()).rejects.toMatchObject({
      code: 'E_INVALID_CONFIG',
      message: `${file} cannot be used:\n  line 4, column 3: given }; allowed: a key in double quotes`,
    });
  });

  it('starts without the file, says so, and takes it when it appears', async () => {
    const source = await openSource();
    const problem = `The flag file ${file} cannot be read (ENOENT).\nUntil it is there, the ratio decides.`;
    expect(problems).toEqual([problem]);
    expect(source.describe()).toEqual({ source: 'file', state: 'unavailable', problem });
    expect(await source.evaluate(task())).toBeNull();
    writeValues({ 'hybrid-canary': true });
    await waitForValue(source, true);
    expect(source.describe()).toEqual({ source: 'file', state: 'ready' });
    expect(problems).toEqual([problem]);
  });

  it('refuses to start without a path', async () => {
    await expect(openSource({ file: undefined })).rejects.toMatchObject({ code: 'E_INVALID_CONFIG' });
  });

  it('prints nothing and opens no connection', async () => {
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) =>
      jest.spyOn(console, level).mockImplementation(() => {}),
    );
    const written = jest.spyOn(process.stderr, 'write');
    writeValues({ 'hybrid-canary': 'x' });
    const source = await openSource();
    await source.evaluate(task());
    await source.close();
    for (const spy of [...spies, written]) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    expect(await readFile(file, 'utf8')).toContain('hybrid-canary');
  });
});
