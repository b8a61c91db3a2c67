/** What may go wrong, and how often within one walk. */
export interface Budget {
  /** A worker's process is killed. */
  crash: number;
  /** A worker's process stands still, its heartbeat and locks run out, it may wake up. */
  pause: number;
  /** The heartbeat of a worker runs out although it lives. */
  heartbeat: number;
  /** BullMQ's lock of a job runs out although its worker lives. */
  lock: number;
  /** BullMQ gives up a stalled job (a plain worker with its own limit looks after the queue, too). */
  giveUp: number;
  /** A handler fails. */
  fail: number;
  producerCrash: number;
  operatorCrash: number;
  janitorCrash: number;
  /** A script was run, its answer is lost. */
  lost: number;
  /** A process dies with a script's call on its way, which arrives some time later. */
  late: number;
  /** The add to canary's queue fails, is confirmed too late, or arrives late. */
  add: number;
  cancel: number;
  resume: number;
  /** An operator sets the ratio to 0 without a freeze. */
  ratio: number;
}

export interface Producer {
  step: ProducerStep;
  task: number;
  epoch: string;
  mayCanary: boolean;
}

export type ProducerStep =
  | 'deciding'
  | 'stale'
  | 'accepting'
  | 'finding'
  | 'finding plain'
  | 'adding'
  | 'failing over'
  | 'enqueuing'
  | 'placing'
  | 'adding plain'
  | 'confirming'
  | 'done';

export type Result = '' | 'succeeded' | 'failed' | 'aborted' | 'cancelled';

export interface Worker {
  readonly kind: 'canary' | 'stable';
  /** Number of this process's life: its worker id. */
  life: number;
  step: WorkerStep;
  task: number;
  from: 'canary' | 'moved' | 'plain';
  token: number;
  failures: number;
  /** How the run ended; the question about it may have to be asked again. */
  result: Result;
  isPaused: boolean;
  /** Held up between the grant and the handler for longer than half its heartbeat's life. */
  isHeldUp: boolean;
}

export type WorkerStep =
  | 'idle'
  | 'asking'
  | 'granted'
  | 'running'
  | 'ending'
  | 'handing over'
  | 'completing'
  | 'failing'
  | 'putting back'
  | 'looking'
  | 'running plain';

export interface Operator {
  step: 'off' | 'evacuating' | 'delivering' | 'verifying' | 'mending' | 'confirming' | 'reporting';
  epoch: string;
  /** One bit for each task that it has to enqueue. */
  undelivered: number;
  /** One bit for each task that ran on under a live worker when its patience was over. */
  leftRunning: number;
  starts: number;
  mustStart: boolean;
}

export interface Janitor {
  step: 'idle' | 'mending';
  task: number;
  owner: 'canary' | 'stable';
  wasDead: boolean;
}

export interface CanaryJob {
  state: 'absent' | 'waiting' | 'active' | 'completed' | 'failed';
  /** Life that holds the lock. */
  holder: number;
}

/** bee-queue keeps a record, and the id in lists; they may disagree. */
export interface BeeJob {
  record: 'absent' | 'live' | 'dead';
  waiting: number;
  active: number;
}

/** The whole system at one instant. Steps work on a copy. */
export interface State {
  /** Number of the ledger's contents. */
  redis: number;
  producers: Producer[];
  workers: Worker[];
  operators: Operator[];
  janitor: Janitor;
  canary: CanaryJob[];
  moved: BeeJob[];
  plain: BeeJob[];
  left: Readonly<Budget>;
  /** Number of a script call that is still on its way, 0: none. */
  lateCall: number;
  /** One bit for each task whose add to canary is still on its way. */
  lateAdd: number;
  /** How often the handler of each task may still begin: once, and once more for each event that explains it. */
  mayBegin: number[];
  /** One bit for each task that its producer was told is submitted. */
  submitted: number;
  /** A rollback ended with 0 and nobody resumed since. */
  isRolledBack: boolean;
}

/** One trouble less that is left. */
export function spend(next: State, trouble: keyof Budget): void {
  next.left = { ...next.left, [trouble]: next.left[trouble] - 1 };
}

export function copyOf(s: State): State {
  return {
    ...s,
    producers: s.producers.map((p) => ({ ...p })),
    workers: s.workers.map((w) => ({ ...w })),
    operators: s.operators.map((o) => ({ ...o })),
    janitor: { ...s.janitor },
    canary: s.canary.map((job) => ({ ...job })),
    moved: s.moved.map((job) => ({ ...job })),
    plain: s.plain.map((job) => ({ ...job })),
    mayBegin: [...s.mayBegin],
  };
}

/** One letter per word: keys are hashed and kept by the hundred thousand. */
const LETTERS: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ...[
      'idle',
      'asking',
      'granted',
      'running',
      'ending',
      'handing over',
      'completing',
      'failing',
      'putting back',
    ],
    ...['looking', 'running plain', 'deciding', 'stale', 'accepting', 'finding', 'finding plain', 'adding'],
    ...[
      'failing over',
      'enqueuing',
      'placing',
      'adding plain',
      'confirming',
      'done',
      'off',
      'evacuating',
      'delivering',
    ],
    ...[
      'verifying',
      'mending',
      'reporting',
      'absent',
      'waiting',
      'active',
      'completed',
      'failed',
      'live',
      'dead',
    ],
    ...['canary', 'moved', 'plain', 'stable', '', 'succeeded', 'aborted', 'cancelled'],
  ].map((word, i) => [word, String.fromCharCode(65 + i)]),
);

const letter = (word: string): string => LETTERS[word] ?? word;

/** One text for equal states. */
export function keyOf(s: State): string {
  let key = `${s.redis},${s.lateCall},${s.lateAdd}${s.submitted}${s.isRolledBack ? 'x' : ''}`;
  for (const p of s.producers) key += letter(p.step) + p.task + p.epoch + (p.mayCanary ? 'm' : '');
  for (const w of s.workers) {
    key += `${letter(w.step)}${w.life},${w.task}${letter(w.from)}${w.token},${w.failures}${letter(w.result)}`;
    key += `${w.isPaused ? 'p' : ''}${w.isHeldUp ? 'h' : ''}`;
  }
  for (const o of s.operators) {
    key += `${letter(o.step)}${o.epoch},${o.undelivered}${o.leftRunning}${o.starts}${o.mustStart ? 'r' : ''}`;
  }
  const { janitor: j, left: l } = s;
  key += letter(j.step) + j.task + letter(j.owner) + (j.wasDead ? 'd' : '');
  for (const job of s.canary) key += letter(job.state) + job.holder;
  for (const job of s.moved) key += letter(job.record) + job.waiting + job.active;
  for (const job of s.plain) key += letter(job.record) + job.waiting + job.active;
  key += `,${s.mayBegin},${l.crash}${l.pause}${l.heartbeat}${l.lock}${l.giveUp}${l.fail}${l.producerCrash}`;
  return `${key}${l.operatorCrash}${l.janitorCrash}${l.lost}${l.late}${l.add}${l.cancel}${l.resume}${l.ratio}`;
}

const TASK_IDS = 'abc';
export const taskId = (task: number): string => TASK_IDS[task] as string;
export const taskNumber = (id: string): number => TASK_IDS.indexOf(id);
export const tokenName = (token: number): string => `t${token}`;
export const workerName = (life: number): string => `w${life}`;
