import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HybridConfig } from '../config.ts';
import { UnknownTaskError } from '../domain/errors.ts';
import type { TaskDefinition } from '../index.ts';
import { AppModuleError, UsageError } from './failure.ts';

const HOW_TO_NAME_TASKS =
  'Name the ES module that exports them as `tasks`: --app FILE, or app.module in the config file.';

/** The team's tasks: of the module that `--app` names, else of the config's. None where neither names one. */
export async function loadTasks(
  given: string | undefined,
  config: HybridConfig,
): Promise<readonly TaskDefinition[]> {
  const path = given === undefined ? config.app.module : resolve(given);
  if (path === null) return [];
  let found: unknown;
  try {
    found = ((await import(pathToFileURL(path).href)) as { tasks?: unknown }).tasks;
  } catch (error) {
    throw new AppModuleError(path, problemOf(error), { cause: error });
  }
  if (!Array.isArray(found)) throw new AppModuleError(path, 'it exports no list named `tasks`');
  if (found.length === 0) throw new AppModuleError(path, 'its list `tasks` is empty');
  const strange = found.findIndex((task) => !isDefinition(task));
  if (strange >= 0) throw new AppModuleError(path, `tasks[${strange}] does not come from defineTask()`);
  return found as TaskDefinition[];
}

/** @throws {UsageError | UnknownTaskError} the task is not among them */
export function requireTask(tasks: readonly TaskDefinition[], name: string): TaskDefinition {
  requireTasks(tasks);
  const task = tasks.find((each) => each.name === name);
  if (task) return task;
  throw new UnknownTaskError(
    name,
    tasks.map((each) => each.name),
  );
}

/** @throws {UsageError} there are none */
export function requireTasks(tasks: readonly TaskDefinition[]): void {
  if (tasks.length === 0) throw new UsageError(`No tasks are known here. ${HOW_TO_NAME_TASKS}`);
}

function isDefinition(task: unknown): boolean {
  const { name, queue, handler } = (task ?? {}) as Record<string, unknown>;
  return typeof name === 'string' && typeof queue === 'string' && typeof handler === 'function';
}

function problemOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return 'Node cannot read this kind of file; compile it to JavaScript';
  const firstLine = String(message ?? error).split('\n')[0] ?? '';
  return firstLine.replace(/\.$/, '');
}
