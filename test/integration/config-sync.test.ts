import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { z } from 'zod';
import { defineTask, HybridTaskManager, loadConfig, type ManagerOptions } from '../../src/index.ts';
import { settingsFor } from '../support/hybrid-system.ts';
import { type LogLine, RecordingLog } from '../support/recording-log.ts';
import { expectNoLeakedConnections, uniqueName, waitFor } from '../support/redis.ts';

const task = defineTask({ name: 'job', queue: 'jobs', input: z.any(), output: z.any(), handler: () => null });

let folder: string;
let file: string;
let namespace: string;
let opened: HybridTaskManager[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hybrid-sync-'));
  file = join(folder, 'hybrid.yaml');
  namespace = uniqueName('sync');
  opened = [];
  await edit({ celeryRatio: 0.25 });
});
afterEach(async () => {
  for (const manager of opened) await manager.close();
  await rm(folder, { recursive: true });
});
afterAll(() => expectNoLeakedConnections());

interface Running {
  readonly manager: HybridTaskManager;
  readonly log: RecordingLog;
}

async function open(options: Partial<ManagerOptions> = {}): Promise<Running> {
  const log = new RecordingLog();
  const config = await loadConfig({ file, env: {}, cwd: folder });
  const manager = await HybridTaskManager.open({ config, tasks: [task], log, ...options });
  opened.push(manager);
  return { manager, log };
}

/** As an editor saves: another file, renamed into place. */
async function write(text: string): Promise<void> {
  await writeFile(join(folder, 'next'), text);
  await rename(join(folder, 'next'), file);
}

const edit = (routing: object) => write(stringify({ ...settingsFor(namespace), routing }));
const ratioOf = ({ manager }: Running, ratio: number) =>
  waitFor(() => manager.state.celeryRatio === ratio, { what: `ratio ${ratio}` });

/** The first line with these words, as soon as there is one. */
async function said({ log }: Running, words: string): Promise<LogLine> {
  const find = () => log.lines.find(({ message }) => message.includes(words));
  return (await waitFor(find, { what: `the log to say "${words}"` })) as LogLine;
}

describe('an edit of the running config file', () => {
  it('changes the live ratio, here and in a manager that follows no file', async () => {
    const follower = await open();
    const other = await open({ followConfigFile: false });
    await edit({ celeryRatio: 0.75, tasks: { job: { celeryRatio: 1 } } });
    await Promise.all([ratioOf(follower, 0.75), ratioOf(other, 0.75)]);
    expect(other.manager.state).toMatchObject({ epoch: 2, taskRatios: { job: 1 } });
    expect((await other.manager.submit(task, { n: 1 })).decision).toMatchObject({
      backend: 'canary',
      ratio: 1,
    });
    const [change] = await other.manager.audit(1);
    expect(change).toMatchObject({ intent: 'change', actor: expect.stringMatching(/^config:/) });
    expect(change?.reason).toContain('was edited');
  });

  it('followed by many is one change', async () => {
    const all = [await open(), await open(), await open()];
    await edit({ celeryRatio: 0.5 });
    await Promise.all(all.map((each) => ratioOf(each, 0.5)));
    await edit({ celeryRatio: 0.6 });
    await Promise.all(all.map((each) => ratioOf(each, 0.6)));
    // Whoever came second has seen by now that the first edit was live.
    const changes = (await all[0]?.manager.audit()) ?? [];
    expect(changes.map(({ after }) => after.celeryRatio)).toEqual(['0.6', '0.5', '0.25']);
  });

  it('that reaches another process later does not undo what an operator did meanwhile', async () => {
    // Two pods, each with its own copy of the file, as a ConfigMap gives them.
    const early = await open();
    const lateFile = join(folder, 'late.yaml');
    const editLate = (routing: object) =>
      writeFile(lateFile, stringify({ ...settingsFor(namespace), routing }));
    await editLate({ celeryRatio: 0.25 });
    const late = await open({ config: await loadConfig({ file: lateFile, env: {}, cwd: folder }) });

    const first = { celeryRatio: 0.5, tasks: { a: { celeryRatio: 1 }, b: { celeryRatio: 0 } } };
    await edit(first);
    await Promise.all([ratioOf(early, 0.5), ratioOf(late, 0.5)]);
    const operators = await early.manager.setRatio(0, { reason: 'p95 doubled' });
    await editLate({ ...first, tasks: { b: { celeryRatio: 0 }, a: { celeryRatio: 1 } } });
    const line = await said(late, 'The edit was live before');
    expect(line).toMatchObject({
      level: 'warn',
      fields: { drift: [{ setting: 'celeryRatio', file: 0.5, live: 0 }] },
    });
    expect(late.manager.state).toEqual(operators);

    await editLate({ celeryRatio: 0.6 });
    await Promise.all([ratioOf(early, 0.6), ratioOf(late, 0.6)]);
    await edit({ celeryRatio: 0.6 });
    // What its operator typed already is an edit made live, too: it does not come back from the slower pod.
    await early.manager.setRatio(0.7, { reason: 'typed' });
    await edit({ celeryRatio: 0.7 });
    await waitFor(async () => (await early.manager.status()).file.routing.celeryRatio === 0.7, {
      what: 'the edit to be seen',
    });
    const stays = await early.manager.setRatio(0, { reason: 'p95 doubled again' });
    late.log.lines.length = 0;
    await editLate({ celeryRatio: 0.7 });
    await said(late, 'The edit was live before');
    expect(late.manager.state).toEqual(stays);
    // Who asks for it by command gets it.
    expect(await late.manager.apply({ reason: 'deploy' })).toMatchObject({ celeryRatio: 0.7 });
  });

  it('in a folder that cannot be watched: a warning, and the manager opens', async () => {
    const config = await loadConfig({ file, env: {}, cwd: folder });
    const gone = { ...config, file: join(folder, 'gone', 'hybrid.yaml') };
    const running = await open({ config: gone });
    const line = await said(running, 'Edits of the config file are not followed');
    expect(line).toMatchObject({ level: 'warn', fields: { file: gone.file } });
    expect(await running.manager.setRatio(0.5, { reason: 'by hand' })).toMatchObject({ celeryRatio: 0.5 });
  });

  it('that cannot be used keeps the last state and says so, and the next good one counts', async () => {
    const running = await open();
    for (const bad of [
      'routing: { celeryRatio: 1.5 }',
      'routing: { celeryRatio: "50%" }',
      'routing: {celeryRatio: 0.9',
      'routing: { celeryRatio: .nan }',
      'unknown: key',
      '',
    ]) {
      running.log.lines.length = 0;
      await write(bad);
      const line = await said(running, 'The edit is not used, the last good state stays.');
      expect(line).toMatchObject({ level: 'error', fields: { file } });
      expect(running.manager.state).toMatchObject({ epoch: 1, celeryRatio: 0.25 });
    }
    await edit({ celeryRatio: 0.9 });
    await ratioOf(running, 0.9);
  });

  it('frozen: stays frozen, and says so', async () => {
    const running = await open();
    await running.manager.freeze({ reason: 'burning' });
    await edit({ celeryRatio: 0.9 });
    const line = await said(running, 'The edit is not live');
    expect(line).toMatchObject({ level: 'warn', message: expect.stringContaining('hybrid resume') });
    expect(running.manager.state).toMatchObject({ epoch: 2, frozen: 'rollback', celeryRatio: 0 });
    await running.manager.resume({ reason: 'fixed' });
    expect(running.manager.state).toMatchObject({ frozen: '', celeryRatio: 0 });
  });

  it('after close, or not followed: nothing', async () => {
    const [closed, deaf, follower] = [await open(), await open({ followConfigFile: false }), await open()];
    await closed.manager.close();
    await edit({ celeryRatio: 0.5 });
    await ratioOf(follower, 0.5);
    const changes = await deaf.manager.audit();
    expect(changes.map(({ intent }) => intent)).toEqual(['change', 'init']);
  });
});

