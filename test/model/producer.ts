import { addToBee, addToCanary } from './queues.ts';
import type { Call } from './scripts.ts';
import { type Producer, type State, spend, taskId, taskNumber } from './state.ts';
import type { System } from './system.ts';

export const KEY = 'k';

/** One submission: src/manager/submitter.ts. */
export function producerSteps(system: System, state: State, index: number): void {
  const producer = state.producers[index] as Producer;
  if (producer.step === 'done') return;
  const name = `producer ${index + 1}`;
  const own = (next: State) => next.producers[index] as Producer;
  const step = (
    label: string,
    change: (next: State, producer: Producer) => void,
    kind: 'fair' | 'unfair' = 'fair',
  ) => system.step(`${name}: ${label}`, kind, (next) => change(next, own(next)));

  if (state.left.producerCrash > 0 && producer.step !== 'deciding') {
    step(
      'dies',
      (next, p) => {
        spend(next, 'producerCrash');
        end(p);
      },
      'unfair',
    );
  }
  steps[producer.step]?.({ system, state, producer, index, step });
}

interface Turn {
  readonly system: System;
  readonly state: State;
  readonly producer: Producer;
  readonly index: number;
  readonly step: (
    label: string,
    change: (next: State, p: Producer) => void,
    kind?: 'fair' | 'unfair',
  ) => void;
}

const steps: Partial<Record<Producer['step'], (turn: Turn) => void>> = {
  deciding({ system, state, producer, index, step }) {
    step(`decides for ${producer.mayCanary ? 'canary' : 'stable'} at epoch ${producer.epoch}`, (_, p) => {
      p.step = p.mayCanary ? 'accepting' : 'placing';
    });
    const { control } = system.contents(state);
    if (control.epoch === producer.epoch) return;
    step('sees the new control state', (next, p) => refresh(system, next, p, index));
  },

  stale({ system, index, step }) {
    step('reads the control state', (next, p) => {
      refresh(system, next, p, index);
      p.step = 'deciding';
    });
    step('was surprised too often: to stable', (_, p) => {
      p.step = 'placing';
    });
  },

  accepting({ system, state, producer, step }) {
    const key = system.scenario.isKeyed ? KEY : '';
    const call: Call = { name: 'accept', id: taskId(producer.task), epoch: producer.epoch, key };
    step('accept', (next, p) => answered(system, next, p, system.run(next, call)));
    // It asks once more under the same id, says E_UNKNOWN at last, and its caller submits the same id again.
    const silence = (p: Producer) => {
      p.step = system.rules.silentAcceptNeverFalls ? 'finding' : 'placing';
    };
    if (state.left.lost > 0) {
      const lose = (change: (p: Producer) => void) => (next: State, p: Producer) => {
        spend(next, 'lost');
        system.run(next, call);
        change(p);
      };
      step(
        'accept, whose answer is lost; asks again',
        lose(() => {}),
        'unfair',
      );
      step('accept, whose answer is lost; gives up', lose(silence), 'unfair');
    }
    if (state.left.late > 0 && state.lateCall === 0) {
      const send = (next: State, p: Producer) => {
        spend(next, 'late');
        system.sendLate(next, call);
        end(p);
      };
      step('dies with its accept on the way', send, 'unfair');
    }
  },

  finding({ system, state, producer, step }) {
    const isKnown = system.entry(state, producer.task) !== undefined;
    step(`submits the id again: ${isKnown ? 'has an entry' : 'has no entry'}`, (_, p) => {
      p.step = isKnown ? 'accepting' : 'finding plain';
    });
  },

  'finding plain'({ system, state, producer, step }) {
    const isThere = state.plain[producer.task]?.record !== 'absent';
    const isKnown = isThere || system.contents(state).outcomes[taskId(producer.task)] !== undefined;
    step(isKnown ? 'the id is on stable' : 'the id is nowhere', (next, p) => {
      if (isKnown) done(next, p);
      else p.step = 'deciding';
    });
  },

  adding({ state, producer, step }) {
    step('adds to canary', (next, p) => {
      addToCanary(next, p.task);
      done(next, p);
    });
    if (state.left.add === 0) return;
    const fail = (change: (next: State) => void) => (next: State, p: Producer) => {
      spend(next, 'add');
      change(next);
      p.step = 'failing over';
    };
    step(
      'cannot add to canary',
      fail(() => {}),
      'unfair',
    );
    step(
      'adds to canary and is not told',
      fail((next) => addToCanary(next, producer.task)),
      'unfair',
    );
    const late = (next: State) => {
      next.lateAdd |= 1 << producer.task;
    };
    step('adds to canary, which takes very long', fail(late), 'unfair');
  },

  'failing over'({ system, producer, step }) {
    step('fails over: reassign', (next, p) => {
      const answer = system.run(next, {
        name: 'reassign',
        ids: [taskId(producer.task)],
        onlyWhileFrozen: false,
      });
      if (answer === 'moved') p.step = 'enqueuing';
      else if (answer === 'absent') p.step = 'placing';
      else done(next, p);
    });
  },

  enqueuing({ state, step }) {
    step('enqueues the moved task', (next, p) => {
      addToBee(next.moved[p.task]);
      done(next, p);
    });
    if (state.left.add === 0) return;
    const leave = (next: State, p: Producer) => {
      spend(next, 'add');
      done(next, p);
    };
    step('cannot enqueue the moved task and leaves it to the janitor', leave, 'unfair');
  },

  placing({ system, step }) {
    if (!system.scenario.isKeyed) {
      step('adds to stable', (next, p) => {
        addToBee(next.plain[p.task]);
        done(next, p);
      });
      return;
    }
    step('claims the key', (next, p) => {
      const answer = system.run(next, { name: 'claim-key', id: taskId(p.task), key: KEY });
      if (answer === 'claimed') p.step = 'adding plain';
      else keyed(system, next, p, answer.replace('known', 'key'));
    });
  },

  'adding plain'({ step }) {
    step('adds to stable', (next, p) => {
      addToBee(next.plain[p.task]);
      p.step = 'confirming';
    });
  },

  confirming({ system, step }) {
    step('confirms the key', (next, p) => {
      system.confirmKey(next, KEY);
      done(next, p);
    });
  },
};

function refresh(system: System, next: State, p: Producer, index: number): void {
  const { epoch, frozen, celeryRatio } = system.contents(next).control;
  p.epoch = epoch;
  p.mayCanary = frozen === '' && celeryRatio !== '0' && !system.scenario.toStable.includes(index);
}

function answered(system: System, next: State, p: Producer, answer: string): void {
  if (answer === 'stale') p.step = 'stale';
  else if (answer.startsWith('key')) keyed(system, next, p, answer);
  else if (answer === 'duplicate stable') done(next, p);
  else p.step = 'adding';
}

/** Answer: `key <id> <owner> <confirmed>`. */
function keyed(system: System, next: State, p: Producer, answer: string): void {
  const [, id = '', owner, confirmed] = answer.split(' ');
  p.task = taskNumber(id);
  if (owner === 'stable' && confirmed === '0' && system.rules.unconfirmedKeysAreEnqueued)
    p.step = 'adding plain';
  else done(next, p);
}

function done(next: State, p: Producer): void {
  next.submitted |= 1 << p.task;
  end(p);
}

const end = (p: Producer) => Object.assign(p, { step: 'done', epoch: '', mayCanary: false });
