import { setTimeout as sleep } from 'node:timers/promises';
import { HybridTaskManager, resolveConfig } from '../../src/index.ts';
import { faultTask, type ProducerSetup, submitNoted } from './fault-task.ts';
import { writeHistory } from './history.ts';

/** A producer process of a trial: submits numbered tasks until it has submitted all, or until SIGTERM. */
const setup = JSON.parse(process.argv[2] ?? '{}') as ProducerSetup;
const history = writeHistory(setup.history, setup.who);
const task = faultTask(setup.queue, setup.who, history, setup.backoffMs);
const manager = await HybridTaskManager.open({ config: resolveConfig(setup.config), tasks: [task] });

let isStopping = false;
process.once('SIGTERM', () => {
  isStopping = true;
});

let next = setup.from;
const end = setup.count === null ? Number.POSITIVE_INFINITY : setup.from + setup.count;

async function submitInTurn(): Promise<void> {
  while (!isStopping && next < end) {
    const n = next++;
    await submitNoted(manager, task, history, { n, workMs: setup.workMs }, setup.options);
    if (setup.paceMs > 0) await sleep(setup.paceMs);
  }
}

console.log('ready');
await Promise.all(Array.from({ length: setup.concurrency }, submitInTurn));
await manager.close();
process.exit(0);
