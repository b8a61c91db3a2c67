import type { Command } from 'commander';
import type { HybridConfig } from '../../config.ts';
import { type CommonOptions, withConfig } from '../options.ts';
import { print, printJson, say } from '../output.ts';
import { readConfig } from '../session.ts';
import { table } from '../table.ts';
import { shortPath } from '../words.ts';

export function addFlag(program: Command): void {
  const flag = program
    .command('flag')
    .description('show and set the feature flags of the local flag file')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
A task's own flag is hybrid-<task>; hybrid-canary counts for tasks that have none. Flags decide in mode flag only.`,
    );
  withConfig(
    flag.command('list').description('list the flags of the local flag file').option('--json', 'print JSON'),
  )
    .addHelpText('after', '\nExample:\n  hybrid flag list')
    .action(list);
  withConfig(flag.command('set').description('set one flag of the local flag file; its rules stay'))
    .argument('<key>', "the flag's key, like hybrid-canary or hybrid-generate-metadata")
    .argument('<setting>', 'on, off, canary, stable, or a share of the sticky keys, like 25%')
    .addHelpText(
      'after',
      `
Running processes see the change within a second. A share that grows only adds sticky keys.
\`off\` turns the flag off with its rules; the other settings are for whomever no rule names.

Examples:
  hybrid flag set hybrid-canary 25%
  hybrid flag set hybrid-generate-metadata off`,
    )
    .action(set);
}

async function list(options: CommonOptions): Promise<void> {
  const config = await readConfig(options);
  const { readFlags } = await import('../../flags.ts');
  const flags = await readFlags(config.flags.file);
  if (options.json) return printJson({ file: config.flags.file, source: config.flags.source, flags });
  warnIfUnused(config);
  if (flags.length === 0) return print(`No flags in ${shown(config)}.`);
  print(
    table(
      ['Flag', 'says'],
      flags.map(({ key, summary }) => [key, summary]),
    ),
  );
}

async function set(key: string, setting: string, options: CommonOptions): Promise<void> {
  const config = await readConfig(options);
  const { setFlag, readFlags } = await import('../../flags.ts');
  await setFlag(config.flags.file, key, setting);
  warnIfUnused(config);
  const summary = (await readFlags(config.flags.file)).find((flag) => flag.key === key)?.summary;
  print(`${key}: ${summary} (${shown(config)}).`);
}

function shown(config: HybridConfig): string {
  return shortPath(config.flags.file);
}

function warnIfUnused({ flags }: HybridConfig): void {
  if (flags.source === 'file') return;
  const instead = flags.source === 'off' ? 'flags are off' : 'flags come from LaunchDarkly';
  say(`warning: nobody reads this file: ${instead} (flags.source in the config).`);
}
