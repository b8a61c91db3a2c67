import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { writeZeroRatio } from '../../../src/config/routing-edit.ts';
import { parseConfig } from '../../../src/config.ts';

let root = '';
let folder = '';
let file = '';
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'routing-edit-'));
});
beforeEach(async () => {
  folder = join(root, String(++count));
  await mkdir(folder);
  file = join(folder, 'hybrid.yaml');
});
afterAll(() => rm(root, { recursive: true }));

const text = () => readFile(file, 'utf8');

/** Writes a text, zeroes its ratios and gives back what was told, shortly: setting, old value, status. */
async function zero(given: string | Buffer) {
  await writeFile(file, given);
  const changes = await writeZeroRatio(file);
  for (const each of changes) expect(each).toMatchObject({ file, after: '0' });
  return changes.map(({ setting, before, status }) => `${setting}: ${before}, ${status}`);
}

const OWN = 'routing.celeryRatio';

describe('writeZeroRatio', () => {
  it('changes the number and nothing else of the file that comes with the project', async () => {
    const shipped = await readFile('config/hybrid.yaml', 'utf8');
    const given = shipped.replace('celeryRatio: 0\n', 'celeryRatio: 0.05 # since Monday\n');
    expect(given).not.toBe(shipped);
    expect(await zero(given)).toEqual([`${OWN}: 0.05, changed`]);
    expect(await text()).toBe(shipped.replace('celeryRatio: 0\n', 'celeryRatio: 0 # since Monday\n'));
  });

  it.each([
    ['flow style', 'routing: { celeryRatio: 0.05 }', 'routing: { celeryRatio: 0 }'],
    ['no blanks', '{"routing":{"celeryRatio":0.05}}', '{"routing":{"celeryRatio":0}}'],
    ['CRLF', 'routing:\r\n  celeryRatio: 0.05\r\n# end\r\n', 'routing:\r\n  celeryRatio: 0\r\n# end\r\n'],
    ['a byte order mark', '\uFEFFrouting:\n  celeryRatio: 0.05\n', '\uFEFFrouting:\n  celeryRatio: 0\n'],
    ['a comment behind it', 'routing:\n  celeryRatio: 0.05# no\n', null],
    ['blanks', 'routing :\n    celeryRatio:   0.05   # why\n', 'routing :\n    celeryRatio:   0   # why\n'],
    ['Unicode before it', '# 比例 😀\nrouting: {celeryRatio: 0.05}', '# 比例 😀\nrouting: {celeryRatio: 0}'],
    ['an anchor', 'routing: { celeryRatio: &r 0.05 }', 'routing: { celeryRatio: &r 0 }'],
    ['a key in quotes', 'routing: { "celeryRatio": 0.05 }', 'routing: { "celeryRatio": 0 }'],
    ['a complex key', 'routing:\n  ? celeryRatio\n  : 0.05\n', 'routing:\n  ? celeryRatio\n  : 0\n'],
    [
      'a document start',
      '---\nrouting: { celeryRatio: 0.05 }\n...\n',
      '---\nrouting: { celeryRatio: 0 }\n...\n',
    ],
    ['no last line end', 'routing:\n  celeryRatio: 0.05', 'routing:\n  celeryRatio: 0'],
  ])('keeps %s', async (_, given, expected) => {
    const told = await zero(given);
    expect(await text()).toBe(expected ?? given.replace('0.05# no', '0'));
    if (expected !== null) expect(told).toEqual([`${OWN}: 0.05, changed`]);
  });

  it.each([
    ['1', '1'],
    ['5e-2', '0.05'],
    ['"0.05"', '"0.05"'],
    ["'50%'", '"50%"'],
    ['nonsense', '"nonsense"'],
    ['null', 'null'],
    ['', 'null'],
    ['redis://:secret@host', '"redis://***@host"'],
  ])('makes %j a zero too', async (given, before) => {
    expect(await zero(`routing:\n  celeryRatio: ${given}\n  mode: flag\n`)).toEqual([
      `${OWN}: ${before}, changed`,
    ]);
    expect(parseConfig(await text(), file).routing).toMatchObject({ celeryRatio: 0, mode: 'flag' });
  });

  it('zeroes the ratios of single tasks', async () => {
    const given =
      'routing:\n  tasks:\n    a: { celeryRatio: 0.1 } # a\n    b.c:\n      celeryRatio: 1\n    d: { celeryRatio: 0 }\n';
    expect(await zero(given)).toEqual([
      `${OWN}: null, unchanged`,
      'routing.tasks.a.celeryRatio: 0.1, changed',
      'routing.tasks."b.c".celeryRatio: 1, changed',
      'routing.tasks.d.celeryRatio: 0, unchanged',
    ]);
    expect(await text()).toBe(given.replace('0.1', '0').replace('celeryRatio: 1\n', 'celeryRatio: 0\n'));
  });

  it('replaces an alias by the number, and a number that aliases share once', async () => {
    const given =
      'worker: { processes: &one 1 }\nrouting:\n  celeryRatio: *one\n  tasks:\n    a: &t { celeryRatio: 0.5 }\n    b: *t\n';
    expect(await zero(given)).toEqual([
      `${OWN}: 1, changed`,
      'routing.tasks.a.celeryRatio: 0.5, changed',
      'routing.tasks.b.celeryRatio: 0.5, changed',
    ]);
    expect(await text()).toBe(given.replace('*one', '0').replace('0.5', '0'));
  });

  it('does not change a number that another setting has as well', async () => {
    const given = 'routing: { celeryRatio: &one 1 }\nworker: { processes: *one }\n';
    expect(await zero(given)).toEqual([`${OWN}: 1, failed`]);
    expect(await text()).toBe(given);
  });

  it.each([
    '',
    '# nothing\n',
    'namespace: a\n',
    'routing:\n',
    'routing: {}\n',
    'routing: { mode: flag }\n',
    '- a\n',
    'celeryRatio: 0.5\n',
  ])('has nothing to do in %j', async (given) => {
    expect(await zero(given)).toEqual([`${OWN}: null, unchanged`]);
    expect(await text()).toBe(given);
  });

  it.each(['0', '0.0', '-0', '0 # off'])('leaves %s, even where nobody may write', async (given) => {
    await writeFile(file, `routing: { celeryRatio: ${given}\n}\n`, { mode: 0o444 });
    const { ino } = await stat(file);
    expect(await writeZeroRatio(file)).toMatchObject([{ status: 'unchanged', problem: null }]);
    expect((await stat(file)).ino).toBe(ino);
  });

  it.each([
    'routing: { celeryRatio: 0.05 # password',
    'routing:\n  celeryRatio: 0.05\nredis: { url: @password }\n',
    'routing: { celeryRatio: 0.05 }\n---\npassword: 1\n',
    'routing: { celeryRatio: *password }\n',
    'routing: { celeryRatio: 0.05, celeryRatio: 1 }\n',
  ])('leaves a broken file alone and does not quote it: %j', async (given) => {
    await writeFile(file, given);
    const [change, ...more] = await writeZeroRatio(file);
    expect(more).toEqual([]);
    expect(change).toEqual({
      file,
      setting: OWN,
      before: null,
      after: '0',
      status: 'failed',
      problem: expect.stringMatching(/^not a config file \((line \d+, column \d+|aliases \(\*\))\)$/),
    });
    expect(await text()).toBe(given);
  });

  it.each(['{ secret: 1 }', '[secret]', '!!str 0.5'])('says that %j is no number', async (given) => {
    await writeFile(file, `routing:\n  celeryRatio: ${given}\n  mode: ratio\n`);
    const before = await text();
    const changes = await writeZeroRatio(file);
    expect(changes).toMatchObject([{ status: 'failed', problem: expect.any(String) }]);
    expect(await text()).toBe(before);
  });

  it('changes what can be changed', async () => {
    expect(await zero('routing:\n  celeryRatio: [1]\n  tasks: { a: { celeryRatio: 1 } }\n')).toEqual([
      `${OWN}: null, failed`,
      'routing.tasks.a.celeryRatio: 1, changed',
    ]);
    expect(await text()).toBe('routing:\n  celeryRatio: [1]\n  tasks: { a: { celeryRatio: 0 } }\n');
  });

  it('keeps other bytes than UTF-8 by not touching the file', async () => {
    const given = Buffer.from('# caf\xe9\nrouting: { celeryRatio: 0.5 }\n', 'latin1');
    expect(await zero(given)).toEqual([`${OWN}: null, failed`]);
    expect(await readFile(file)).toEqual(given);
  });

  it('has no entry for a missing file', async () => {
    expect(await writeZeroRatio(file)).toEqual([]);
    expect(await writeZeroRatio(join(folder, 'none', 'hybrid.yaml'))).toEqual([]);
  });

  it('names the code of a file that cannot be read', async () => {
    expect(await writeZeroRatio(folder)).toMatchObject([
      { status: 'failed', problem: 'EISDIR', before: null },
    ]);
  });

  it('says that a file without any write bit is read-only, also to root', async () => {
    await writeFile(file, 'routing: { celeryRatio: 0.5 }\n', { mode: 0o444 });
    expect(await writeZeroRatio(file)).toMatchObject([
      { before: '0.5', status: 'failed', problem: 'read-only' },
    ]);
    expect(await text()).toContain('0.5');
    expect(await readdir(folder)).toEqual(['hybrid.yaml']);
  });

  it('keeps mode and link, and leaves nothing beside the file', async () => {
    const target = join(folder, 'target.yaml');
    await writeFile(target, 'routing: { celeryRatio: 0.5 }\n');
    await chmod(target, 0o666); // more than a usual umask lets through
    await symlink(target, file);
    expect(await writeZeroRatio(file)).toMatchObject([{ file, status: 'changed' }]);
    expect((await stat(target)).mode & 0o777).toBe(0o666);
    expect(await text()).toBe('routing: { celeryRatio: 0 }\n');
    expect(await readdir(folder)).toEqual(['hybrid.yaml', 'target.yaml']);
  });

  it('changes nothing the second time', async () => {
    await zero('routing: { celeryRatio: 0.5 }\n');
    expect(await writeZeroRatio(file)).toMatchObject([{ before: '0', status: 'unchanged' }]);
  });
});
