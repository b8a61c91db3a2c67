import {
  chmod,
  chown,
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
import { ReadOnlyFileError, replaceFile } from '../../src/file-replacement.ts';

let root = '';
let folder = '';
let file = '';
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'replacement-'));
});
beforeEach(async () => {
  folder = join(root, String(++count));
  await mkdir(folder);
  file = join(folder, 'a.txt');
});
afterAll(() => rm(root, { recursive: true }));

describe('replaceFile', () => {
  it('makes a missing file in a missing folder', async () => {
    const deep = join(folder, 'b', 'c', 'd.txt');
    await replaceFile(deep, 'new');
    expect(await readFile(deep, 'utf8')).toBe('new');
    expect(await readdir(join(folder, 'b', 'c'))).toEqual(['d.txt']);
  });

  it('puts another file in the place of the old one, with its mode and owner', async () => {
    await writeFile(file, 'old');
    // Only root can give a file away; for others it stays their own.
    const owner = process.getuid?.() === 0 ? 12_345 : (await stat(file)).uid;
    await chown(file, owner, (await stat(file)).gid);
    await chmod(file, 0o646);
    const before = await stat(file);
    await replaceFile(file, 'new');
    const after = await stat(file);
    expect(await readFile(file, 'utf8')).toBe('new');
    expect({ mode: after.mode, uid: after.uid, gid: after.gid }).toEqual({
      mode: before.mode,
      uid: owner,
      gid: before.gid,
    });
    expect(after.ino).not.toBe(before.ino);
    expect(await readdir(folder)).toEqual(['a.txt']);
  });

  it('writes through links, relative ones too', async () => {
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data', 'real'), 'old');
    await symlink('data/real', join(folder, 'second'));
    await symlink('second', file);
    await replaceFile(file, 'new');
    expect(await readFile(join(folder, 'data', 'real'), 'utf8')).toBe('new');
    expect(await readdir(folder)).toEqual(['a.txt', 'data', 'second']);
    expect(await readdir(join(folder, 'data'))).toEqual(['real']);
  });

  it('leaves a file without any write bit alone, whoever asks', async () => {
    await writeFile(file, 'old', { mode: 0o440 });
    await expect(replaceFile(file, 'new')).rejects.toBeInstanceOf(ReadOnlyFileError);
    expect(await readFile(file, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['a.txt']);
  });

  it('leaves nothing behind when the rename fails', async () => {
    await mkdir(file);
    await writeFile(join(file, 'inside'), '');
    await expect(replaceFile(file, 'new')).rejects.toMatchObject({
      code: expect.stringMatching(/^E[A-Z]+$/),
    });
    expect(await readdir(folder)).toEqual(['a.txt']);
  });
});
