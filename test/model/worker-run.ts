import type { Call } from './scripts.ts';
import { type BeeJob, type State, spend, taskId, tokenName, type Worker } from './state.ts';
import type { System } from './system.ts';

/** One look at what a worker may do next. */
export interface Turn {
  readonly system: System;
  readonly state: State;
  readonly worker: Worker;
  readonly step: (label: string, change: (next: State, w: Worker) => void, kind?: 'fair' | 'unfair') => void;
}

export function granted(system: System, w: Worker, answer: string): void {
  const [status, detail] = answer.split(' ');
  if (status === 'granted') Object.assign(w, { step: 'granted', failures: Number(detail) });
  else if (status === 'busy') leave(w, w.kind === 'canary' ? 'putting back' : 'completing');
  else if (status === 'skip') leave(w, 'completing');
  else system.breaks('a marked job has an entry');
}

/** The handler begins. */
export function begin(system: System, next: State, w: Worker): void {
  const entry = system.entry(next, w.task);
  const left = next.mayBegin[w.task] ?? 0;
  if (left === 0) system.breaks('no second run without a stall, a crash, a pause or a retry');
  next.mayBegin[w.task] = Math.max(0, left - 1);
  if (w.from === 'plain') return;
  if (entry?.state === 'cancelled') system.breaks('a cancelled task never runs');
  if (w.kind === 'canary' && entry?.owner === 'stable') system.breaks('no canary run begins after the move');
  const twin = next.workers.some(
    (o) => o !== w && o.step === 'running' && o.task === w.task && o.token === w.token,
  );
  if (twin) system.breaks('I2: two runs never have one token');
}

export function callAtEnd(system: System, w: Worker, result: Worker['result']): Call {
  const id = taskId(w.task);
  const token = tokenName(w.token);
  const isFinal = result === 'failed' && w.failures >= system.scenario.retries;
  if (result === 'succeeded' || isFinal) {
    return { name: 'finish', id, token, backend: w.kind, state: isFinal ? 'failed' : 'succeeded' };
  }
  return { name: 'retry', id, token, free: result === 'aborted' ? '1' : '0' };
}

/** The handler ends, and its worker tells the ledger. */
export function end(turn: Turn, result: Worker['result'], kind: 'fair' | 'unfair'): void {
  const { system, worker, step } = turn;
  const call = callAtEnd(system, worker, result);
  const spendFailure = (next: State) => {
    if (result === 'failed') spend(next, 'fail');
  };
  const report = (next: State, w: Worker) => {
    spendFailure(next);
    w.result = result;
    settle(system, next, w, call);
  };
  step(`its handler ${result === 'succeeded' ? result : `is ${result}`}: ${call.name}`, report, kind);
  losing(turn, call, (w, next) => {
    spendFailure(next);
    Object.assign(w, { step: 'ending', result });
  });
}

/** A retry that is granted explains the next run. */
export function tell(system: System, next: State, task: number, call: Call): string {
  const wasRunning = system.entry(next, task)?.state === 'running';
  const answer = system.run(next, call);
  if (call.name === 'retry' && wasRunning && system.entry(next, task)?.state !== 'running')
    system.explain(next, task);
  return answer;
}

export function settle(system: System, next: State, w: Worker, call: Call): void {
  const answer = tell(system, next, w.task, call);
  const hasFailed = answer === 'recorded' && call.name === 'finish' && call.state === 'failed';
  if (answer === 'retrying') leave(w, 'putting back');
  else if (answer === 'moved') leave(w, 'handing over');
  else leave(w, hasFailed ? 'failing' : 'completing');
}

/** The same question, whose answer is lost: the worker asks again. Or the worker dies before the question arrives. */
export function losing(turn: Turn, call: Call, change: (w: Worker, next: State) => void): void {
  const { system, state, step } = turn;
  if (state.left.lost > 0) {
    const lose = (next: State, w: Worker) => {
      spend(next, 'lost');
      tell(system, next, w.task, call);
      change(w, next);
    };
    step(`${call.name}, whose answer is lost`, lose, 'unfair');
  }
  if (state.left.late > 0 && state.lateCall === 0) {
    const send = (next: State, w: Worker) => {
      spend(next, 'late');
      system.sendLate(next, call);
      system.explain(next, w.task);
      die(system, next, w);
    };
    step(`dies with its ${call.name} on the way`, send, 'unfair');
  }
}

/** The process ends and is started again, as somebody else. */
export function die(system: System, next: State, w: Worker): void {
  const life = system.freshLife(next);
  becomeIdle(w);
  w.life = life;
  system.beat(next, life);
}

/** The ledger has answered for good; what is left is the backend's. */
export function leave(w: Worker, step: Worker['step']): void {
  Object.assign(w, { step, token: 0, failures: 0, result: '' });
}

/** BullMQ lets only the lock's holder move a job. */
export function letGo(next: State, w: Worker, state: 'absent' | 'waiting' | 'completed' | 'failed'): void {
  const job = next.canary[w.task];
  if (job?.state === 'active' && job.holder === w.life) next.canary[w.task] = { state, holder: 0 };
}

export const beeJob = (next: State, w: Worker): BeeJob =>
  next[w.from === 'plain' ? 'plain' : 'moved'][w.task] as BeeJob;

export function becomeIdle(w: Worker): void {
  const nothing = {
    task: 0,
    from: 'canary',
    token: 0,
    failures: 0,
    result: '',
    isPaused: false,
    isHeldUp: false,
  };
  Object.assign(w, { step: 'idle', ...nothing });
}
