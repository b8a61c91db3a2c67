import { brokenByExit } from './promises.ts';
import { addToBee, removeFromBee } from './queues.ts';
import { hasNoRunner } from './redis-contents.ts';
import { type Operator, type State, spend, taskId, taskNumber } from './state.ts';
import type { System } from './system.ts';

interface Turn {
  readonly system: System;
  readonly state: State;
  readonly operator: Operator;
  readonly step: (
    label: string,
    change: (next: State, o: Operator) => void,
    kind?: 'fair' | 'unfair',
  ) => void;
}

/** A rollback: src/rollback/rollback.ts. */
export function operatorSteps(system: System, state: State, index: number): void {
  const operator = state.operators[index] as Operator;
  const step: Turn['step'] = (label, change, kind = 'fair') =>
    system.step(`operator ${index + 1}: ${label}`, kind, (next) =>
      change(next, next.operators[index] as Operator),
    );
  if (operator.step !== 'off' && state.left.operatorCrash > 0) {
    const die = (next: State, o: Operator) => {
      spend(next, 'operatorCrash');
      Object.assign(o, OFF, { starts: o.starts + 1, mustStart: true });
    };
    step('its terminal dies', die, 'unfair');
  }
  turns[operator.step]({ system, state, operator, step });
}

const OFF = { step: 'off', epoch: '', undelivered: 0, leftRunning: 0, mustStart: false } as const;

const turns: Record<Operator['step'], (turn: Turn) => void> = {
  off({ system, operator, step }) {
    if (operator.starts === 0) return;
    const freeze = (next: State, o: Operator) => {
      const [, epoch = ''] = system
        .run(next, { name: 'set-control', intent: 'freeze', ratio: '' })
        .split(' ');
      Object.assign(o, { step: 'evacuating', epoch, starts: o.starts - 1, mustStart: false });
    };
    step('freezes', freeze, operator.mustStart ? 'fair' : 'unfair');
  },

  /** One pass; until a pass finds nothing that runs and nothing to move. */
  evacuating({ system, state, step }) {
    const ids = system.contents(state).openCanary;
    if (ids.length === 0) {
      step('nothing is left with canary', (_, o) => {
        o.step = 'verifying';
      });
      return;
    }
    step('reassigns what is open', (next, o) => {
      const answers = system.run(next, { name: 'reassign', ids, onlyWhileFrozen: true }).split(', ');
      o.undelivered = maskOf(ids.filter((_, i) => answers[i] === 'moved'));
      if (o.undelivered !== 0) o.step = 'delivering';
      else if (answers.includes('thawed')) o.step = 'verifying';
    });
    if (!system.scenario.losesPatience) return;
    const giveUp = (next: State, o: Operator) => {
      const answers = system.run(next, { name: 'reassign', ids, onlyWhileFrozen: true }).split(', ');
      o.undelivered = maskOf(ids.filter((_, i) => answers[i] === 'moved'));
      if (o.undelivered !== 0) o.step = 'delivering';
      else {
        o.leftRunning = maskOf(ids.filter((_, i) => answers[i] === 'left canary running'));
        o.step = 'verifying';
      }
    };
    step('reassigns what is open, and loses patience', giveUp, 'unfair');
  },

  delivering(turn) {
    enqueue(turn, 'evacuating', () => {});
  },

  verifying({ system, state, step }) {
    const contents = system.contents(state);
    const missing = contents.openMoved.filter((id) => {
      const entry = contents.entries[id];
      return entry && hasNoRunner(contents, entry) && state.moved[taskNumber(id)]?.record !== 'live';
    });
    const undelivered = system.rules.verifyEnqueuesMissing ? maskOf(missing) : 0;
    step(undelivered === 0 ? 'finds every moved task on stable' : 'finds moved tasks in no queue', (_, o) => {
      Object.assign(o, { step: undelivered === 0 ? 'confirming' : 'mending', undelivered });
    });
  },

  mending(turn) {
    enqueue(turn, 'confirming', (next, task) => {
      if (next.moved[task]?.record === 'dead') removeFromBee(next.moved[task]);
    });
  },

  /** src/rollback/verification.ts */
  confirming({ system, state, operator, step }) {
    const { control, openCanary } = system.contents(state);
    const looksAgain = system.rules.verifyReadsControlAgain;
    if (looksAgain && control.frozen === '') {
      step('exit 3: somebody has resumed', (_, o) => Object.assign(o, OFF));
    } else if (looksAgain && control.epoch !== operator.epoch) {
      step('frozen at another epoch: again', (_, o) => {
        Object.assign(o, { step: 'evacuating', epoch: control.epoch, leftRunning: 0 });
      });
    } else if (looksAgain && openCanary.length > tasksIn(operator.leftRunning).length) {
      step('canary has open tasks: again', (_, o) =>
        Object.assign(o, { step: 'evacuating', leftRunning: 0 }),
      );
    } else if (operator.leftRunning === 0) {
      step('exit 0', (next, o) => exit(system, next, o));
    } else {
      step('all but the running ones are verified', (_, o) => {
        o.step = 'reporting';
      });
    }
  },

  /** src/rollback/left-tasks.ts */
  reporting({ system, state, operator, step }) {
    const isLeft = tasksIn(operator.leftRunning).some(
      (task) =>
        system.entry(state, task)?.owner === 'canary' && system.entry(state, task)?.state === 'running',
    );
    if (isLeft) {
      step('exit 3: tasks still run on canary', (_, o) =>
        Object.assign(o, OFF, { starts: o.starts + 1, mustStart: true }),
      );
    } else if (system.rules.verifiesAgainWhatRanOn) {
      // What ran on during the look may have come to stable after it.
      step('nothing runs on canary any more: again', (_, o) => {
        Object.assign(o, { step: 'evacuating', leftRunning: 0 });
      });
    } else step('exit 0', (next, o) => exit(system, next, o));
  },
};

function enqueue(
  { state, operator, step }: Turn,
  then: Operator['step'],
  prepare: (next: State, task: number) => void,
) {
  for (const task of tasksIn(operator.undelivered)) {
    if (task >= state.moved.length) continue;
    step(`enqueues ${taskId(task)} on stable`, (next, o) => {
      prepare(next, task);
      addToBee(next.moved[task]);
      o.undelivered &= ~(1 << task);
      if (o.undelivered === 0) o.step = then;
    });
  }
}

function exit(system: System, next: State, o: Operator): void {
  const promise = brokenByExit(next, system.contents(next));
  if (promise !== undefined) system.breaks(promise);
  next.isRolledBack = true;
  Object.assign(o, OFF);
}

const maskOf = (ids: readonly string[]): number => ids.reduce((mask, id) => mask | (1 << taskNumber(id)), 0);
const tasksIn = (mask: number): number[] => [0, 1, 2].filter((task) => (mask & (1 << task)) !== 0);
