import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { HybridTaskManager, loadConfig } from '../../src/index.ts';
import { type ChildSetup, faultTask } from './fault-task.ts';
import { writeHistory } from './history.ts';

/** A process that is to die: at the so-manieth event of the rollback, after so many turns of the event loop. */
export interface Death {
  readonly atEvent: number;
  readonly turns: number;
}

export interface RollbackSetup extends ChildSetup {
  /** A folder of the operator's own: nothing may be written anywhere else. */
  readonly folder: string;
  readonly graceMs: number;
  /** null: it is not to die. */
  readonly death: Death | null;
}

/**
 * An operator of a trial. Says `ready`, begins on SIGUSR2, says `report <JSON>` at the end. Kills itself, with SIGKILL, so that
 * it dies exactly there and not some milliseconds later.
 */
const setup = JSON.parse(process.argv[2] ?? '{}') as RollbackSetup;
const history = writeHistory(setup.history, setup.who);
const { death } = setup;
const file = `${setup.folder}/hybrid.yaml`;
process.chdir(setup.folder);
writeFileSync(file, stringify(setup.config), { flag: 'a' });
const manager = await HybridTaskManager.open({
  config: await loadConfig({ file }),
  tasks: [faultTask(setup.queue, setup.who, history, setup.backoffMs)],
  followConfigFile: false,
});

let events = 0;
function dieAfter(turns: number): void {
  if (turns === 0) process.kill(process.pid, 'SIGKILL');
  else setImmediate(() => dieAfter(turns - 1));
}

const begun = once(process, 'SIGUSR2');
const idle = setInterval(() => {}, 60_000); // a listener for a signal alone keeps no process alive
console.log('ready');
await begun;
clearInterval(idle);
try {
  const report = await manager.rollback({
    reason: 'trial',
    graceMs: setup.graceMs,
    onEvent: (event) => {
      events += 1;
      const { type } = event;
      const what = type === 'moved' ? ` ${event.moved}` : 'phase' in event ? ` ${event.phase}` : '';
      history.note({ event: 'rollback', step: `${type}${what}` });
      if (events === death?.atEvent) dieAfter(death.turns);
    },
  });
  console.log(`report ${JSON.stringify(report)}`);
  await manager.close();
  process.exit(report.status === 'completed' ? 0 : 3);
} catch (error) {
  console.error(error);
  process.exit(1);
}
