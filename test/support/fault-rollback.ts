import { once } from 'node:events';
import { dirname } from 'node:path';
import { HybridTaskManager, loadConfig } from '../../src/index.ts';
import { type ChildSetup, faultTask } from './fault-task.ts';
import { stepOf, writeHistory } from './history.ts';

/** How an operator is to die: at the so-manieth event of its rollback, after so many turns of the event loop. */
export interface Death {
  readonly atEvent: number;
  readonly turns: number;
  /** SIGSTOP: it only sleeps. @default SIGKILL */
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
}

export interface RollbackSetup extends ChildSetup {
  /** The config file, in a folder of the trial's own: a rollback writes there. */
  readonly file: string;
  readonly graceMs: number;
  /** null: it is not to die. */
  readonly death: Death | null;
}

/**
 * An operator of a trial. Says `ready`, begins on SIGUSR2, says `report <JSON>` at the end. Sends the signal that
 * it dies of to itself, so that it dies exactly there and not some milliseconds later.
 */
const setup = JSON.parse(process.argv[2] ?? '{}') as RollbackSetup;
const history = writeHistory(setup.history, setup.who);
const { death, file } = setup;
process.chdir(dirname(file));
const manager = await HybridTaskManager.open({
  config: await loadConfig({ file, env: {} }),
  tasks: [faultTask(setup.queue, setup.who, history, setup.backoffMs)],
  followConfigFile: false,
});

let events = 0;
let before = '';
function dieAfter(turns: number): void {
  if (turns === 0) process.kill(process.pid, death?.signal ?? 'SIGKILL');
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
      const { type } = event;
      // Said again and again while it waits: to die there has one chance among the others.
      if (type !== 'waiting' || before !== type) events += 1;
      before = type;
      history.note({ event: 'rollback', step: stepOf(event) });
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
