import { HybridTaskManager } from '../../src/index.ts';
import { answerParent } from './child-process.ts';
import { benchTask, oursConfig, type SideSpec } from './job.ts';

/** How often the heap is looked at, in milliseconds. */
const LOOK_MS = 20;

export interface RollbackReading {
  /** Milliseconds by phase. */
  readonly phases: Readonly<Record<string, number>>;
  readonly freezeMs: number;
  readonly moved: number;
  readonly status: string;
  /** The most that the heap held above what it held at the start, in bytes. */
  readonly heapGrowth: number;
  readonly cpuMicros: number;
}

let manager: HybridTaskManager | undefined;

/** The operator. */
answerParent(
  {
    open: async (spec: SideSpec) => {
      manager = await HybridTaskManager.open({ config: oursConfig(spec), tasks: [benchTask(() => {})] });
    },
    rollback: async (): Promise<RollbackReading> => {
      if (manager === undefined) throw new Error('open comes first');
      globalThis.gc?.();
      const before = process.memoryUsage().heapUsed;
      let most = before;
      const look = setInterval(() => {
        most = Math.max(most, process.memoryUsage().heapUsed);
      }, LOOK_MS);
      const cpu = process.cpuUsage();
      const report = await manager.rollback({ reason: 'benchmark', persist: false });
      const { user, system } = process.cpuUsage(cpu);
      clearInterval(look);
      const { status, movedByThisRun: moved, freeze } = report;
      const phases = Object.fromEntries(report.phases.map(({ phase, ms }) => [phase, ms]));
      const rest = { heapGrowth: most - before, cpuMicros: user + system };
      return { phases, freezeMs: freeze.ms, moved, status, ...rest };
    },
  },
  async () => manager?.close(),
);
