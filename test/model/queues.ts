import type { BeeJob, State } from './state.ts';

/** One id stands at most this often in a list: more makes no difference. */
const MOST_COPIES = 2;

/** BullMQ's add under an id that exists changes nothing. */
export function addToCanary(next: State, task: number): void {
  const job = next.canary[task];
  if (job?.state === 'absent') job.state = 'waiting';
}

export function addToBee(job: BeeJob | undefined): void {
  if (job?.record !== 'absent') return;
  job.record = 'live';
  job.waiting = Math.min(MOST_COPIES, job.waiting + 1);
}

export function isLiveInCanary(state: State, task: number): boolean {
  const job = state.canary[task]?.state;
  return job === 'waiting' || job === 'active';
}

export function isDeadInCanary(state: State, task: number): boolean {
  const job = state.canary[task]?.state;
  return job === 'completed' || job === 'failed';
}

/** A job that a live worker holds a lock on stays. */
export function removeFromCanary(next: State, task: number): void {
  const job = next.canary[task];
  if (job && job.state !== 'active') job.state = 'absent';
}

export function removeFromBee(job: BeeJob | undefined): void {
  if (job === undefined || job.active > 0) return;
  job.record = 'absent';
  job.waiting = 0;
}

export function putBackInBee(job: BeeJob): void {
  job.record = 'live';
  job.active = 0;
  job.waiting = Math.min(MOST_COPIES, job.waiting + 1);
}

/** Stalled jobs come back, those of canary and those of stable, when no live worker holds them. */
export function stallInBee(job: BeeJob): void {
  job.waiting = Math.min(MOST_COPIES, job.waiting + job.active);
  job.active = 0;
}
