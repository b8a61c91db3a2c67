import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { runDemo } from '../../examples/document-metadata/demo.ts';
import { demoScene, endOf } from '../support/demo-scene.ts';

const scene = demoScene();

describe('a demo that does not begin', () => {
  const { REDIS_URL } = process.env;
  afterEach(() => {
    if (REDIS_URL === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = REDIS_URL;
  });
  const run = async (...argv: string[]) => {
    const said: string[] = [];
    const write = (text: unknown) => said.push(String(text)) > 0;
    const spies = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation(write as typeof stream.write),
    );
    const code = await runDemo(argv).finally(() => {
      for (const spy of spies) spy.mockRestore();
    });
    return { code, text: said.join('') };
  };
  const out = () => join(scene.home, 'out');

  it.each(['50%', '1.5', '-1', 'NaN', ''])('refuses --ratio %j', async (given) => {
    const { code, text } = await run(`--ratio=${given}`);
    expect(code).toBe(2);
    expect(text).toBe(
      `error: The ratio is ${JSON.stringify(given)}; allowed: a number from 0 (all to stable) to 1 (all to canary), like 0.05. (E_INVALID_RATIO)\n`,
    );
  });

  it.each([
    ['--limit=0', /--limit.*Allowed: a whole number from 1/],
    ['--fast', /unknown option '--fast'/],
  ])('refuses %s and says how to get help', async (given, sentence) => {
    const { code, text } = await run(given);
    expect(code).toBe(2);
    expect(text).toMatch(sentence);
    expect(text).toMatch(/npm run demo -- --help/);
  });

  it('refuses a folder that is not there', async () => {
    const { code, text } = await run(join(scene.home, 'nowhere'), '--out', out());
    expect(code).toBe(2);
    expect(text).toMatch(/nowhere cannot be read: it does not exist; allowed: .*\(E_UNREADABLE_SOURCE\)/);
  });

  it('refuses an empty folder', async () => {
    mkdirSync(join(scene.home, 'docs'));
    const { code, text } = await run(join(scene.home, 'docs'), '--out', out());
    expect(code).toBe(2);
    expect(text).toMatch(/^error: There is no document in .*docs; allowed: \.md, .*\(E_NO_DOCUMENTS\)\n$/);
  });

  it('refuses a folder with nothing but binary files, naming them', async () => {
    scene.put('a.txt', new Uint8Array([1, 0, 2]));
    scene.put('b.md', new Uint8Array([0]));
    const { code, text } = await run(join(scene.home, 'docs'), '--json', '--out', out());
    expect(code).toBe(2);
    const { error } = JSON.parse(text);
    expect(error.code).toBe('E_NO_DOCUMENTS');
    expect(error.message).toMatch(/2 passed over: .*a\.txt: binary; .*b\.md: binary/);
  });

  it('refuses an output folder that cannot be made', async () => {
    scene.putDocuments(1, 1);
    const { code, text } = await run(
      join(scene.home, 'docs'),
      '--out',
      join(scene.home, 'docs', 'document-0.md', 'out'),
    );
    expect(code).toBe(2);
    expect(text).toMatch(/cannot be written: a file stands where a folder is needed.*\(E_OUTPUT_FOLDER\)/);
  });

  it('refuses an output folder with other files in it, and leaves them alone', async () => {
    scene.putDocuments(1, 1);
    const { code, text } = await run(join(scene.home, 'docs'), '--out', join(scene.home, 'docs'));
    expect(code).toBe(2);
    expect(text).toMatch(/there are files in it that are not from this demo.*--out DIR \(E_OUTPUT_IN_USE\)/);
    expect(readdirSync(join(scene.home, 'docs'))).toEqual(['document-0.md']);
  });

  it('refuses an output folder that another demo is writing to', async () => {
    scene.putDocuments(1, 1);
    mkdirSync(out());
    const record = { program: 'hybrid demo', runId: 'another', pid: process.ppid, finishedAt: null };
    writeFileSync(join(out(), 'run.json'), JSON.stringify(record));
    const { code, text } = await run(join(scene.home, 'docs'), '--out', out());
    expect(code).toBe(2);
    expect(text).toMatch(/another demo \(process \d+\) is writing to it/);
  });

  it('says so when a freeze is in force, submits nothing, and ends with 3', async () => {
    scene.putDocuments(1, 1);
    await scene.withManager((manager) => manager.freeze({ reason: 'test' }));
    process.env.REDIS_URL = scene.url;
    const { code, text } = await run(join(scene.home, 'docs'), '--json', '--out', out());
    expect(code).toBe(3);
    const { error } = JSON.parse(text);
    expect(error.code).toBe('E_FROZEN');
    expect(error.message).toMatch(/npx hybrid resume --reason "\.\.\." --config .*demo\.yaml/);
    const { plain, ledger, control } = await scene.withManager((manager) => manager.status());
    expect([plain.succeeded, ledger.accepted, control.frozen]).toEqual([0, 0, 'rollback']);
  });

  it('explains itself', async () => {
    const { code, text } = await run('--help');
    expect(code).toBe(0);
    expect(text).toMatch(/^Usage: hybrid demo \[options\] \[folder\]/);
  });

  it('refuses a fault that there is not, and one for a rehearsal', async () => {
    const unknown = await endOf(scene.start('--inject', 'chaos'));
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/Allowed choices are mismatch, errors, slow/);
    const both = await endOf(scene.start('--inject', 'slow', '--drill'));
    expect(both.code).toBe(2);
    expect(both.stderr).toMatch(/--drill.*cannot be used with.*--inject/);
  });
});
