import type { Command } from 'commander';
import { type CommonOptions, reason, withPlace } from '../options.ts';
import { print, printJson } from '../output.ts';
import { withManager } from '../session.ts';
import { shortPath } from '../words.ts';

interface ApplyOptions extends CommonOptions {
  readonly reason: string;
}

export function addApply(program: Command): void {
  const command = program
    .command('apply')
    .description("make the config file's routing section live (a deploy step)")
    .requiredOption('--reason <text>', 'why, for the audit log', reason)
    .option('--json', 'print the live state as JSON');
  withPlace(command)
    .addHelpText(
      'after',
      `
CELERY_RATIO and USE_CELERY, where they are set, go before the file. Nothing to do is no error.

Example:
  hybrid apply --reason "release 42"`,
    )
    .action((options: ApplyOptions) =>
      withManager(options, async ({ manager }) => {
        const { drift, path } = (await manager.status()).file;
        const state = await manager.apply({ reason: options.reason });
        if (options.json) return printJson(state);
        const source = path === null ? 'the built-in defaults' : shortPath(path);
        if (drift.length === 0)
          return print(`Nothing to do: ${source} is live already (epoch ${state.epoch}).`);
        for (const { setting, file, live } of drift)
          print(`${setting}: ${live ?? 'none'} -> ${file ?? 'none'}`);
        print(`${source} is live at epoch ${state.epoch}.`);
      }),
    );
}