describe('a file that differs from the live state at the start', () => {
  it('is not applied; the log and the status name the drift', async () => {
    await open({ followConfigFile: false });
    await edit({ celeryRatio: 0.75, mode: 'flag', tasks: { job: { celeryRatio: 1 } } });
    const late = await open();
    const drift = [
      { setting: 'celeryRatio', file: 0.75, live: 0.25 },
      { setting: 'mode', file: 'flag', live: 'ratio' },
      { setting: 'tasks.job.celeryRatio', file: 1, live: null },
    ];
    const line = await said(late, 'differs from the live state');
    expect(line).toMatchObject({ level: 'warn', fields: { drift } });
    expect(line.message).toContain('hybrid apply');
    expect((await late.manager.status()).file).toMatchObject({ path: file, drift });
    expect(late.manager.state).toMatchObject({ epoch: 1, celeryRatio: 0.25, mode: 'ratio' });
  });

  it('becomes live with apply, once', async () => {
    const { manager } = await open({ followConfigFile: false });
    await manager.setRatio(0.9, { reason: 'by hand' });
    await manager.setRatio(0.1, { task: 'job', reason: 'by hand' });
    expect((await manager.status()).file.drift).toEqual([
      { setting: 'celeryRatio', file: 0.25, live: 0.9 },
      { setting: 'tasks.job.celeryRatio', file: null, live: 0.1 },
    ]);
    expect(await manager.apply({ reason: 'deploy' })).toMatchObject({
      epoch: 4,
      celeryRatio: 0.25,
      taskRatios: {},
    });
    expect((await manager.status()).file.drift).toEqual([]);
    expect(await manager.apply({ reason: 'deploy again' })).toMatchObject({ epoch: 4 });
  });

  it('is refused by apply while frozen', async () => {
    const { manager } = await open();
    await manager.freeze({ reason: 'burning' });
    await expect(manager.apply({ reason: 'deploy' })).rejects.toMatchObject({ code: 'E_FROZEN' });
    expect(manager.state).toMatchObject({ frozen: 'rollback', celeryRatio: 0 });
  });

  it('is what was edited last, not what was there at the start', async () => {
    const { manager, log } = await open();
    await edit({ celeryRatio: 0.6 });
    await ratioOf({ manager, log }, 0.6);
    expect((await manager.status()).file).toMatchObject({ routing: { celeryRatio: 0.6 }, drift: [] });
    await manager.setRatio(0.1, { reason: 'by hand' });
    expect((await manager.status()).file.drift).toEqual([{ setting: 'celeryRatio', file: 0.6, live: 0.1 }]);
    expect(await manager.apply({ reason: 'deploy' })).toMatchObject({ celeryRatio: 0.6 });
  });
});
