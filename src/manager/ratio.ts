import type { ControlState } from '../domain/control-state.ts';
import { InvalidRatioError, UnknownTaskError } from '../domain/errors.ts';
import type { TaskRegistry } from '../execution/task-registry.ts';
import type { ControlPlane } from '../state/control-plane.ts';

/** Which ratio is changed, and why. */
export interface RatioChange {
  /** Only this task's own ratio. @default the ratio of all tasks */
  readonly task?: string;
  readonly reason: string;
}

/** @see HybridTaskManager.setRatio */
export async function changeRatio(
  plane: ControlPlane,
  tasks: TaskRegistry,
  ratio: number | null,
  { task, reason }: RatioChange,
): Promise<ControlState> {
  if (task === undefined) {
    if (!isRatio(ratio)) throw new InvalidRatioError(ratio);
    return plane.change({ settings: { celeryRatio: ratio }, reason });
  }
  if (ratio !== null && !isRatio(ratio)) throw new InvalidRatioError(ratio);
  if (!tasks.get(task)) throw new UnknownTaskError(task, tasks.names);
  const others = Object.entries(plane.state.taskRatios).filter(([name]) => name !== task);
  const own = ratio === null ? [] : [[task, ratio] as const];
  return plane.change({ settings: { taskRatios: Object.fromEntries([...others, ...own]) }, reason });
}

function isRatio(given: unknown): given is number {
  return typeof given === 'number' && given >= 0 && given <= 1;
}
