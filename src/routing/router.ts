import { type ControlState, ratioFor } from '../domain/control-state.ts';
import type { DecisionReason, FlagAnswer, FlagValue, RoutingDecision } from '../domain/routing-decision.ts';
import type { BackendName } from '../domain/task.ts';
import type { BackendCapabilities } from '../domain/task-backend.ts';
import { bucketOf } from './sticky-hash.ts';

export type Capability = keyof BackendCapabilities;

export interface RoutingInput {
  readonly control: ControlState;
  /** From `saltOf(namespace)`. */
  readonly salt: number;
  /** The task's name. */
  readonly task: string;
  readonly stickyKey: string;
  /** The backend that the caller named, if any. */
  readonly requested?: BackendName | undefined;
  /** What this submission asks for beyond running, like `priority`. */
  readonly needs?: readonly Capability[] | undefined;
  readonly capabilities: Readonly<Record<BackendName, BackendCapabilities>>;
  /** The flag's answer; looked at in mode `flag` only. Absent or null: the ratio decides. */
  readonly flag?: FlagAnswer | null | undefined;
  /** What `isReachable()` of canary's backend and of its ledger say now. */
  readonly canaryReachable: boolean;
}

/**
 * Decides where one submission goes. Pure: the same input gives the same decision, in every process.
 *
 * The first rule that applies decides:
 * 1. frozen: stable, whatever anybody asks for.
 * 2. requested: the backend that the caller named.
 * 3. capability: canary, if it alone can do what is asked for and it is open for the task (the ratio in force is above 0).
 * 4. flag (mode `flag`): true, false and a backend's name decide by themselves, a number is a ratio for rule 5.
 * 5. ratio: canary if the bucket lies below the ratio in force.
 *
 * Whatever would go to a canary that is down goes to stable (`canary-down`). The ratio in force is the flag's answer
 * (true is 1, false is 0) or else the task's ratio; with reasons `flag` and `ratio` canary means `bucket < ratio`.
 */
export function decide(input: RoutingInput): RoutingDecision {
  const { control, requested } = input;
  const flag = control.mode === 'flag' ? (input.flag ?? null) : null;
  const ratio = flag === null ? ratioFor(control, input.task) : ratioOfFlag(flag.value);
  const bucket = bucketOf(input.salt, input.stickyKey);

  if (control.frozen !== '') return decision(input, 'stable', 'frozen', bucket, ratio, null);
  if (requested !== undefined) return decision(input, requested, 'requested', bucket, ratio, null);
  if (ratio > 0 && onlyCanaryCan(input)) return decision(input, 'canary', 'capability', bucket, ratio, null);
  const backend = bucket < ratio ? 'canary' : 'stable';
  return decision(input, backend, flag === null ? 'ratio' : 'flag', bucket, ratio, flag);
}

/** A flag's answer as a ratio, so that every value is held against the bucket in the same way. */
function ratioOfFlag(value: FlagValue): number {
  if (typeof value === 'number') return value;
  return value === true || value === 'canary' ? 1 : 0;
}

function onlyCanaryCan({ needs, capabilities }: RoutingInput): boolean {
  return needs?.some((need) => !capabilities.stable[need] && capabilities.canary[need]) ?? false;
}

function decision(
  input: RoutingInput,
  wanted: BackendName,
  wantedBecause: DecisionReason,
  bucket: number,
  ratio: number,
  flag: FlagAnswer | null,
): RoutingDecision {
  const isDown = wanted === 'canary' && !input.canaryReachable;
  const backend = isDown ? 'stable' : wanted;
  const reason = isDown ? 'canary-down' : wantedBecause;
  const { epoch } = input.control;
  const ignored = ignoredBy(input.capabilities[backend], input.needs);
  // Four plain literals instead of one with conditional spreads, which cost more than the hash.
  if (flag === null || isDown)
    return ignored === null
      ? { backend, reason, epoch, bucket, ratio }
      : { backend, reason, epoch, bucket, ratio, ignored };
  const said = { key: flag.key, value: flag.value };
  return ignored === null
    ? { backend, reason, epoch, bucket, ratio, flag: said }
    : { backend, reason, epoch, bucket, ratio, flag: said, ignored };
}

/** The wishes that a backend cannot fulfil; null, without an allocation, in the usual case of none. */
function ignoredBy(
  capabilities: BackendCapabilities,
  needs: readonly Capability[] | undefined,
): readonly Capability[] | null {
  if (needs === undefined || needs.every((need) => capabilities[need])) return null;
  return needs.filter((need) => !capabilities[need]);
}
