import { existsSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HybridConfig } from '../../src/index.ts';
import type { DemoSummary } from './demo-summary.ts';
import { shortPath } from './demo-text.ts';
import type { Injection } from './injection.ts';

const HERE = dirname(fileURLToPath(import.meta.url));

/** The demo's own config: beside `examples/`, or a level higher when built. */
export function demoConfigFile(): string {
  const places = ['../..', '../../..'].map((up) => resolve(HERE, up, 'config/demo.yaml'));
  return places.find((path) => existsSync(path)) ?? (places[0] as string);
}

/** A command of `hybrid` on the demo's state, as it works from the present folder. */
export function hybridCommand(command: string, config: HybridConfig): string {
  return `npx hybrid ${command} --config ${quoted(fileOf(config))}`;
}

/** The same of a command that has to know the tasks: the file says where they are in a checkout, elsewhere they are named. */
function taskCommand(command: string, config: HybridConfig): string {
  const task = join(HERE, `task${extname(fileURLToPath(import.meta.url))}`);
  const app = config.app.module === task ? '' : ` --app ${quoted(task)}`;
  return `${hybridCommand(command, config)}${app}`;
}

/** What to type after a run. */
export function followUp(config: HybridConfig, injection: Injection | null): DemoSummary['next'] {
  const commands = [
    { command: `${hybridCommand('report', config)} --open`, what: 'the report, in a browser' },
    { command: taskCommand('status', config), what: 'both backends, live' },
    injection === null
      ? { command: taskCommand('ratio 0.5 --reason "try half"', config), what: 'while a demo runs' }
      : { command: hybridCommand('parity mismatches', config), what: 'what differed' },
  ];
  if (existsSync('rollback.sh')) {
    // The config is the example's own file: a try-out is not to edit it.
    const command = `./rollback.sh --no-persist --config ${quoted(fileOf(config))}`;
    commands.push({ command, what: 'all back to bee-queue' });
  }
  return commands;
}

function fileOf(config: HybridConfig): string {
  return config.file ?? demoConfigFile();
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  const short = shortPath(path);
  return /^[\p{L}\p{N}._/@%+:,=-]+$/u.test(short) ? short : `'${short.replaceAll("'", "'\\''")}'`;
}
