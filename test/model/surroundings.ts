import { addToCanary, stallInBee } from './queues.ts';
import { isAlive } from './redis-contents.ts';
import { type BeeJob, type State, spend, taskId, taskNumber, type Worker, workerName } from './state.ts';
import type { System } from './system.ts';
import { die, tell } from './worker-run.ts';

/** What happens to the processes, the passing of time, and what people do. */
export function surroundingSteps(system: System, state: State): void {
  state.workers.forEach((worker, index) => {
    troubles(system, state, worker, index);
  });
  for (let task = 0; task < state.canary.length; task++) {
    canaryStalls(system, state, task);
    for (const from of ['moved', 'plain'] as const) beeStalls(system, state, task, from);
    people(system, state, task);
  }
  heartbeatsOfTheDead(system, state);
  arrivals(system, state);
  if (state.left.resume > 0 && system.contents(state).control.frozen !== '') {
    system.step('an operator resumes', 'unfair', (next) => {
      spend(next, 'resume');
      next.isRolledBack = false;
      system.run(next, { name: 'set-control', intent: 'resume', ratio: '1' });
    });
  }
  if (state.left.ratio > 0) {
    system.step('an operator sets the ratio to 0', 'unfair', (next) => {
      spend(next, 'ratio');
      system.run(next, { name: 'set-control', intent: 'change', ratio: '0' });
    });
  }
}

function troubles(system: System, state: State, worker: Worker, index: number): void {
  const name = `${worker.kind} worker ${index + 1}`;
  const { left } = state;
  const isBusy = worker.step !== 'idle';
  const own = (next: State) => next.workers[index] as Worker;
  const hasBeat = isAlive(system.contents(state), workerName(worker.life));
  const end = (next: State) => die(system, next, own(next));
  if (worker.isPaused) {
    system.step(`${name}: wakes up`, 'unfair', (next) => {
      own(next).isPaused = false;
    });
    system.step(`${name}: is killed`, 'fair', end);
    if (hasBeat) {
      system.step(`${name}: its heartbeat runs out while it stands still`, 'fair', (next) =>
        system.stopBeat(next, worker.life),
      );
    }
    return;
  }
  if (!hasBeat) system.step(`${name}: beats again`, 'fair', (next) => system.beat(next, worker.life));
  if (isBusy && left.crash > 0) {
    system.step(`${name}: crashes`, 'unfair', (next) => {
      spend(next, 'crash');
      system.explain(next, worker.task);
      end(next);
    });
  }
  if (isBusy && left.pause > 0) {
    system.step(`${name}: stands still`, 'unfair', (next) => {
      spend(next, 'pause');
      system.explain(next, worker.task);
      own(next).isPaused = true;
    });
  }
  if (isBusy && hasBeat && left.heartbeat > 0) {
    system.step(`${name}: its heartbeat runs out while it works`, 'unfair', (next) => {
      spend(next, 'heartbeat');
      system.explain(next, worker.task);
      system.stopBeat(next, worker.life);
    });
  }
}

function canaryStalls(system: System, state: State, task: number): void {
  const job = state.canary[task];
  if (job?.state !== 'active') return;
  const holder = state.workers.find((w) => w.life === job.holder && w.step !== 'idle' && w.task === task);
  const back = (to: 'waiting' | 'failed') => (next: State) => {
    next.canary[task] = { state: to, holder: 0 };
  };
  if (holder === undefined || holder.isPaused) {
    system.step(`BullMQ: ${taskId(task)} stalled, waits again`, 'fair', back('waiting'));
    if (state.left.giveUp > 0) {
      system.step(`BullMQ: ${taskId(task)} stalled too often, failed`, 'unfair', (next) => {
        spend(next, 'giveUp');
        back('failed')(next);
      });
    }
  } else if (state.left.lock > 0) {
    system.step(`BullMQ: the lock of ${taskId(task)} runs out, waits again`, 'unfair', (next) => {
      spend(next, 'lock');
      system.explain(next, task);
      back('waiting')(next);
    });
  }
}

function beeStalls(system: System, state: State, task: number, from: 'moved' | 'plain'): void {
  if ((state[from][task]?.active ?? 0) === 0) return;
  const isHeld = state.workers.some(
    (w) => w.step !== 'idle' && !w.isPaused && w.from === from && w.task === task,
  );
  if (isHeld) return;
  system.step(`bee-queue: ${taskId(task)} of the ${from} queue stalled, waits again`, 'fair', (next) =>
    stallInBee(next[from][task] as BeeJob),
  );
}

function people(system: System, state: State, task: number): void {
  if (state.left.cancel === 0 || !system.entry(state, task)) return;
  system.step(`somebody cancels ${taskId(task)}`, 'unfair', (next) => {
    spend(next, 'cancel');
    system.run(next, { name: 'cancel', id: taskId(task) });
  });
}

/** Of processes that are gone. */
function heartbeatsOfTheDead(system: System, state: State): void {
  const lives = state.workers.map((w) => workerName(w.life));
  for (const worker of system.contents(state).workers) {
    if (lives.includes(worker)) continue;
    system.step(`the heartbeat of ${worker}, which is dead, runs out`, 'fair', (next) =>
      system.stopBeat(next, Number(worker.slice(1))),
    );
  }
}

/** What was on its way for very long. */
function arrivals(system: System, state: State): void {
  const call = system.lateCall(state);
  if (call !== undefined) {
    system.step(`the late ${call.name} arrives`, 'unfair', (next) => {
      next.lateCall = 0;
      if ('id' in call) tell(system, next, taskNumber(call.id), call);
    });
  }
  for (let task = 0; task < state.canary.length; task++) {
    if ((state.lateAdd & (1 << task)) === 0) continue;
    system.step(`the late add of ${taskId(task)} arrives at canary`, 'unfair', (next) => {
      next.lateAdd &= ~(1 << task);
      addToCanary(next, task);
    });
  }
}
