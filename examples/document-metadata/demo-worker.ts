// A worker process as a team would run it: both backends, until it is told to stop. The demo starts a few of them.
import { HybridTaskError, HybridWorker, loadConfig } from '../../src/index.ts';
import { plainLog } from './demo-log.ts';
import { injectionFrom, withInjection } from './injection.ts';

/** Whoever started this process is gone, and a private Redis with it: what runs is not worth a longer wait. */
const ORPHAN_GRACE_MS = 2000;

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function work(configFile: string | undefined, injection: string | undefined): Promise<void> {
  const tasks = [withInjection(injectionFrom(injection))];
  // Ctrl-C reaches every process of a terminal; the demo decides when its workers stop.
  process.on('SIGINT', () => {});
  let isStopping = false;
  let worker: HybridWorker | undefined;
  const stop = async (graceMs?: number) => {
    if (isStopping) return;
    isStopping = true;
    if (graceMs !== undefined) setTimeout(() => process.exit(1), graceMs + 1000);
    const isClean = await worker?.stop(graceMs === undefined ? {} : { graceMs });
    process.exit(isClean === false ? 1 : 0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('disconnect', () => void stop(ORPHAN_GRACE_MS));
  worker = await HybridWorker.open({
    config: await loadConfig({ file: configFile }),
    tasks,
    log: plainLog(say),
  });
  process.send?.('ready');
}

work(process.argv[2], process.argv[3]).catch((error: unknown) => {
  say(`error: ${error instanceof HybridTaskError ? error.message : String(error)}`);
  process.exit(1);
});
