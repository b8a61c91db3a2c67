/** `ratio`: the ratio decides. `flag`: the feature flag decides, the ratio is its fallback. */
export type RoutingMode = 'ratio' | 'flag';

/** What all processes agree on at one epoch. Immutable; a change is a new state with the next epoch. */
export interface ControlState {
  /** Whole number from 1, one higher with every change. */
  readonly epoch: number;
  /** Share of submissions that go to canary, 0 to 1. */
  readonly celeryRatio: number;
  readonly mode: RoutingMode;
  /** Ratios of single tasks by name, over the global one. */
  readonly taskRatios: Readonly<Record<string, number>>;
  /** `rollback`: frozen, so nothing new goes to canary until an operator resumes. */
  readonly frozen: '' | 'rollback';
  /** Milliseconds since 1970, Redis's clock. */
  readonly updatedAt: number;
  readonly updatedBy: string;
  readonly reason: string;
}

/** The part of the state that the config file also has. */
export interface RoutingSettings {
  readonly celeryRatio: number;
  readonly mode: RoutingMode;
  readonly taskRatios: Readonly<Record<string, number>>;
}

/** The ratio in force for a task. */
export function ratioFor(state: RoutingSettings, task: string): number {
  return Object.hasOwn(state.taskRatios, task) ? (state.taskRatios[task] as number) : state.celeryRatio;
}
