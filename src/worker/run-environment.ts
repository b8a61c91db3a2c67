import type { WorkerEvent } from '../domain/events.ts';
import type { Heartbeat } from '../execution/heartbeat.ts';
import type { RunEnvironment } from '../execution/run-environment.ts';
import type { RunningTasks } from '../execution/running-tasks.ts';
import type { TaskRegistry } from '../execution/task-registry.ts';
import { type Connections, enqueueMoved } from '../manager/connections.ts';

/** What a worker's runs need of the worker itself. */
export interface RunsOfWorker {
  readonly tasks: TaskRegistry;
  readonly running: RunningTasks;
  readonly heartbeat: Heartbeat;
  readonly abortGraceMs: number;
  /** Aborted when the process ends without waiting any longer. */
  readonly giveUp: AbortSignal;
  emit(event: WorkerEvent): void;
}

/** What runs need of Redis, the backends, the settings and their worker. */
export function runEnvironmentOf(c: Connections, worker: RunsOfWorker): RunEnvironment {
  const { config, log, ledger, outcomes, meter, stable, canary } = c;
  const { tasks, running, heartbeat, abortGraceMs, giveUp, emit } = worker;
  return {
    tasks,
    running,
    ledger,
    outcomes,
    meter,
    lease: () => heartbeat.lease,
    enqueueMoved: (task) => enqueueMoved(stable, [task]),
    emit,
    canPostpone: (backend) => (backend === 'stable' ? stable : canary).capabilities.postpone,
    resultTtlSeconds: config.results.resultTtlSeconds,
    failureTtlSeconds: config.results.failureTtlSeconds,
    copyDeadlineSeconds: config.parity.deadlineSeconds,
    resultLimitBytes: config.limits.payloadBytes,
    abortGraceMs,
    random: Math.random,
    giveUp,
    log,
  };
}
