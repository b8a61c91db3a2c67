import {
  addToBee,
  addToCanary,
  isDeadInCanary,
  isLiveInCanary,
  removeFromBee,
  removeFromCanary,
} from './queues.ts';
import { hasNoRunner } from './redis-contents.ts';
import { type Janitor, type State, spend, taskId } from './state.ts';
import type { System } from './system.ts';

/** src/execution/janitor.ts. It may be slow between the look and the add, so what it adds may be out of date. */
export function janitorSteps(system: System, state: State): void {
  const { janitor } = state;
  if (!system.rules.hasJanitor) return;
  const step = (label: string, change: (next: State, j: Janitor) => void, kind: 'fair' | 'unfair' = 'fair') =>
    system.step(`janitor: ${label}`, kind, (next) => change(next, next.janitor));
  const rest = (j: Janitor) => Object.assign(j, { step: 'idle', task: 0, owner: 'canary', wasDead: false });

  if (janitor.step === 'idle') {
    for (let task = 0; task < state.canary.length; task++) look(system, state, task, step);
    return;
  }
  if (state.left.janitorCrash > 0) {
    const die = (next: State, j: Janitor) => {
      spend(next, 'janitorCrash');
      rest(j);
    };
    step('dies', die, 'unfair');
  }
  step(`enqueues ${taskId(janitor.task)} on ${janitor.owner}`, (next, j) => {
    // The payload is read just before, and a finished task has none.
    if (system.isOpen(next, j.task)) enqueue(system, next, j);
    rest(j);
  });
}

function look(
  system: System,
  state: State,
  task: number,
  step: (label: string, change: (next: State, j: Janitor) => void) => void,
): void {
  const contents = system.contents(state);
  const entry = system.entry(state, task);
  if (entry === undefined || !hasNoRunner(contents, entry)) return;
  const { owner } = entry;
  if (!system.rules.janitorWalksBothOwners && owner === 'stable') return;
  if (!system.rules.janitorWalksAllStates && entry.state !== 'accepted') return;
  if (contents.control.frozen !== '' && owner === 'canary') {
    step(`evacuates ${taskId(task)}`, (next, j) => {
      const answer = system.run(next, { name: 'reassign', ids: [taskId(task)], onlyWhileFrozen: true });
      if (answer === 'moved') Object.assign(j, { step: 'mending', task, owner: 'stable', wasDead: false });
    });
  }
  // It may not have heard of the freeze yet.
  const isLive = owner === 'canary' ? isLiveInCanary(state, task) : state.moved[task]?.record === 'live';
  if (isLive) return;
  const wasDead = owner === 'canary' ? isDeadInCanary(state, task) : state.moved[task]?.record === 'dead';
  step(`finds ${taskId(task)} in no queue of ${owner}`, (_, j) => {
    Object.assign(j, { step: 'mending', task, owner, wasDead });
  });
}

function enqueue(system: System, next: State, j: Janitor): void {
  const mustRemove = j.wasDead && system.rules.janitorRemovesDeadJobs;
  if (j.owner === 'canary') {
    if (mustRemove) removeFromCanary(next, j.task);
    addToCanary(next, j.task);
  } else {
    if (mustRemove) removeFromBee(next.moved[j.task]);
    addToBee(next.moved[j.task]);
  }
}
