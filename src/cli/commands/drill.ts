import { type Command, Option } from 'commander';
import type { HybridConfig } from '../../config.ts';
import { EXIT } from '../failure.ts';
import { type CommonOptions, whole, withRedis } from '../options.ts';
import { print, printJson, say } from '../output.ts';
import { withRedisUrl } from '../session.ts';
import { onStopSignals } from '../signals.ts';
import { terminalLog } from '../terminal-log.ts';

interface DrillFlags extends CommonOptions {
  readonly tasks: number;
  readonly canaryDown?: true;
  readonly seed?: number;
}

const INTERRUPTED = 130;

export function addDrill(program: Command): void {
  const command = program
    .command('drill')
    .description('rehearse the way forward and back on a throw-away namespace, and give a verdict')
    .addOption(
      new Option('--tasks <n>', 'synthetic tasks, 20 to 2000').argParser(whole(20, 2000)).default(200),
    )
    .option('--canary-down', "during the rollback BullMQ's Redis is not reachable")
    .option('--seed <n>', 'repeat what an earlier drill left to chance', whole(0, 2 ** 32 - 1))
    .option('--json', 'print the report as JSON');
  withRedis(command)
    .addHelpText(
      'after',
      `
Runs on your own Redis servers, with tasks and workers of its own, in a namespace drill-<time>-<random>: your queues, keys,
files and handlers are left alone, and everything it made is removed at the end, also after Ctrl-C. It takes about 8 s.
--verbose also tells what the library has to say meanwhile.

Exit codes: 0 passed, 1 failed (the first lines say why), 2 usage, 130 interrupted.

Examples:
  hybrid drill
  hybrid drill --canary-down
  hybrid drill --tasks 1000 --json`,
    )
    .action(async (flags: DrillFlags) => {
      const run = (config: HybridConfig) => drill(config, flags);
      process.exitCode = await withRedisUrl(flags, run, { mayStartRedis: true });
    });
}

async function drill(config: HybridConfig, flags: DrillFlags): Promise<number> {
  const { runDrill } = await import('../../drill/drill.ts');
  const { drillStepText, drillText } = await import('../../drill/text.ts');
  const signals = onStopSignals(() => process.exit(INTERRUPTED));
  signals.aborted.addEventListener('abort', () => say('Interrupted: cleaning up. Again to end at once.'));
  try {
    const report = await runDrill(config, {
      tasks: flags.tasks,
      ...(flags.seed === undefined ? {} : { seed: flags.seed }),
      canaryDown: flags.canaryDown === true,
      signal: signals.aborted,
      ...(flags.verbose ? { log: terminalLog() } : {}),
      ...(flags.json ? {} : { onStep: (step) => say(drillStepText(step)) }),
    });
    if (flags.json) printJson(report);
    else print(`\n${drillText(report)}`);
    if (report.isInterrupted) return INTERRUPTED;
    return report.verdict === 'passed' ? EXIT.ok : EXIT.failed;
  } finally {
    signals.release();
  }
}
