import type { ControlState } from './control-state.ts';
import type { EntryHead } from './janitor.ts';
import type { CancelledCopies, LedgerCounts, MovedTask, ReassignResult } from './ledger.ts';
import type { BackendCounts } from './task-backend.ts';

/** In the order in which they happen; `start-stable` and `stop-canary` only where services are to be switched. */
export type RollbackPhase =
  | 'freeze'
  | 'start-stable'
  | 'evacuate'
  | 'wait'
  | 'stop-canary'
  | 'verify'
  | 'tidy'
  | 'persist';

/** What happens during a rollback. Numbers are those of this run; times are milliseconds. */
export type RollbackEvent =
  | { readonly type: 'phase-began'; readonly phase: RollbackPhase }
  | { readonly type: 'phase-ended'; readonly phase: RollbackPhase; readonly ms: number }
  /** `total`: the unfinished tasks that canary had when this run began. Those that are running are among them. */
  | { readonly type: 'moved'; readonly moved: number; readonly total: number }
  /** `abortInMs`: 0 once they have been asked to end. */
  | { readonly type: 'waiting'; readonly running: number; readonly abortInMs: number }
  | { readonly type: 'verified'; readonly looked: number; readonly enqueuedAgain: number }
  | { readonly type: 'tidied'; readonly removed: number }
  /** Redis is away for a moment; the step is repeated. */
  | { readonly type: 'trouble'; readonly message: string }
  | { readonly type: 'problem'; readonly problem: RollbackProblem };

/** Called synchronously; what it throws is logged and goes no further. */
export type RollbackListener = (event: RollbackEvent) => void;

/** Something that needs a person. */
export interface RollbackProblem {
  readonly code:
    | 'E_NO_STABLE_CONSUMER'
    | 'E_STILL_RUNNING'
    | 'E_RESUMED'
    | 'E_CORRUPT_ENTRY'
    | 'E_NOT_CONSERVED'
    | 'E_STILL_OPEN'
    | 'E_FILE_NOT_CHANGED'
    | 'E_SERVICE_FAILED';
  readonly message: string;
  /** What to type; null: there is no one command for it. */
  readonly command: string | null;
}

/** A setting that a restarting process reads, and what became of it. */
export interface FileChange {
  /** Absolute path. */
  readonly file: string;
  readonly setting: string;
  /** The old value as it stood there; null: unknown. */
  readonly before: string | null;
  readonly after: string;
  readonly status: 'changed' | 'unchanged' | 'failed';
  readonly problem: string | null;
}

/** A command line of the team's own, run to stop or start a service. */
export interface ServiceResult {
  readonly command: string;
  readonly role: 'start-stable' | 'stop-canary';
  readonly status: 'done' | 'failed';
  /** Its exit code, or why there is none. */
  readonly detail: string;
  readonly ms: number;
}

/** A task that is still canary's at the end. */
export interface LeftTask {
  readonly id: string;
  readonly task: string;
  readonly worker: string | null;
  readonly host: string | null;
  readonly pid: number | null;
}

/** How many tasks, counted by the ledger since the freeze, whoever moved or finished them. */
export interface RollbackTally {
  /** Given to stable, those included that were handed over. */
  readonly moved: number;
  /** Of those moved: put into plain bee-queue queues, where the ledger does not follow them. */
  readonly handedOver: number;
  /** Ended on canary, succeeded or failed, since the freeze. */
  readonly finishedOnCanary: number;
  readonly cancelled: number;
  /** Of those moved: were running when the grace was over and ended through their signal. Of this run only. */
  readonly aborted: number;
  /** Unreadable entries, parked, whoever did it. */
  readonly parked: number;
  /** Still canary's. */
  readonly left: number;
}

