import { setTimeout as sleep } from 'node:timers/promises';
import { HybridTaskManager, resolveConfig } from '../../src/index.ts';
import { type ChildSetup, faultTask } from './fault-task.ts';
import { writeHistory } from './history.ts';
import { seededRandom } from './seeded-random.ts';

export interface OperatorSetup extends ChildSetup {
  readonly seed: number;
  readonly everyMs: number;
}

/** A process that changes the ratio again and again, until SIGTERM. */
const setup = JSON.parse(process.argv[2] ?? '{}') as OperatorSetup;
const history = writeHistory(setup.history, setup.who);
const manager = await HybridTaskManager.open({
  config: resolveConfig(setup.config),
  tasks: [faultTask(setup.queue, setup.who, history)],
});
const random = seededRandom(setup.seed);

let isStopping = false;
process.once('SIGTERM', () => {
  isStopping = true;
});

console.log('ready');
while (!isStopping) {
  const ratio = Math.round(random() * 100) / 100;
  await manager.setRatio(ratio, { reason: 'every now and then' });
  await sleep(setup.everyMs);
}
await manager.close();
process.exit(0);
