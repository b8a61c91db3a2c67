import { janitorSteps } from './janitor.ts';
import { operatorSteps } from './operator.ts';
import { producerSteps } from './producer.ts';
import { areAllFinished } from './promises.ts';
import type { Rules, Scenario } from './scenario.ts';
import type { ScriptMemo } from './script-memo.ts';
import type { ScriptChange } from './scripts.ts';
import type { State } from './state.ts';
import { keyOf } from './state-key.ts';
import { surroundingSteps } from './surroundings.ts';
import { System } from './system.ts';
import type { Model } from './walk.ts';
import { workerSteps } from './worker.ts';

export const ALL_FINISH = 'I1: every accepted task can still finish';
export const ROLLBACK_ENDS = 'a rollback can still end with 0';

/**
 * The whole protocol in one scenario: the scripts are the real ones, run on a real Redis; the processes around them
 * mirror the TypeScript, one atomic step each.
 *
 * Assumed: one sender's calls arrive in order (one connection), also after its death; Redis loses nothing; a worker
 * process has one place; times, priorities and delays make no difference; who is paused wakes up or is killed.
 *
 * @param rules what is taken out of the TypeScript
 * @param change what is taken out of a script
 */
export function protocolModel(
  scenario: Scenario,
  memo: ScriptMemo,
  rules: Partial<Rules> = {},
  change?: ScriptChange,
): Model<State> {
  const system = new System(scenario, memo, rules, change);
  return {
    initial: system.initial,
    keyOf,
    stepsFrom(state) {
      system.open(state);
      for (let i = 0; i < state.producers.length; i++) producerSteps(system, state, i);
      for (let i = 0; i < state.workers.length; i++) workerSteps(system, state, i);
      for (let i = 0; i < state.operators.length; i++) operatorSteps(system, state, i);
      janitorSteps(system, state);
      surroundingSteps(system, state);
      return system.found;
    },
    fetch: () => memo.fetch(),
    goals: [
      { name: ALL_FINISH, isMet: (state) => areAllFinished(state, memo.contents(state.redis)) },
      {
        name: ROLLBACK_ENDS,
        isMet: (state) => state.isRolledBack || memo.contents(state.redis).control.frozen === '',
      },
    ],
  };
}
