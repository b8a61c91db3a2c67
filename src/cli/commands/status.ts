import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { SystemStatus } from '../../index.ts';
import { report } from '../failure.ts';
import { type CommonOptions, placeArguments, seconds, withApp } from '../options.ts';
import { isOutputClosed, print, printJson } from '../output.ts';
import { placeOf, type Session, withManager } from '../session.ts';
import { onStopSignals } from '../signals.ts';
import { type ShownStatus, statusView } from '../status-view.ts';

interface StatusOptions extends CommonOptions {
  /** Milliseconds, or without a number. */
  readonly watch?: number | true;
}

/** What the library would warn of is on the screen. */
const NEEDS = {
  tasks: 'wanted',
  flags: true,
  log: 'error',
  mustExist: true,
  toleratesMistakes: true,
  // Queues counted under other names would be wrong numbers.
  needsSections: ['stable', 'canary'],
} as const;

const DEFAULT_WATCH_MS = 2_000;

export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .description('show the live ratio, both backends, the ledger and the workers')
    .option('--json', 'print JSON')
    .addOption(
      new Option('--watch [seconds]', 'show it again every so many seconds (2), until Ctrl-C').argParser(
        seconds(0.1, 3600),
      ),
    );
  withApp(command)
    .addHelpText(
      'after',
      `
Counted are the queues that any process of this namespace has used, and those of the app module.
With --json --watch every line is one JSON document.

Examples:
  hybrid status
  hybrid status --json | jq .ledger.conserved
  hybrid status --watch 5`,
    )
    .action(async (options: StatusOptions) => {
      if (options.watch === undefined)
        return withManager(options, (session) => show(session, options), NEEDS);
      const signals = onStopSignals(() => process.exit(130));
      const watch = options.watch === true ? DEFAULT_WATCH_MS : options.watch;
      await withManager(options, (session) => watchStatus(session, options, watch, signals.aborted), NEEDS);
      signals.release();
    });
}

async function show({ manager, config, without }: Session, options: StatusOptions): Promise<void> {
  const found = await manager.status();
  const status = without.has('routing') ? withUnknownRouting(found) : found;
  const isWatching = options.watch !== undefined;
  if (options.json) return printJson(status, { lines: isWatching });
  const view = statusView(status, `hybrid, ${placeOf(config)}`, placeArguments(options));
  if (!isWatching) return print(view);
  // One write: a screen that is cleared first and filled later flickers.
  const clear = process.stdout.isTTY ? '\u001b[H\u001b[2J\u001b[3J' : '';
  print(`${clear}${view}\n`);
}

/** What the file would say is not known: its routing section has a mistake. */
function withUnknownRouting(status: SystemStatus): ShownStatus {
  return { ...status, file: { ...status.file, routing: null, drift: [] } };
}

async function watchStatus(
  session: Session,
  options: StatusOptions,
  everyMs: number,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted && !isOutputClosed()) {
    try {
      await show(session, options);
    } catch (error) {
      // An outage is what one watches for: say so, and go on looking.
      report(error, options.json ? ['--json'] : []);
    }
    await delay(everyMs, undefined, { signal: stop }).catch(() => {});
  }
}
