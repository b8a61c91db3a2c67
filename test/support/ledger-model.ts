import type { EntryState, LedgerCounts } from '../../src/domain/ledger.ts';
import type { BackendName } from '../../src/domain/task.ts';

export interface ModelEntry {
  owner: BackendName;
  state: EntryState;
  worker: string | null;
  token: string | null;
  attempt: number;
  failures: number;
  losses: number;
  cancelRequested: boolean;
  /** Of the run whose retry was answered last, and of the one whose retry moved the task. */
  retryOf: string | null;
  movedOf: string | null;
}

/** `by`: the token of the run, or why there was none. */
export interface ModelOutcome {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly by: string;
}

type Numbers = { -readonly [K in keyof LedgerCounts]: number };
const MOVED = { succeeded: 'movedSucceeded', failed: 'movedFailed', cancelled: 'movedCancelled' } as const;

/** The ledger's rules a second time, as the protocol tells them, in plain TypeScript: the oracle of the random walk. */
export class LedgerModel {
  readonly entries = new Map<string, ModelEntry>();
  readonly outcomes = new Map<string, ModelOutcome>();
  readonly alive = new Set<string>();
  readonly counts: Numbers = {
    accepted: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    reassigned: 0,
    movedSucceeded: 0,
    movedFailed: 0,
    movedCancelled: 0,
    handedOver: 0,
    corrupt: 0,
    movedCorrupt: 0,
    openCanary: 0,
    openMoved: 0,
  };
  epoch = 1;
  isFrozen = false;
  readonly #maxLosses: number;

  constructor(maxLosses: number) {
    this.#maxLosses = maxLosses;
  }

  accept(id: string, epoch: number): string {
    const known = this.entries.get(id);
    if (known) return `duplicate ${known.owner}`;
    if (this.isFrozen || epoch !== this.epoch) return 'stale';
    this.#open(id);
    return 'accepted';
  }

  adopt(id: string, backend: BackendName): void {
    if (this.entries.has(id)) return;
    const entry = this.#open(id);
    if (backend === 'stable' || this.isFrozen) this.#move(entry);
  }

  start(id: string, worker: string, token: string, backend: BackendName): string {
    this.alive.add(worker);
    const entry = this.entries.get(id);
    if (!entry) return 'absent';
    if (entry.state === 'running' && entry.token === token)
      return `granted ${entry.attempt} ${entry.failures}`;
    if (!isOpen(entry) || entry.retryOf === token) return 'skip finished';
    if (entry.owner !== backend) return 'skip moved';
    if (entry.state === 'running' && entry.worker !== worker && this.alive.has(entry.worker ?? ''))
      return 'busy';
    if (entry.cancelRequested) {
      this.#close(id, entry, 'cancelled', 'cancel');
      return 'skip cancelled';
    }
    if (entry.state === 'running') {
      entry.losses += 1;
      if (entry.losses > this.#maxLosses) {
        this.#close(id, entry, 'failed', 'parked');
        return 'skip parked';
      }
    }
    Object.assign(entry, { state: 'running', worker, token, attempt: entry.attempt + 1 });
    return `granted ${entry.attempt} ${entry.failures}`;
  }

  finish(id: string, token: string, state: 'succeeded' | 'failed', backend: BackendName): string {
    let entry = this.entries.get(id);
    if (!entry) {
      if (this.outcomes.has(id)) return 'fenced';
      entry = this.#open(id);
      if (backend === 'stable') this.#move(entry);
      entry.token = token;
    } else {
      if (entry.token !== token) return 'fenced';
      if (!isOpen(entry)) return 'recorded';
      if (entry.state !== 'running') return 'fenced';
    }
    this.#close(id, entry, state, token);
    return 'recorded';
  }

  retry(id: string, token: string, isFree: boolean): string {
    const entry = this.entries.get(id);
    if (!entry) return 'retrying';
    if (entry.retryOf === token && isOpen(entry) && entry.state !== 'running') {
      return entry.owner === 'stable' && entry.movedOf === token ? `moved ${entry.failures}` : 'retrying';
    }
    if (entry.state !== 'running' || entry.token !== token) return 'fenced';
    if (entry.cancelRequested) {
      this.#close(id, entry, 'cancelled', 'cancel');
      return 'cancelled';
    }
    if (!isFree) entry.failures += 1;
    entry.retryOf = token;
    if (this.isFrozen && entry.owner === 'canary') {
      this.#move(entry);
      entry.movedOf = token;
      return `moved ${entry.failures}`;
    }
    Object.assign(entry, { state: 'retrying', worker: null, token: null });
    return 'retrying';
  }

  cancel(id: string): string {
    const entry = this.entries.get(id);
    if (!entry) return 'absent';
    if (!isOpen(entry)) return 'finished';
    if (entry.state === 'running') {
      entry.cancelRequested = true;
      return 'requested';
    }
    this.#close(id, entry, 'cancelled', 'cancel');
    return 'cancelled';
  }

  reassign(id: string): string {
    const entry = this.entries.get(id);
    if (!entry) return 'absent';
    const isTaken = entry.state === 'running' && this.alive.has(entry.worker ?? '');
    if (entry.owner !== 'canary' || !isOpen(entry) || isTaken) return `left ${entry.owner} ${entry.state}`;
    if (entry.cancelRequested) {
      this.#close(id, entry, 'cancelled', 'cancel');
      return 'cancelled';
    }
    this.#move(entry);
    return `moved ${entry.failures}`;
  }

  setFrozen(isFrozen: boolean): void {
    if (this.isFrozen !== isFrozen) this.epoch += 1;
    this.isFrozen = isFrozen;
  }

  #open(id: string): ModelEntry {
    const entry: ModelEntry = {
      owner: 'canary',
      state: 'accepted',
      worker: null,
      token: null,
      attempt: 0,
      failures: 0,
      losses: 0,
      cancelRequested: false,
      retryOf: null,
      movedOf: null,
    };
    this.entries.set(id, entry);
    this.counts.accepted += 1;
    this.counts.openCanary += 1;
    return entry;
  }

  #move(entry: ModelEntry): void {
    Object.assign(entry, { owner: 'stable', state: 'accepted', worker: null, token: null });
    this.counts.reassigned += 1;
    this.counts.openCanary -= 1;
    this.counts.openMoved += 1;
  }

  #close(id: string, entry: ModelEntry, state: 'succeeded' | 'failed' | 'cancelled', by: string): void {
    this.counts[entry.owner === 'canary' ? 'openCanary' : 'openMoved'] -= 1;
    this.counts[entry.owner === 'canary' ? state : MOVED[state]] += 1;
    entry.state = state;
    entry.cancelRequested = false;
    if (by === 'cancel' || by === 'parked') entry.token = null;
    if (!this.outcomes.has(id)) this.outcomes.set(id, { status: state, by });
  }
}

export function isOpen({ state }: Pick<ModelEntry, 'state'>): boolean {
  return state === 'accepted' || state === 'running' || state === 'retrying';
}
