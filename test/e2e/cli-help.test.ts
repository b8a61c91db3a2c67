import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.ts';
import { cli } from '../support/cli.ts';

const GOLDEN = 'test/golden/help';
/** Commands whose help is another program's. */
const PASSING_ON = ['demo', 'bench'];

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 80,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}

function allCommands(): [file: string, command: Command][] {
  const program = createProgram();
  return [program, ...program.commands].flatMap((command) => {
    const name = command === program ? 'hybrid' : command.name();
    if (PASSING_ON.includes(name)) return [];
    const own = [[name, command]] as [string, Command][];
    if (command === program) return own;
    return [...own, ...command.commands.map((sub) => [`${name}-${sub.name()}`, sub] as [string, Command])];
  });
}

describe('the help texts', () => {
  // UPDATE_GOLDEN=1 npm test -- test/e2e/cli-help.test.ts writes them anew.
  it.each(allCommands())('%s is as it was read and approved', (name, command) => {
    const path = join(GOLDEN, `${name}.txt`);
    const help = helpOf(command);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, help);
    expect(help).toBe(existsSync(path) ? readFileSync(path, 'utf8') : '');
  });

  it('are of commands that exist', () => {
    const names = allCommands().map(([name]) => `${name}.txt`);
    expect(readdirSync(GOLDEN).sort()).toEqual(names.sort());
  });

  it('come on standard output, with exit code 0', async () => {
    const [bare, asked, short] = await Promise.all([
      cli([]),
      cli(['--help']),
      cli(['flag', 'set', '--help']),
    ]);
    const golden = (name: string) => readFileSync(join(GOLDEN, `${name}.txt`), 'utf8');
    expect(bare).toEqual({ code: 0, stdout: golden('hybrid'), stderr: '' });
    expect(asked).toEqual(bare);
    expect(short).toEqual({ code: 0, stdout: golden('flag-set'), stderr: '' });
  });
});
