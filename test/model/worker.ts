import { addToBee, putBackInBee } from './queues.ts';
import type { Call } from './scripts.ts';
import { type BeeJob, type State, taskId, tokenName, type Worker, workerName } from './state.ts';
import type { System } from './system.ts';
import {
  becomeIdle,
  beeJob,
  begin,
  callAtEnd,
  end,
  granted,
  leave,
  letGo,
  losing,
  settle,
  type Turn,
} from './worker-run.ts';

/** One worker process with one place: src/execution/ledger-delivery.ts, and how each backend settles a delivery. */
export function workerSteps(system: System, state: State, index: number): void {
  const worker = state.workers[index] as Worker;
  if (worker.isPaused) return;
  const name = `${worker.kind} worker ${index + 1}`;
  const turn: Turn = {
    system,
    state,
    worker,
    step: (label, change, kind = 'fair') =>
      system.step(`${name}: ${label}`, kind, (next) => change(next, next.workers[index] as Worker)),
  };
  turns[worker.step](turn);
}

const turns: Record<Worker['step'], (turn: Turn) => void> = {
  idle(turn) {
    for (let task = 0; task < turn.state.canary.length; task++) {
      if (turn.worker.kind === 'canary') takeFromCanary(turn, task);
      else for (const from of ['moved', 'plain'] as const) takeFromBee(turn, task, from);
    }
  },

  asking({ system, worker, state, step }) {
    const backend = worker.kind;
    const token = tokenName(worker.token);
    const call: Call = {
      name: 'start',
      id: taskId(worker.task),
      backend,
      worker: workerName(worker.life),
      token,
    };
    const task = taskId(worker.task);
    step(`start ${task}`, (next, w) => granted(system, w, system.run(next, call)));
    losing({ system, state, worker, step }, call, (w) => {
      // Without the rule it throws, and the backend fails the job.
      if (!system.rules.asksAgain) leave(w, 'failing');
    });
  },

  granted({ system, worker, step }) {
    if (worker.isHeldUp && system.rules.heldUpAsksAgain) {
      step('was held up: asks again', (_, w) =>
        Object.assign(w, { step: 'asking', isHeldUp: false, failures: 0 }),
      );
      return;
    }
    step(`runs ${taskId(worker.task)}`, (next, w) => {
      w.isHeldUp = false;
      begin(system, next, w);
      w.step = 'running';
    });
  },

  running(turn) {
    const { system, state, worker } = turn;
    end(turn, 'succeeded', 'fair');
    if (state.left.fail > 0) end(turn, 'failed', 'unfair');
    const { frozen } = system.contents(state).control;
    if (system.scenario.aborts && worker.kind === 'canary' && frozen !== '') end(turn, 'aborted', 'fair');
    const entry = system.entry(state, worker.task);
    if (entry?.cancelRequested !== undefined) end(turn, 'cancelled', 'fair');
  },

  ending(turn) {
    const { system, worker, step } = turn;
    const call = callAtEnd(system, worker, worker.result);
    step(`${call.name} again`, (next, w) => settle(system, next, w, call));
    losing(turn, call, () => {});
  },

  'handing over'({ worker, step }) {
    step(`enqueues ${taskId(worker.task)} on stable`, (next, w) => {
      addToBee(next.moved[w.task]);
      w.step = 'completing';
    });
  },

  completing({ system, step }) {
    step('its backend completes the job', (next, w) => {
      if (w.from === 'canary') letGo(next, w, system.scenario.keepsCompleted ? 'completed' : 'absent');
      else Object.assign(beeJob(next, w), { record: 'absent', active: 0 });
      becomeIdle(w);
    });
  },

  failing({ step }) {
    step('its backend fails the job', (next, w) => {
      if (w.from === 'canary') letGo(next, w, 'failed');
      else Object.assign(beeJob(next, w), { record: 'dead', active: 0 });
      becomeIdle(w);
    });
  },

  'putting back'({ step }) {
    step('its backend puts the job back', (next, w) => {
      if (w.from === 'canary') letGo(next, w, 'waiting');
      else putBackInBee(beeJob(next, w));
      becomeIdle(w);
    });
  },

  looking({ system, worker, step }) {
    const id = taskId(worker.task);
    step(`looks for the outcome of ${id}`, (next, w) => {
      if (system.contents(next).outcomes[id] !== undefined) {
        w.step = 'completing';
        return;
      }
      begin(system, next, w);
      w.step = 'running plain';
    });
  },

  'running plain'({ system, worker, step }) {
    step(`records the outcome of ${taskId(worker.task)}`, (next, w) => {
      system.run(next, { name: 'record-outcome', id: taskId(w.task), by: workerName(w.life) });
      w.step = 'completing';
    });
  },
};

function takeFromCanary({ system, state, step }: Turn, task: number): void {
  if (state.canary[task]?.state !== 'waiting') return;
  step(`takes ${taskId(task)}`, (next, w) => {
    next.canary[task] = { state: 'active', holder: w.life };
    Object.assign(w, { step: 'asking', task, from: 'canary', token: newToken(system, next) });
  });
}

function takeFromBee({ system, state, step }: Turn, task: number, from: 'moved' | 'plain'): void {
  if ((state[from][task]?.waiting ?? 0) === 0) return;
  step(`takes ${taskId(task)} from the ${from} queue`, (next, w) => {
    const job = next[from][task] as BeeJob;
    job.waiting -= 1;
    if (job.record === 'absent') return; // parked: nothing is known of it
    job.active = Math.min(2, job.active + 1);
    const token = from === 'moved' ? newToken(system, next) : 0;
    Object.assign(w, { step: from === 'moved' ? 'asking' : 'looking', task, from, token });
  });
}

const newToken = (system: System, next: State): number =>
  system.rules.tokensAreUnique ? system.freshToken(next) : 1;
