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

/** Field by field, not by `...`: hundreds of thousands of copies are made, and this is several times as fast. */
export function copyOf(s: State): State {
  return {
    redis: s.redis,
    producers: s.producers.map(copyOfProducer),
    workers: s.workers.map(copyOfWorker),
    operators: s.operators.map(copyOfOperator),
    janitor: copyOfJanitor(s.janitor),
    canary: s.canary.map(copyOfCanaryJob),
    moved: s.moved.map(copyOfBeeJob),
    plain: s.plain.map(copyOfBeeJob),
    left: s.left,
    lateCall: s.lateCall,
    lateAdd: s.lateAdd,
    mayBegin: s.mayBegin.slice(),
    submitted: s.submitted,
    isRolledBack: s.isRolledBack,
  };
}

function copyOfProducer({ step, task, epoch, mayCanary }: Producer): Producer {
  return { step, task, epoch, mayCanary };
}

function copyOfWorker(w: Worker): Worker {
  return {
    kind: w.kind,
    life: w.life,
    step: w.step,
    task: w.task,
    from: w.from,
    token: w.token,
    failures: w.failures,
    result: w.result,
    isPaused: w.isPaused,
    isHeldUp: w.isHeldUp,
  };
}

function copyOfOperator(o: Operator): Operator {
  return {
    step: o.step,
    epoch: o.epoch,
    undelivered: o.undelivered,
    leftRunning: o.leftRunning,
    starts: o.starts,
    mustStart: o.mustStart,
  };
}

function copyOfJanitor({ step, task, owner, wasDead }: Janitor): Janitor {
  return { step, task, owner, wasDead };
}

function copyOfCanaryJob({ state, holder }: CanaryJob): CanaryJob {
  return { state, holder };
}

function copyOfBeeJob({ record, waiting, active }: BeeJob): BeeJob {
  return { record, waiting, active };
}

const TASK_IDS = 'abc';
export const taskId = (task: number): string => TASK_IDS[task] as string;
export const taskNumber = (id: string): number => TASK_IDS.indexOf(id);
export const tokenName = (token: number): string => `t${token}`;
export const workerName = (life: number): string => `w${life}`;
