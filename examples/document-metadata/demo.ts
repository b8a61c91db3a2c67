import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { HybridTaskError } from '../../src/index.ts';
import { drill } from './demo-drill.ts';
import { parseDemoOptions } from './demo-options.ts';
import { reportText } from './demo-report.ts';
import { runSession } from './demo-session.ts';
import type { DemoSummary } from './demo-summary.ts';

const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  E_INVALID_RATIO: 2,
  E_INVALID_CONFIG: 2,
  E_UNREADABLE_SOURCE: 2,
  E_NO_DOCUMENTS: 2,
  E_OUTPUT_FOLDER: 2,
  E_OUTPUT_IN_USE: 2,
  E_FROZEN: 3,
  E_CONTROL_CONFLICT: 3,
};
/** npm passes on the signal that the terminal has sent already: only a later one is a second wish. */
const SECOND_SIGNAL_AFTER_MS = 500;

/**
 * Runs the demo and prints what came of it.
 * @returns the exit code: 0 done, 1 failed, 2 usage, 3 frozen, 128 and the signal's number when interrupted
 */
export async function runDemo(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  let interruptedBy: NodeJS.Signals | null = null;
  let interruptedAt = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (interruptedBy !== null && now - interruptedAt > SECOND_SIGNAL_AFTER_MS)
      process.exit(exitCodeOf(signal));
    if (interruptedBy !== null) return;
    interruptedBy = signal;
    interruptedAt = now;
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const options = parseDemoOptions(argv);
    if (options.drill) {
      const { verdict } = await drill(options.json, stop.signal);
      if (interruptedBy !== null) return exitCodeOf(interruptedBy);
      return verdict === 'passed' ? 0 : 1;
    }
    const summary = await runSession(options, stop.signal);
    if (summary === null) {
      say('Interrupted before anything was submitted.');
    } else if (options.json) {
      print(JSON.stringify(summary, null, 2));
    } else {
      print(`\n${reportText(summary)}`);
    }
    if (interruptedBy !== null) return exitCodeOf(interruptedBy);
    return summary !== null && isAsItShouldBe(summary) ? 0 : 1;
  } catch (error) {
    return report(error, argv);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Chunks that were to fail are no failure of the demo's, and neither is a verdict. */
function isAsItShouldBe({ status, injection, chunks }: DemoSummary): boolean {
  return status === 'completed' || (injection === 'errors' && chunks.unanswered === 0);
}

function report(error: unknown, argv: readonly string[]): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0; // help, printed already
  const isUsage = error instanceof CommanderError;
  const code = isUsage ? 'E_USAGE' : error instanceof HybridTaskError ? error.code : 'E_UNEXPECTED';
  const message = (error instanceof Error ? error.message : String(error)).replace(/^error: /, '');
  if (argv.includes('--json')) print(JSON.stringify({ error: { code, message } }, null, 2));
  else say(`error: ${message} (${code})${isUsage ? '\nTo see what is allowed: npm run demo -- --help' : ''}`);
  if (process.env.DEBUG && error instanceof Error) say(error.stack ?? '');
  return isUsage ? 2 : (EXIT_BY_CODE[code] ?? 1);
}

function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

const program = process.argv[1];
if (program !== undefined && realpathSync(program) === realpathSync(fileURLToPath(import.meta.url))) {
  // Whoever reads this (`npm run demo | head`) may go; the run is finished all the same.
  process.stdout.on('error', () => {});
  process.exitCode = await runDemo(process.argv.slice(2));
  // Everything is closed. Should something be left after all, it keeps nobody waiting.
  setTimeout(() => process.exit(), 1000).unref();
}
