import { type Command, Option } from 'commander';
import type { HybridConfig } from '../../config.ts';
import type { BackendName, TaskDefinition } from '../../index.ts';
import { loadTasks, requireTasks } from '../app-module.ts';
import { EXIT } from '../failure.ts';
import { type CommonOptions, whole, withApp } from '../options.ts';
import { say } from '../output.ts';
import { placeOf, withRedisUrl } from '../session.ts';
import { onStopSignals } from '../signals.ts';
import { onSupervisor, supervise } from '../supervisor.ts';
import { terminalLog } from '../terminal-log.ts';
import { duration, plural } from '../words.ts';

interface WorkerFlags extends CommonOptions {
  readonly backend: BackendName | 'both';
  readonly concurrency?: number;
  readonly processes?: number;
}

export function addWorker(program: Command): void {
  const command = program
    .command('worker')
    .description('run the tasks of one backend or both, until SIGTERM or Ctrl-C')
    .addOption(
      new Option('--backend <name>', 'whose tasks to run')
        .choices(['stable', 'canary', 'both'])
        .default('both'),
    )
    .option(
      '--concurrency <n>',
      'tasks at once, per process and queue (default: worker.concurrency of the config)',
      whole(1, 10_000),
    )
    .option(
      '--processes <n>',
      'worker processes; a crashed one is started again (default: worker.processes)',
      whole(1, 1024),
    );
  withApp(command)
    .addHelpText(
      'after',
      `
A first SIGTERM or SIGINT stops it gracefully: it takes nothing new, finishes what runs (at most
worker.shutdownGraceMs, then aborts it through ctx.signal) and exits with 0. A second one ends it at once with 1.

Examples:
  hybrid worker --app dist/tasks.js
  hybrid worker --backend canary --concurrency 50 --processes 4`,
    )
    .action(async (flags: WorkerFlags) => {
      const run = async (config: HybridConfig, redisUrl: string): Promise<number> => {
        const tasks = await loadTasks(flags.app, config);
        requireTasks(tasks);
        const processes = flags.processes ?? config.worker.processes;
        if (processes === 1) return work(config, tasks, flags);
        say(`Starting ${processes} worker processes (${placeOf(config)}).`);
        const argv = [...process.argv.slice(2), '--processes', '1'];
        // In the environment and not in the arguments, which every user of the machine can read.
        return supervise({ processes, argv, env: { REDIS_URL: redisUrl } });
      };
      process.exitCode = await withRedisUrl(flags, run, { mayStartRedis: true });
    });
}

async function work(
  config: HybridConfig,
  tasks: readonly TaskDefinition[],
  flags: WorkerFlags,
): Promise<number> {
  const isSupervised = process.connected === true;
  // Under a supervisor a repeated signal is no second wish: a terminal and systemd signal every process of the group.
  const signals = onStopSignals(() => {
    if (!isSupervised) process.exit(EXIT.failed);
  });
  const stopped = new Promise<string>((resolve) => {
    signals.first.then(resolve, () => {});
    if (isSupervised) onSupervisor({ stop: resolve, abort: () => process.exit(EXIT.failed) });
  });
  const backends: readonly BackendName[] = flags.backend === 'both' ? ['stable', 'canary'] : [flags.backend];
  const { HybridWorker } = await import('../../hybrid-worker.ts');
  const worker = await HybridWorker.open({
    config,
    tasks,
    backends,
    ...(flags.concurrency === undefined ? {} : { concurrency: flags.concurrency }),
    // A terminal gets words; whatever collects logs gets JSON lines.
    ...(process.stderr.isTTY ? { log: terminalLog() } : {}),
  });
  announce(config, tasks, backends, flags.concurrency ?? config.worker.concurrency);
  if (isSupervised) process.send?.('ready');
  const why = await stopped;
  const { running } = worker;
  const grace = duration(config.worker.shutdownGraceMs);
  const finishing = running === 0 ? '' : `, finishing ${plural(running, 'task')} within ${grace}`;
  say(
    `Stopping on ${why}: taking nothing new${finishing}. ${isSupervised ? '' : 'Again to end at once.'}`.trimEnd(),
  );
  const isClean = await worker.stop();
  say(isClean ? 'Stopped.' : 'Stopped, but a task ignored its signal; it is delivered again later.');
  signals.release();
  return isClean ? EXIT.ok : EXIT.failed;
}

function announce(
  config: HybridConfig,
  tasks: readonly TaskDefinition[],
  backends: readonly BackendName[],
  concurrency: number,
): void {
  say(`Worker ${process.pid} takes tasks in ${placeOf(config)}, ${concurrency} at once per queue:`);
  const queues = new Map<string, string[]>();
  for (const { name, queue } of tasks) queues.set(queue, [...(queues.get(queue) ?? []), name]);
  for (const backend of backends) {
    const product = backend === 'stable' ? 'bee-queue' : 'BullMQ';
    for (const [queue, names] of queues) {
      say(`  ${backend} (${product}): queue ${queue}, for ${names.join(', ')}`);
      if (backend === 'stable')
        say(`  ${backend} (${product}): queue ${queue}.moved, for what came back from canary`);
    }
  }
}
