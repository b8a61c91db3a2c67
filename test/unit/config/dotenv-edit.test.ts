import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { switchOffInDotenv } from '../../../src/config/dotenv-edit.ts';
import { readDotenv, readEnvironment } from '../../../src/config/environment.ts';

let root = '';
let folder = '';
let file = '';
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dotenv-edit-'));
});
beforeEach(async () => {
  folder = join(root, String(++count));
  await mkdir(folder);
  file = join(folder, '.env');
});
afterAll(() => rm(root, { recursive: true }));

const text = () => readFile(file, 'utf8');

async function off(given: string | Buffer) {
  await writeFile(file, given);
  const changes = await switchOffInDotenv(folder);
  for (const each of changes) expect(each.file).toBe(file);
  return changes.map(({ setting, before, after, status }) => `${setting}: ${before} to ${after}, ${status}`);
}

describe('switchOffInDotenv', () => {
  it.each([
    ['USE_CELERY=true\n', 'USE_CELERY=false\n'],
    ['USE_CELERY=true', 'USE_CELERY=false'],
    ['export USE_CELERY="true"\n', 'export USE_CELERY="false"\n'],
    ["  USE_CELERY = 'true'   # since Monday\n", "  USE_CELERY = 'false'   # since Monday\n"],
    ['USE_CELERY=`true`\n', 'USE_CELERY=`false`\n'],
    ['USE_CELERY: true\n', 'USE_CELERY: false\n'],
    ['USE_CELERY=true # "quoted"\n', 'USE_CELERY=false # "quoted"\n'],
    ['USE_CELERY=true#no blank\n', 'USE_CELERY=false#no blank\n'],
    ['A=1\r\nUSE_CELERY=true\r\nB=2\r\n', 'A=1\r\nUSE_CELERY=false\r\nB=2\r\n'],
    ['\uFEFFUSE_CELERY=true\n', '\uFEFFUSE_CELERY=false\n'],
    ['USE_CELERY=" true "\n', 'USE_CELERY="false"\n'],
    ['# USE_CELERY=true\nUSE_CELERY=true\n', '# USE_CELERY=true\nUSE_CELERY=false\n'],
    ['NOTE="\nUSE_CELERY=true\n"\nUSE_CELERY=true\n', 'NOTE="\nUSE_CELERY=true\n"\nUSE_CELERY=false\n'],
    [
      'OLD_USE_CELERY=true\nUSE_CELERY=true\nUSE_CELERY2=true\n',
      'OLD_USE_CELERY=true\nUSE_CELERY=false\nUSE_CELERY2=true\n',
    ],
    ['USE_CELERY=true\nUSE_CELERY=true\n', 'USE_CELERY=false\nUSE_CELERY=false\n'],
    [
      'USE_CELERY=true\nA=$USE_CELERY\nUSE_CELERY=false\n',
      'USE_CELERY=false\nA=$USE_CELERY\nUSE_CELERY=false\n',
    ],
    ['密=比\nUSE_CELERY=true # 😀\n', '密=比\nUSE_CELERY=false # 😀\n'],
  ])('%j becomes %j', async (given, expected) => {
    expect(await off(given)).toEqual(['USE_CELERY: true to false, changed']);
    expect(await text()).toBe(expected);
  });

  it('switches CELERY_RATIO off as well, so that our own config takes the file', async () => {
    expect(await off('CELERY_RATIO="0.25"\nUSE_CELERY=true\nREDIS_URL=redis://:secret@h\n')).toEqual([
      'USE_CELERY: true to false, changed',
      'CELERY_RATIO: 0.25 to 0, changed',
    ]);
    expect(await text()).toBe('CELERY_RATIO="0"\nUSE_CELERY=false\nREDIS_URL=redis://:secret@h\n');
    const reading = readEnvironment({}, await readDotenv(folder));
    expect(reading).toMatchObject({ problems: [], settings: { USE_CELERY: false, CELERY_RATIO: 0 } });
  });

  it('switches CELERY_RATIO off where it stands alone', async () => {
    expect(await off('CELERY_RATIO=.5\n')).toEqual(['CELERY_RATIO: .5 to 0, changed']);
    expect(await text()).toBe('CELERY_RATIO=0\n');
  });

  it.each([
    [
      'USE_CELERY=False\nCELERY_RATIO=0.00\n',
      ['USE_CELERY: False to false, unchanged', 'CELERY_RATIO: 0.00 to 0, unchanged'],
    ],
    ['A=1\nREDIS_URL=redis://h\n', []],
    ['# USE_CELERY=true\n', []],
    ['USE_CELERY=\nCELERY_RATIO=""\n', []],
    ['USE_CELERY=\nNEXT=true\n', []],
    ['', []],
  ])('leaves %j as it is', async (given, told) => {
    await writeFile(file, given, { mode: 0o400 });
    const { ino } = await stat(file);
    const changes = await switchOffInDotenv(folder);
    expect(changes.map((c) => `${c.setting}: ${c.before} to ${c.after}, ${c.status}`)).toEqual(told);
    expect(await text()).toBe(given);
    expect((await stat(file)).ino).toBe(ino);
  });

  it.each([
    ['yes', 'yes'],
    ['1', '1'],
    ['redis://:secret@host', 'redis://***@host'],
  ])('takes %s for not off', async (given, before) => {
    expect(await off(`USE_CELERY=${given}\n`)).toEqual([`USE_CELERY: ${before} to false, changed`]);
    expect(await text()).toBe('USE_CELERY=false\n');
  });

  it('does not swallow the lines below a missing quote', async () => {
    const given = 'USE_CELERY="true\nPASSWORD=secret"\nCELERY_RATIO=1\n';
    expect(await off(given)).toEqual(['USE_CELERY: null to false, failed', 'CELERY_RATIO: 1 to 0, changed']);
    expect(await text()).toBe(given.replace('RATIO=1', 'RATIO=0'));
  });

  it('has no entry for a missing file or folder', async () => {
    expect(await switchOffInDotenv(folder)).toEqual([]);
    expect(await switchOffInDotenv(join(folder, 'none'))).toEqual([]);
  });

  it('keeps other bytes than UTF-8 by not touching the file', async () => {
    const given = Buffer.from('NAME=caf\xe9\nUSE_CELERY=true\n', 'latin1');
    expect(await off(given)).toEqual(['USE_CELERY: null to false, failed']);
    expect(await readFile(file)).toEqual(given);
  });

  it('says why a file cannot be read or written, without its text', async () => {
    await writeFile(file, 'PASSWORD=secret\nUSE_CELERY=true\n', { mode: 0o400 });
    const change = { setting: 'USE_CELERY', after: 'false', status: 'failed' };
    expect(await switchOffInDotenv(folder)).toEqual([
      { file, ...change, before: 'true', problem: 'read-only' },
    ]);
    await rm(file);
    await mkdir(file);
    expect(await switchOffInDotenv(folder)).toEqual([{ file, ...change, before: null, problem: 'EISDIR' }]);
  });

  it('keeps the mode of a private file', async () => {
    await writeFile(file, 'USE_CELERY=true\n');
    await chmod(file, 0o600);
    await switchOffInDotenv(folder);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});
