import { Command } from 'commander';
import { version } from '../version.ts';
import { addApply } from './commands/apply.ts';
import { addAudit } from './commands/audit.ts';
import { addCancel } from './commands/cancel.ts';
import { addBench, addDemo } from './commands/demo.ts';
import { addDrain } from './commands/drain.ts';
import { addDrill } from './commands/drill.ts';
import { addFlag } from './commands/flag.ts';
import { addFreeze, addResume } from './commands/freeze.ts';
import { addParity } from './commands/parity.ts';
import { addParked } from './commands/parked.ts';
import { addRatio } from './commands/ratio.ts';
import { addReport } from './commands/report.ts';
import { addRollback } from './commands/rollback.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import { addTask } from './commands/task.ts';
import { addWorker } from './commands/worker.ts';
import { EXIT_CODES_TEXT } from './failure.ts';

const GROUPS: readonly (readonly [heading: string, ...add: ((program: Command) => void)[]])[] = [
  ['Look:', addStatus, addTask, addParked, addAudit],
  ['Compare:', addReport, addParity],
  ['Change the routing:', addRatio, addApply, addFreeze, addRollback, addResume, addDrain, addFlag],
  ['Work:', addSubmit, addCancel, addWorker],
  ['Try it out:', addDemo, addDrill, addBench],
];

/** All commands. Errors are thrown, not printed; see `report`. */
export function createProgram(): Command {
  const program = new Command('hybrid')
    .description(
      'Move a live job system from bee-queue (stable) to BullMQ (canary), a few percent at a time.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'explain a command')
    .enablePositionalOptions()
    .exitOverride()
    // `report` does it, in one place for all kinds of errors.
    .configureOutput({ outputError: () => {} })
    .addHelpText(
      'after',
      `
${EXIT_CODES_TEXT}

With --json errors are JSON on standard output, too: {"error":{"code","message"}}.

To begin:
  hybrid demo                       real documents through both backends
  hybrid worker --app tasks.js      run your tasks
  hybrid ratio 0.05 --reason "..."  send 5 % of them to canary
  hybrid status                     see what happens`,
    );
  // In the first group, instead of one of its own.
  program.commandsGroup('Look:').helpCommand('help [command]', 'explain a command');
  for (const [heading, ...adders] of GROUPS) {
    program.commandsGroup(heading);
    for (const add of adders) add(program);
  }
  return program;
}
