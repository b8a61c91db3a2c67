import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { watch } from 'chokidar';
import type { RoutingSettings } from '../domain/control-state.ts';
import { InvalidConfigError } from '../domain/errors.ts';
import { parseConfig, readConfigText, unusableFile } from './file.ts';
import { routingOf } from './resolution.ts';
import type { FileSettings } from './schema.ts';

export interface ConfigWatchHandlers {
  /** The routing section of the file has other values than before. Must not throw. */
  readonly onChange: (routing: RoutingSettings) => void;
  /** The file cannot be used as it is now; what was good before stays in force. Must not throw. */
  readonly onProblem: (error: InvalidConfigError) => void;
}

export interface ConfigWatcher {
  /** No handler is called any more, from the moment this is called. */
  close(): Promise<void>;
}

/** Two readings this far apart must agree before one is believed: a half-written file is no edit. In milliseconds. */
const SETTLE_MS = 60;

/**
 * Follows a config file while the process runs. It watches the folder, because editors save by renaming another
 * file into place and Kubernetes swaps a link beside it; either would end a watch on the file itself.
 *
 * Only the file counts here: an environment variable was the first value, and an edit is newer than that.
 *
 * @throws {InvalidConfigError} its folder is not there or cannot be watched
 */
export async function watchConfig(file: string, handlers: ConfigWatchHandlers): Promise<ConfigWatcher> {
  const path = resolve(file);
  const folder = dirname(path);
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw unusableFile(file, 'a path whose folder is missing');

  const follower = new FileFollower(path, file, handlers);
  const watcher = watch(folder, {
    depth: 0,
    ignoreInitial: true,
    ignored: (candidate) => candidate !== folder && candidate !== path,
  });
  // `raw` also tells of what `ignored` leaves out, like the link that Kubernetes swaps.
  watcher.on('all', () => follower.lookSoon()).on('raw', () => follower.lookSoon());
  const ready = new Promise<void>((done, fail) => {
    watcher.once('ready', done).on('error', (error) => {
      const problem = unusableFile(
        file,
        `one that cannot be watched (${(error as NodeJS.ErrnoException).code})`,
      );
      fail(problem);
      follower.report(problem);
    });
  });
  const close = async () => {
    follower.stop();
    await watcher.close();
  };
  try {
    await ready;
    await follower.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

/** What one look at the file showed. `key` is equal for equal content. */
type Reading =
  | { readonly key: string; readonly text: string }
  | { readonly key: string; readonly problem: InvalidConfigError };

/** Reads the file again after each hint, and knows what of it is in force. */
class FileFollower {
  readonly #path: string;
  readonly #source: string;
  readonly #handlers: ConfigWatchHandlers;
  #timer: NodeJS.Timeout | undefined;
  #isFollowing = false;
  /** The last content that was acted on. */
  #settledKey = '';
  /** The last content that was seen; acted on once it is seen twice in a row. */
  #seenKey = '';
  #inForce: RoutingSettings | undefined;

  constructor(path: string, source: string, handlers: ConfigWatchHandlers) {
    this.#path = path;
    this.#source = source;
    this.#handlers = handlers;
  }

  /** Takes the file as it is for what is in force. */
  async start(): Promise<void> {
    const reading = await this.#read();
    this.#isFollowing = true;
    this.#seenKey = reading.key;
    this.#settledKey = reading.key;
    this.#inForce = this.#routingIn(reading);
    // An edit between the watcher's start and this reading may have had its hint too early.
    this.lookSoon();
  }

  stop(): void {
    this.#isFollowing = false;
    clearTimeout(this.#timer);
  }

  report(problem: InvalidConfigError): void {
    if (this.#isFollowing) this.#handlers.onProblem(problem);
  }

  lookSoon(): void {
    if (!this.#isFollowing || this.#timer) return;
    this.#timer = setTimeout(() => void this.#look(), SETTLE_MS);
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    const reading = await this.#read();
    if (!this.#isFollowing) return;
    const isStill = reading.key === this.#seenKey;
    this.#seenKey = reading.key;
    if (!isStill) this.lookSoon();
    else if (reading.key !== this.#settledKey) this.#settle(reading);
  }

  #settle(reading: Reading): void {
    this.#settledKey = reading.key;
    const routing = this.#routingIn(reading);
    if (!routing || (this.#inForce && isSame(routing, this.#inForce))) return;
    this.#inForce = routing;
    this.#handlers.onChange(routing);
  }

  /** undefined: the file cannot be used, and that was reported. */
  #routingIn(reading: Reading): RoutingSettings | undefined {
    const checked = 'text' in reading ? checkEdited(reading.text, this.#source) : reading.problem;
    if (!(checked instanceof InvalidConfigError)) return routingOf(checked);
    this.report(checked);
    return undefined;
  }

  async #read(): Promise<Reading> {
    try {
      const text = await readConfigText(this.#path, this.#source);
      if (text !== null) return { key: `text:${text}`, text };
      return { key: 'missing', problem: unusableFile(this.#source, 'no file any more') };
    } catch (error) {
      if (!(error instanceof InvalidConfigError)) throw error;
      return { key: `unreadable:${error.message}`, problem: error };
    }
  }
}

/** At the start an empty file means the defaults; under a running process it is more likely a save gone wrong. */
function checkEdited(text: string, source: string): FileSettings | InvalidConfigError {
  if (text.trim() === '') return unusableFile(source, 'an empty file');
  try {
    return parseConfig(text, source);
  } catch (error) {
    if (error instanceof InvalidConfigError) return error;
    throw error;
  }
}

function isSame(a: RoutingSettings, b: RoutingSettings): boolean {
  const tasks = Object.keys(a.taskRatios);
  return (
    a.celeryRatio === b.celeryRatio &&
    a.mode === b.mode &&
    tasks.length === Object.keys(b.taskRatios).length &&
    tasks.every((task) => a.taskRatios[task] === b.taskRatios[task])
  );
}
