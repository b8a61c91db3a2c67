// The public surface. Backends, ledger and control plane are not exported: they are reached through the manager.

export {
  type HybridConfig,
  type HybridConfigInput,
  type LoadConfigOptions,
  loadConfig,
  resolveConfig,
} from './config.ts';
export type { ControlState, RoutingMode, RoutingSettings } from './domain/control-state.ts';
export * as errors from './domain/errors.ts';
export { HybridTaskError } from './domain/errors.ts';
export type { WorkerEvent, WorkerListener } from './domain/events.ts';
export type { Logger } from './domain/logger.ts';
export type { Outcome, OutcomeError } from './domain/outcome.ts';
export type {
  Difference,
  Mismatch,
  MismatchKind,
  Observation,
  PairKind,
  ParityDefinition,
  ParityOptions,
} from './domain/parity.ts';
export type {
  BackendSide,
  ComparisonReport,
  Interval,
  ParityPart,
  ReportFormat,
  ReportGates,
  TaskComparison,
  Verdict,
  VerdictLine,
} from './domain/report.ts';
export type {
  FileChange,
  LeftTask,
  RollbackEvent,
  RollbackListener,
  RollbackPhase,
  RollbackPlan,
  RollbackProblem,
  RollbackReport,
  RollbackTally,
  ServiceResult,
} from './domain/rollback.ts';
export type { DecisionReason, RoutingDecision } from './domain/routing-decision.ts';
export type {
  BackendName,
  Backoff,
  TaskContext,
  TaskDefinition,
  TaskLogger,
  TaskOptions,
} from './domain/task.ts';
export { defineTask } from './domain/task.ts';
export { HybridTaskManager } from './hybrid-task-manager.ts';
export { HybridWorker, type WorkerOptions } from './hybrid-worker.ts';
export { type ReportOptions, renderReport } from './manager/comparison-report.ts';
export type { DrainOptions, DrainProgress, DrainReport } from './manager/drain.ts';
export type { ActiveDrainJob, DelayedDrainJob, DrainJob, DrainLook } from './manager/drain-look.ts';
export type { ManagerOptions } from './manager/manager-options.ts';
export type { RatioChange } from './manager/ratio.ts';
export type { ReplayedInput, ReplayOptions, ReplayProgress, ReplayResult } from './manager/replay.ts';
export type { RollbackOptions } from './manager/rollback.ts';
export type { BackendStatus, Drift, SystemStatus } from './manager/status.ts';
export { newTaskId, type SubmitOptions } from './manager/submission.ts';
export type { SubmittedTask } from './manager/submitted-task.ts';
export type { TaskReport } from './manager/task-lookup.ts';
export type { AuditEntry } from './state/audit-log.ts';
