import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileProblem, OutputFolderError, OutputInUseError } from './errors.ts';
import type { Injection } from './injection.ts';

/** What makes two runs the same run, so that the second goes on where the first was interrupted. */
export interface RunPlan {
  readonly source: string;
  readonly ratio: number;
  readonly limit: number | null;
  /** What goes wrong on canary; null: nothing. */
  readonly injection: Injection | null;
}

interface RunRecord extends RunPlan {
  readonly program: typeof PROGRAM;
  readonly runId: string;
  readonly pid: number;
  readonly startedAt: string;
  /** null: it is running, or was interrupted. */
  readonly finishedAt: string | null;
  readonly summary?: unknown;
}

const PROGRAM = 'hybrid demo';
const RECORD = 'run.json';
const REPORT = 'report.html';
const SETTINGS = 'demo.yaml';
/** How the store names a document's file. */
const DOCUMENT = /-[0-9a-f]{10}\.json$/;
const SIGN_OF_LIFE_MS = 2000;
/** A process that has been silent for this long is gone, whatever runs under its pid now. */
const DEAD_AFTER_MS = 10_000;

/** The output folder while a run writes to it. `run.json` in it says which run that is. */
export class DemoFolder {
  readonly path: string;
  /** Part of every chunk's idempotency key: the same in a run that goes on, another one in a run that begins. */
  readonly runId: string;
  /** The same run was interrupted: this one goes on with it. */
  readonly isResumed: boolean;
  /** When the run began, or the one that it goes on with. Milliseconds since 1970. */
  readonly startedAt: number;
  readonly #record: RunRecord;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string, record: RunRecord, isResumed: boolean) {
    this.path = path;
    this.runId = record.runId;
    this.startedAt = Date.parse(record.startedAt);
    this.isResumed = isResumed;
    this.#record = record;
    this.#beat = setInterval(() => {
      const now = new Date();
      utimes(join(path, RECORD), now, now).catch(() => {});
    }, SIGN_OF_LIFE_MS).unref();
  }

  /**
   * Makes the folder, or takes over one that an earlier run of the demo made. A finished run's documents are removed.
   * @throws {OutputFolderError} @throws {OutputInUseError} other files are in it, or another demo is writing to it
   */
  static async open(path: string, plan: RunPlan): Promise<DemoFolder> {
    try {
      await mkdir(path, { recursive: true });
      const before = await readRecord(path);
      if (before === null && (await readdir(path)).length > 0)
        throw new OutputInUseError(path, 'there are files in it that are not from this demo');
      if (before !== null && (await isRunning(path, before)))
        throw new OutputInUseError(path, `another demo (process ${before.pid}) is writing to it`);
      const isSame = before !== null && before.finishedAt === null && samePlan(before, plan);
      const isResumed = isSame && (await hasWork(path));
      if (before !== null && !isSame) await clear(path);
      const record: RunRecord = {
        program: PROGRAM,
        ...plan,
        runId: isSame ? before.runId : randomUUID(),
        pid: process.pid,
        startedAt: isResumed ? before.startedAt : new Date().toISOString(),
        finishedAt: null,
      };
      await writeRecord(path, record);
      return new DemoFolder(path, record, isResumed);
    } catch (error) {
      throw error instanceof OutputInUseError ? error : new OutputFolderError(path, fileProblem(error));
    }
  }

  /** Keeps the report of the run, for a browser. @returns its path @throws {OutputFolderError} */
  async writeReport(html: string): Promise<string> {
    return this.#write(REPORT, html);
  }

  /** Keeps the settings of a run that has some of its own. @returns their path @throws {OutputFolderError} */
  async writeConfig(yaml: string): Promise<string> {
    return this.#write(SETTINGS, yaml);
  }

  async #write(name: string, text: string): Promise<string> {
    const path = join(this.path, name);
    try {
      await writeFile(path, text);
      return path;
    } catch (error) {
      throw new OutputFolderError(this.path, fileProblem(error));
    }
  }

  /** The run is over: the next one begins anew. @throws {OutputFolderError} */
  async finish(summary: unknown): Promise<void> {
    try {
      await writeRecord(this.path, { ...this.#record, finishedAt: new Date().toISOString(), summary });
    } catch (error) {
      throw new OutputFolderError(this.path, fileProblem(error));
    }
  }

  /** Lets go of the folder: another process may write to it. */
  async close(): Promise<void> {
    clearInterval(this.#beat);
    const longAgo = new Date(0);
    await utimes(join(this.path, RECORD), longAgo, longAgo).catch(() => {});
  }
}

async function readRecord(path: string): Promise<RunRecord | null> {
  try {
    const record = JSON.parse(await readFile(join(path, RECORD), 'utf8')) as RunRecord;
    return record.program === PROGRAM && typeof record.runId === 'string' ? record : null;
  } catch {
    return null;
  }
}

/** Whole or not at all: without it the folder would be taken for somebody else's. */
async function writeRecord(path: string, record: RunRecord): Promise<void> {
  const draft = join(path, `${RECORD}.${process.pid}.tmp`);
  try {
    await writeFile(draft, `${JSON.stringify(record, null, 2)}\n`);
    await rename(draft, join(path, RECORD));
  } finally {
    await rm(draft, { force: true });
  }
}

async function isRunning(path: string, { pid, finishedAt }: RunRecord): Promise<boolean> {
  const { mtimeMs } = await stat(join(path, RECORD));
  if (finishedAt !== null || Date.now() - mtimeMs > DEAD_AFTER_MS || pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function samePlan(a: RunPlan, b: RunPlan): boolean {
  const isSameInput = a.source === b.source && a.limit === b.limit;
  return isSameInput && a.ratio === b.ratio && a.injection === b.injection;
}

/** A run that found no Redis, say, has left nothing to go on with. */
async function hasWork(path: string): Promise<boolean> {
  const begun = await readdir(join(path, 'in-progress')).catch(() => []);
  return begun.length > 0 || (await readdir(path)).some((name) => DOCUMENT.test(name));
}

async function clear(path: string): Promise<void> {
  await rm(join(path, 'in-progress'), { recursive: true, force: true });
  for (const name of [REPORT, SETTINGS]) await rm(join(path, name), { force: true });
  for (const name of await readdir(path)) if (DOCUMENT.test(name)) await rm(join(path, name));
}
