import { HybridWorker, resolveConfig } from '../../src/index.ts';
import { faultTask, type WorkerSetup } from './fault-task.ts';
import { writeHistory } from './history.ts';

/** A worker process of a trial. SIGTERM stops it gracefully, a second one at once: as `hybrid worker` does. */
const setup = JSON.parse(process.argv[2] ?? '{}') as WorkerSetup;
const history = writeHistory(setup.history, setup.who);

const worker = await HybridWorker.open({
  config: resolveConfig(setup.config),
  tasks: [faultTask(setup.queue, setup.who, history, setup.backoffMs)],
  ...(setup.backends ? { backends: setup.backends } : {}),
  onEvent: ({ type, id, backend, attempt, detail }) =>
    history.note({ event: 'told', type, id, backend, attempt, detail: detail ?? '' }),
});

process.once('SIGTERM', async () => {
  process.once('SIGTERM', () => process.exit(1));
  console.log('stopping');
  const isClean = await worker.stop();
  process.exit(isClean ? 0 : 1);
});
console.log('ready');
