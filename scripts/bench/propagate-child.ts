import { type ControlState, HybridTaskManager } from '../../src/index.ts';
import { answerParent } from './child-process.ts';
import { benchTask, oursConfig, payloadOf, type SideSpec } from './job.ts';
import { machineMicros } from './machine-clock.ts';

/** What one process submits every BUSY_PAUSE_MS while it is busy. */
const BUSY_TASKS = 10;
const BUSY_PAUSE_MS = 10;

let manager: HybridTaskManager | undefined;
let busy: NodeJS.Timeout | undefined;
let submitting: Promise<unknown> = Promise.resolve();
const task = benchTask(() => {});
const seenAt = new Map<number, number>();
const waiting = new Map<number, (micros: number) => void>();

/** Every decision from here on is made with the new state. */
function onChange({ epoch }: ControlState): void {
  const now = machineMicros();
  seenAt.set(epoch, now);
  waiting.get(epoch)?.(now);
}

function submitSome(): void {
  const tasks = Array.from({ length: BUSY_TASKS }, (_, n) => manager?.submit(task, payloadOf(n)));
  const all = Promise.all(tasks).catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
  });
  submitting = Promise.all([submitting, all]);
}

answerParent(
  {
    open: async (spec: SideSpec) => {
      manager = await HybridTaskManager.open({ config: oursConfig(spec), tasks: [task] });
      manager.onChange(onChange);
    },
    /** The moment in which this process began to act on an epoch, on the machine's clock. */
    actsOn: (epoch: number) =>
      new Promise((resolve) => {
        const seen = seenAt.get(epoch);
        if (seen === undefined) waiting.set(epoch, resolve);
        else resolve(seen);
      }),
    setBusy: async (isBusy: boolean) => {
      clearInterval(busy);
      if (isBusy) busy = setInterval(submitSome, BUSY_PAUSE_MS);
    },
  },
  async () => {
    clearInterval(busy);
    await submitting;
    await manager?.close();
  },
);
