import { setTimeout as sleep } from 'node:timers/promises';
import { HybridTaskManager, HybridWorker, resolveConfig } from '../../src/index.ts';
import { type HistoryWriter, writeHistory } from './history.ts';
import { type ShadowSetup, shadowTask } from './shadow-task.ts';

/** A process of a trial of copies: a worker, or a producer that submits until it has submitted all, or until SIGTERM. */
const setup = JSON.parse(process.argv[2] ?? '{}') as ShadowSetup;
const history = writeHistory(setup.history, setup.who);
const config = resolveConfig(setup.config);
const task = shadowTask(setup.queue, setup.who, history);

if (setup.role === 'worker') await work(history);
else await produce(history);

async function work({ note }: HistoryWriter): Promise<void> {
  const worker = await HybridWorker.open({
    config,
    tasks: [task],
    onEvent: ({ type, id, backend, attempt, detail }) =>
      note({ event: 'told', type, id, backend, attempt, detail: detail ?? '' }),
  });
  process.once('SIGTERM', async () => {
    process.exitCode = (await worker.stop()) ? 0 : 1;
  });
  console.log('ready');
}

async function produce({ note }: HistoryWriter): Promise<void> {
  const manager = await HybridTaskManager.open({ config, tasks: [task] });
  let isStopping = false;
  process.once('SIGTERM', () => {
    isStopping = true;
  });
  console.log('ready');
  const end = setup.count === null ? Number.POSITIVE_INFINITY : setup.from + setup.count;
  for (let n = setup.from; n < end && !isStopping; n++) {
    const stickyKey = `sticky-${n}`;
    note({ event: 'submit-called', n });
    const { id, decision } = await manager.submit(task, { n }, { stickyKey });
    const { backend, reason, epoch, bucket, ratio } = decision;
    note({ event: 'submit-ok', n, id, backend, reason, epoch, bucket, ratio, stickyKey });
    await sleep(5);
  }
  await manager.close();
}
