import { renameSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { watchConfig } from '../../src/config.ts';
import type { RoutingSettings } from '../../src/domain/control-state.ts';
import type { InvalidConfigError } from '../../src/domain/errors.ts';

type Seen = { readonly change: RoutingSettings } | { readonly problem: InvalidConfigError };

/** A watcher, and what it reported. */
interface Observer {
  readonly seen: readonly Seen[];
  /** Everything that was reported, once that is `count` events or more. */
  events(count: number): Promise<readonly Seen[]>;
  close(): Promise<void>;
}

let folder: string;
let file: string;
let observers: Observer[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hybrid-watch-'));
  file = join(folder, 'hybrid.yaml');
  observers = [];
});
afterEach(async () => {
  for (const observer of observers) await observer.close();
  await rm(folder, { recursive: true });
});

async function watch(): Promise<Observer> {
  const seen: Seen[] = [];
  let wake = () => {};
  const note = (event: Seen) => {
    seen.push(event);
    wake();
  };
  const watcher = await watchConfig(file, {
    onChange: (change) => note({ change }),
    onProblem: (problem) => note({ problem }),
  });
  const events = async (count: number) => {
    while (seen.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return seen;
  };
  const observer = { seen, events, close: () => watcher.close() };
  observers.push(observer);
  return observer;
}

async function start(text: string): Promise<Observer> {
  await writeFile(file, text);
  return watch();
}

const ratio = (value: number | string) => `routing:\n  celeryRatio: ${value}\n`;
const changeTo = (celeryRatio: number) => ({
  change: { celeryRatio, mode: 'ratio', taskRatios: {} },
});

/** Into the file itself, in one turn: nobody here sees it between being emptied and being written. */
function save(text: string): void {
  writeFileSync(file, text);
}

async function saveByRename(text: string): Promise<void> {
  await writeFile(`${file}.tmp`, text);
  await rename(`${file}.tmp`, file);
}

describe('watchConfig', () => {
  it('reports an edit, again and again', async () => {
    const { events } = await start(ratio(0));
    save(ratio(0.1));
    await events(1);
    save(`${ratio(0.2)}  mode: flag\n  tasks: { a: { celeryRatio: 1 } }\n`);
    expect(await events(2)).toEqual([
      changeTo(0.1),
      { change: { celeryRatio: 0.2, mode: 'flag', taskRatios: { a: 1 } } },
    ]);
  });

  it('follows a file that is replaced by another, more than once', async () => {
    const { events } = await start(ratio(0));
    for (const [index, value] of [0.1, 0.2, 0.3].entries()) {
      await saveByRename(ratio(value));
      expect((await events(index + 1))[index]).toEqual(changeTo(value));
    }
  });

  it('takes an edit of something else, or back to what is in force, for no change', async () => {
    const { events } = await start(ratio(0));
    save(ratio('half'));
    await events(1);
    // A second watcher has nothing in force yet, so it tells when both have taken in the next good content.
    const witness = await watch();
    save(ratio('quarter'));
    await Promise.all([events(2), witness.events(2)]);
    save(`# a comment\n${ratio('0.0')}log:\n  level: debug\n`);
    expect((await witness.events(3))[2]).toEqual(changeTo(0));
    save(ratio(0.5));
    expect((await events(3)).slice(2)).toEqual([changeTo(0.5)]);
  });

  it('makes one change of a burst of saves', async () => {
    const { events } = await start(ratio(0));
    const until = performance.now() + 300;
    let last = 0;
    // One save per turn of the event loop, each in one step: no two looks see the same before the burst is over.
    while (performance.now() < until) {
      last += 1;
      writeFileSync(`${file}.tmp`, ratio(last / 1e6));
      renameSync(`${file}.tmp`, file);
      await setImmediate();
    }
    expect(await events(1)).toEqual([changeTo(last / 1e6)]);
    save(ratio(0.5));
    expect(await events(2)).toEqual([changeTo(last / 1e6), changeTo(0.5)]);
  });

  it('keeps the last good state over a bad edit, says what is wrong, and says it once', async () => {
    const { events } = await start(ratio(0.1));
    save(ratio('50%'));
    await events(1);
    // The same mistake in a new file, then what was good before, then news.
    await saveByRename(ratio('50%'));
    await saveByRename(ratio(0.1));
    await saveByRename(ratio(0.2));
    const [problem, change] = await events(2);
    expect(problem).toMatchObject({
      problem: {
        code: 'E_INVALID_CONFIG',
        source: file,
        problems: [{ path: 'routing.celeryRatio', given: '"50%"' }],
      },
    });
    expect(change).toEqual(changeTo(0.2));
  });

  it('survives broken syntax, an empty file, a removed file and a folder in its place', async () => {
    const { events } = await start(ratio(0.1));
    const expectProblem = async (index: number, given: string) => {
      const event = (await events(index + 1))[index];
      expect(event).toMatchObject({ problem: { problems: [expect.objectContaining({ given })] } });
    };
    save('routing:\n\tceleryRatio: 1\n');
    await expectProblem(0, 'a tab as indentation');
    save('\n');
    await expectProblem(1, 'an empty file');
    await unlink(file);
    await expectProblem(2, 'no file any more');
    await mkdir(file);
    await expectProblem(3, 'a folder');
    await rm(file, { recursive: true });
    await expectProblem(4, 'no file any more');
    save(ratio(0.3));
    expect((await events(6))[5]).toEqual(changeTo(0.3));
  });

  it('follows a link that is swapped beside it, as Kubernetes does with a ConfigMap', async () => {
    for (const [version, value] of Object.entries({ v1: 0.1, v2: 0.2, v3: 0.3 })) {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, 'hybrid.yaml'), ratio(value));
    }
    const point = async (version: string) => {
      await symlink(version, join(folder, '..tmp'));
      await rename(join(folder, '..tmp'), join(folder, '..data'));
    };
    await point('v1');
    await symlink('..data/hybrid.yaml', file);
    const { events } = await watch();
    await point('v2');
    expect(await events(1)).toEqual([changeTo(0.2)]);
    await point('v3');
    expect((await events(2))[1]).toEqual(changeTo(0.3));
  });

  it('starts on a broken file: says so, and takes the first good edit', async () => {
    const { events } = await start(ratio(2));
    expect(await events(1)).toMatchObject([{ problem: { problems: [{ given: '2' }] } }]);
    save(ratio(0));
    expect((await events(2))[1]).toEqual(changeTo(0));
  });

  it('reports nothing after close', async () => {
    const closed = await start(ratio(0));
    save(ratio(0.5));
    await closed.close();
    const before = closed.seen.length;
    // Another watcher sees the next edit; the closed one would have seen it no later.
    const { events } = await watch();
    save(ratio(0.7));
    expect(await events(1)).toEqual([changeTo(0.7)]);
    expect(closed.seen).toHaveLength(before);
  });

  it('refuses a path whose folder is missing', async () => {
    const handlers = { onChange: () => {}, onProblem: () => {} };
    await expect(watchConfig(join(folder, 'none/hybrid.yaml'), handlers)).rejects.toMatchObject({
      code: 'E_INVALID_CONFIG',
    });
  });
});
