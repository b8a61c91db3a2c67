import { type Command, CommanderError } from 'commander';
import { HybridTaskError, show } from '../domain/errors.ts';
import { printJson, say } from './output.ts';

/** What a script can tell from the exit code. Documented in docs/cli.md and in `hybrid --help`. */
export const EXIT = { ok: 0, failed: 1, usage: 2, needsPerson: 3, notFound: 4 } as const;

export const EXIT_CODES_TEXT = `Exit codes:
  0  done
  1  failed: Redis cannot be reached, a task failed, a submission was not taken
  2  usage: an option, value, payload, config file or app module is not right
  3  needs a person: frozen, or somebody else changed it meanwhile
  4  not found: no such task`;

/** The command line was used in a way that makes no sense. */
export class UsageError extends HybridTaskError {
  readonly code = 'E_USAGE';
}

export class NotFoundError extends HybridTaskError {
  readonly code = 'E_NOT_FOUND';
}

/** A rollback that could do no more than freeze. */
export class OnlyFrozenError extends HybridTaskError {
  readonly code = 'E_ONLY_FROZEN';
}

/** The team's module with the task definitions cannot be used. */
export class AppModuleError extends HybridTaskError {
  readonly code = 'E_APP_MODULE';
  readonly module: string;
  constructor(module: string, problem: string, options?: ErrorOptions) {
    super(
      `The app module ${show(module)} cannot be used: ${problem}. ` +
        'Allowed: an ES module with  export const tasks = [defineTask({ ... })]',
      options,
    );
    this.module = module;
  }
}

const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  E_USAGE: EXIT.usage,
  E_APP_MODULE: EXIT.usage,
  E_INVALID_CONFIG: EXIT.usage,
  E_INVALID_RATIO: EXIT.usage,
  E_INVALID_TASK_DEFINITION: EXIT.usage,
  E_INVALID_TASK_ID: EXIT.usage,
  E_INVALID_SUBMISSION: EXIT.usage,
  E_INVALID_PAYLOAD: EXIT.usage,
  E_NOT_JSON_SAFE: EXIT.usage,
  E_PAYLOAD_TOO_LARGE: EXIT.usage,
  E_RESULT_NOT_STORED: EXIT.usage,
  E_UNKNOWN_TASK: EXIT.usage,
  E_UNKNOWN_NAMESPACE: EXIT.usage,
  E_FROZEN: EXIT.needsPerson,
  E_ONLY_FROZEN: EXIT.needsPerson,
  E_CONTROL_CONFLICT: EXIT.needsPerson,
  E_NOT_DRAINABLE: EXIT.needsPerson,
  E_NOT_FOUND: EXIT.notFound,
};

/** An error as a script gets it. */
export interface ShownError {
  readonly code: string;
  readonly message: string;
}

export function shownError(error: unknown): ShownError {
  if (error instanceof HybridTaskError) return { code: error.code, message: error.message };
  if (error instanceof CommanderError) {
    return { code: 'E_USAGE', message: error.message.replace(/^error: /, '') };
  }
  return { code: 'E_UNEXPECTED', message: error instanceof Error ? error.message : String(error) };
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof HybridTaskError) return EXIT_BY_CODE[error.code] ?? EXIT.failed;
  return EXIT.failed;
}

/**
 * Tells what went wrong: one sentence on stderr, or with `--json` an object on stdout. The stack only on request.
 * @param program knows which of the words are commands; needed for errors of its own only
 * @returns the exit code
 */
export function report(error: unknown, argv: readonly string[], program?: Command): number {
  const code = exitCodeOf(error);
  // Help and version have been printed; `commander.help` says that a command of commands came without one.
  if (error instanceof CommanderError && (code === EXIT.ok || error.code === 'commander.help')) return code;
  const shown = shownError(error);
  if (argv.includes('--json')) printJson({ error: shown });
  else if (error instanceof CommanderError)
    say(`error: ${shown.message}\nTo see what is allowed: ${helpFor(argv, program)}`);
  else say(`error: ${shown.message} (${shown.code})`);
  if (argv.includes('--verbose') || process.env.DEBUG) say(stackOf(error));
  return code;
}

/** Of the command that was typed, as far as there is one. */
function helpFor(argv: readonly string[], program: Command | undefined): string {
  const names: string[] = [];
  let command = program;
  for (const word of argv) {
    command = command?.commands.find((each) => each.name() === word);
    if (command === undefined) break;
    names.push(word);
  }
  return ['hybrid', ...names, '--help'].join(' ');
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : '';
  return `${error.stack}${cause}`;
}
