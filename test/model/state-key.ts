import type { State } from './state.ts';

/** One number for each word of a state. */
const NUMBERS: ReadonlyMap<string, number> = new Map(
  [
    ...['', 'idle', 'asking', 'granted', 'running', 'ending', 'handing over', 'completing', 'failing'],
    ...['putting back', 'looking', 'running plain', 'deciding', 'stale', 'accepting', 'finding'],
    ...['finding plain', 'adding', 'failing over', 'enqueuing', 'placing', 'adding plain', 'confirming'],
    ...['done', 'off', 'evacuating', 'delivering', 'verifying', 'mending', 'reporting'],
    ...['absent', 'waiting', 'active', 'completed', 'failed', 'live', 'dead'],
    ...['canary', 'moved', 'plain', 'stable', 'succeeded', 'aborted', 'cancelled'],
  ].map((word, i) => [word, i]),
);

const bytes = Buffer.alloc(1024);
let length = 0;

/**
 * One text for equal states, and different ones for different states of one scenario. Made of bytes, all of them at
 * once: keys are made by the million, and a text that is joined from many parts costs several times as much.
 */
export function keyOf(s: State): string {
  length = 0;
  putLarge(s.redis);
  putLarge(s.lateCall);
  put(s.lateAdd);
  put(s.submitted);
  putFlag(s.isRolledBack);
  for (const p of s.producers) {
    putWord(p.step);
    put(p.task);
    putText(p.epoch);
    putFlag(p.mayCanary);
  }
  for (const w of s.workers) {
    putWord(w.step);
    put(w.life);
    put(w.task);
    putWord(w.from);
    put(w.token);
    put(w.failures);
    putWord(w.result);
    putFlag(w.isPaused);
    putFlag(w.isHeldUp);
  }
  for (const o of s.operators) {
    putWord(o.step);
    putText(o.epoch);
    put(o.undelivered);
    put(o.leftRunning);
    put(o.starts);
    putFlag(o.mustStart);
  }
  putWord(s.janitor.step);
  put(s.janitor.task);
  putWord(s.janitor.owner);
  putFlag(s.janitor.wasDead);
  for (const job of s.canary) {
    putWord(job.state);
    put(job.holder);
  }
  putBeeJobs(s.moved);
  putBeeJobs(s.plain);
  for (const count of s.mayBegin) put(count);
  const l = s.left;
  put(l.crash);
  put(l.pause);
  put(l.heartbeat);
  put(l.lock);
  put(l.giveUp);
  put(l.fail);
  put(l.producerCrash);
  put(l.operatorCrash);
  put(l.janitorCrash);
  put(l.lost);
  put(l.late);
  put(l.add);
  put(l.cancel);
  put(l.resume);
  put(l.ratio);
  return bytes.toString('latin1', 0, length);
}

function putBeeJobs(jobs: State['plain']): void {
  for (const job of jobs) {
    putWord(job.record);
    put(job.waiting);
    put(job.active);
  }
}

function put(number: number): void {
  // Cut off, it would make two states one, and the walk would miss what lies behind the second.
  if (!(number >= 0 && number < 256)) throw new RangeError(`A state's key has no room for ${number}.`);
  bytes[length] = number;
  length += 1;
}

function putLarge(number: number): void {
  put(Math.floor(number / 65_536));
  put((number >> 8) & 255);
  put(number & 255);
}

function putFlag(flag: boolean): void {
  put(flag ? 1 : 0);
}

function putWord(word: string): void {
  const number = NUMBERS.get(word);
  if (number === undefined) throw new RangeError(`A state's key has no number for ${word}.`);
  put(number);
}

function putText(text: string): void {
  put(text.length);
  for (let i = 0; i < text.length; i++) put(text.charCodeAt(i));
}