/** What a rollback did. Times are milliseconds since 1970 where they end in `At`, durations where they end in `Ms`. */
export interface RollbackReport {
  /** `completed`: all of I4 holds. `needs-person`: frozen, and `problems` says what is open. */
  readonly status: 'completed' | 'needs-person';
  readonly namespace: string;
  readonly actor: string;
  readonly reason: string;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly freeze: {
    /** The namespace was frozen when this run began; rollback.sh presses the button before it begins one. */
    readonly wasFrozen: boolean;
    readonly epoch: number;
    /** Whether it still held at the end. */
    readonly isInForce: boolean;
    /** When the freeze that is in force was made; null: Redis has lost the note of it. */
    readonly at: number | null;
    /** The round trip of this run's freeze. */
    readonly ms: number;
    /** Whether Redis has said, at the end, that all of it is on its disk. */
    readonly isDurable: boolean;
  };
  readonly tasks: RollbackTally;
  /** Moved by this run itself; others (a janitor, a second operator) may have moved the rest. */
  readonly movedByThisRun: number;
  readonly phases: readonly { readonly phase: RollbackPhase; readonly ms: number }[];
  readonly ledger: LedgerCounts & { readonly conserved: boolean };
  readonly left: readonly LeftTask[];
  readonly files: readonly FileChange[];
  readonly services: readonly ServiceResult[];
  readonly problems: readonly RollbackProblem[];
  /** Worth knowing, nothing to do. */
  readonly notes: readonly string[];
}

/** What a rollback would do. */
export interface RollbackPlan {
  readonly namespace: string;
  readonly control: ControlState;
  /** Unfinished canary tasks by queue and state. */
  readonly open: readonly {
    readonly queue: string;
    readonly accepted: number;
    readonly retrying: number;
    /** Under a worker that is alive: waited for. */
    readonly running: number;
    /** Under a worker that is dead: moved. */
    readonly orphaned: number;
  }[];
  readonly willMove: number;
  readonly running: readonly LeftTask[];
  readonly unreadable: number;
  readonly openMoved: number;
  readonly schedules: readonly { readonly queue: string; readonly names: readonly string[] }[];
  readonly canary: { readonly reachable: boolean; readonly queues: Readonly<Record<string, BackendCounts>> };
  /** Live workers that take what comes back, by queue. */
  readonly stableConsumers: Readonly<Record<string, number>>;
}

/** Control state and counts of one moment. */
export interface LedgerSnapshot {
  readonly epoch: number;
  readonly isFrozen: boolean;
  readonly counts: LedgerCounts & { readonly conserved: boolean };
}

/** The counts at the moment of the freeze that is in force. */
export interface FreezeBaseline {
  readonly at: number;
  readonly epoch: number;
  readonly counts: Omit<LedgerCounts, 'openMoved'>;
}

/** What a rollback asks of the ledger. Every call may be repeated after a lost answer. */
export interface RollbackLedger {
  /** Ids of canary's unfinished tasks, oldest first. */
  oldestOpen(from: number, count: number): Promise<readonly string[]>;
  /** Ids that `evacuate` put aside, most urgent first. */
  aside(count: number): Promise<readonly string[]>;
  dropAside(ids: readonly string[]): Promise<void>;
  /** Gives tasks to stable while the freeze holds. @param setsPrioritiesAside puts tasks with a priority aside instead */
  evacuate(ids: readonly string[], setsPrioritiesAside: boolean): Promise<readonly ReassignResult[]>;
  /** Ends all copies that were made to be compared; those that run are asked to, and not waited for. */
  cancelCopies(signal?: AbortSignal): Promise<CancelledCopies>;
  /** Ends entries that cannot be read. @returns those that were listed as open until now */
  parkCorrupt(ids: readonly string[]): Promise<readonly string[]>;
  peek(ids: readonly string[]): Promise<readonly (EntryHead | null)[]>;
  /** Asks the workers that run these tasks to abort them. */
  requestAbort(ids: readonly string[]): Promise<void>;
  snapshot(): Promise<LedgerSnapshot>;
  baseline(): Promise<FreezeBaseline | null>;
  /** Waits until what was written is on the disk. @returns null if it is, else why that cannot be said */
  makeDurable(): Promise<string | null>;
}

/** What was found of the moved tasks that are not finished. */
export interface MovedOverview {
  /** By task queue. */
  readonly openByQueue: ReadonlyMap<string, number>;
  readonly looked: number;
  readonly enqueuedAgain: number;
  /** May have ended meanwhile: `parkCorrupt` looks again. */
  readonly unreadable: readonly string[];
}

/** Puts moved tasks where stable's workers take them. */
export interface MovedDelivery {
  deliver(tasks: readonly MovedTask[]): Promise<void>;
  /** Walks all unfinished moved tasks and delivers again what no queue of stable holds. */
  mend(onLooked: (looked: number, enqueuedAgain: number) => void): Promise<MovedOverview>;
}
