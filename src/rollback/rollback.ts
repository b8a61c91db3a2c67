import type {
  LedgerSnapshot,
  LeftTask,
  MovedOverview,
  RollbackEvent,
  RollbackPhase,
  RollbackReport,
  ServiceResult,
} from '../domain/rollback.ts';
import { checkConsumers } from './consumers.ts';
import { Evacuation } from './evacuation.ts';
import { Findings } from './findings.ts';
import type { Freeze, RollbackHouse, RollbackOptions } from './house.ts';
import { leftTasks, stillRunning } from './left-tasks.ts';
import { persevere } from './perseverance.ts';
import { tallyOf } from './tally.ts';
import { tidy } from './tidying.ts';
import { judge } from './verification.ts';
import { waitForRunning } from './waiting.ts';

/** Rounds after which whatever keeps bringing tasks to canary needs a person. */
const MOST_ROUNDS = 5;

/** One way back, from the red button to the report. Stopped anywhere and begun again it ends in the same state. */
export class Rollback {
  readonly #house: RollbackHouse;
  readonly #options: RollbackOptions;
  readonly #evacuation: Evacuation;
  readonly #findings: Findings;
  readonly #startedAt = Date.now();
  readonly #askedToEnd = new Set<string>();
  #freeze: Freeze = { epoch: 0, wasFrozen: false, ms: 0 };
  #total = 0;
  #left: readonly string[] = [];
  #stillRunning: readonly LeftTask[] = [];
  #openMoved: MovedOverview['openByQueue'] = new Map();
  #isResumed = false;

  constructor(house: RollbackHouse, options: RollbackOptions) {
    this.#house = house;
    this.#options = options;
    this.#findings = new Findings((event) => this.#emit(event));
    this.#evacuation = new Evacuation(house.ledger, house.delivery, (moved) =>
      this.#emit({ type: 'moved', moved, total: Math.max(moved, this.#total) }),
    );
  }

  /**
   * @throws {RedisUnreachableError} Redis stayed away for a minute; what was done stays, and running it again goes on
   * @throws the signal's reason, when it aborts
   */
  async run(): Promise<RollbackReport> {
    const { ledger, hasServices, persist } = this.#house;
    this.#freeze = await this.#phase('freeze', () => this.#house.freeze());
    const notDurable = await this.#persevere(() => ledger.makeDurable());
    if (notDurable !== null)
      this.#findings.note(`Whether the freeze is on Redis's disk cannot be said: ${notDurable}.`);
    const first = await this.#persevere(() => ledger.snapshot());
    this.#total = first.counts.openCanary;
    if (hasServices) await this.#phase('start-stable', () => this.#switch('start-stable'));
    await this.#bringBack();
    await this.#phase('tidy', () => this.#tidy());
    // Whoever has resumed wants another state than the one that this run would write down.
    if (persist && !this.#isResumed)
      await this.#phase('persist', async () => this.#findings.addPersisted(await persist()));
    return this.#report(first, notDurable === null);
  }

  async #bringBack(): Promise<void> {
    let { epoch } = this.#freeze;
    const { graceMs, settleMs } = this.#options;
    for (let round = 1; round <= MOST_ROUNDS; round++) {
      await this.#phase('evacuate', () => this.#evacuation.pass(this.#options.signal));
      // Those that the patience is over for get no second one.
      const isPatient = this.#left.length === 0;
      await this.#phase('wait', () => (isPatient ? this.#wait(graceMs, settleMs) : this.#wait(0, 0)));
      if (round === 1 && this.#house.hasServices) {
        await this.#phase('stop-canary', () => this.#switch('stop-canary'));
        // What its workers were running comes back now.
        await this.#phase('wait', () => this.#wait(0, settleMs));
      }
      const now = await this.#phase('verify', () => this.#verify());
      const verdict = judge(now, epoch, this.#left.length);
      if (verdict.status === 'again') epoch = verdict.epoch;
      else if (verdict.status === 'verified' && !(await this.#persevere(() => this.#allRunOn()))) continue;
      else if (verdict.status === 'forgotten')
        epoch = (await this.#persevere(() => this.#house.freeze())).epoch;
      else {
        this.#isResumed = verdict.status === 'problem' && verdict.problem.code === 'E_RESUMED';
        if (verdict.status === 'problem') this.#findings.add(verdict.problem);
        return;
      }
    }
    this.#findings.add({
      code: 'E_STILL_OPEN',
      message: `After ${MOST_ROUNDS} rounds canary still has unfinished tasks: something keeps bringing new ones.`,
      command: 'npx hybrid status',
    });
  }

  /** False: one of those that ran has ended since, and may be a moved task that nobody has looked after yet. */
  async #allRunOn(): Promise<boolean> {
    this.#stillRunning = [];
    if (this.#left.length === 0) return true;
    const { workers } = await this.#house.attendance();
    this.#stillRunning = await leftTasks(this.#left, this.#house.ledger, workers);
    return this.#stillRunning.length === this.#left.length;
  }

  async #wait(graceMs: number, settleMs: number): Promise<void> {
    const { signal } = this.#options;
    const result = await waitForRunning(this.#evacuation, this.#house.ledger, {
      graceMs,
      settleMs,
      emit: (event) => this.#emit(event),
      signal,
    });
    this.#left = result.left;
    for (const id of result.askedToEnd) this.#askedToEnd.add(id);
  }

  /** Every moved task is where stable takes it from; then one look at everything at once. */
  async #verify(): Promise<LedgerSnapshot> {
    const { ledger, delivery } = this.#house;
    const overview = await delivery.mend((looked, enqueuedAgain) =>
      this.#emit({ type: 'verified', looked, enqueuedAgain }),
    );
    if (overview.unreadable.length > 0) {
      this.#findings.addParked(await ledger.parkCorrupt(overview.unreadable));
    }
    this.#openMoved = overview.openByQueue;
    // Before the look: what Redis had not written yet, and might forget, must not be what the look sees.
    await ledger.makeDurable();
    return ledger.snapshot();
  }

  async #switch(role: ServiceResult['role']): Promise<void> {
    this.#findings.addServices(await this.#house.runServices(role));
  }

  async #tidy(): Promise<void> {
    const { canary, ledger, queues } = this.#house;
    const { signal } = this.#options;
    const onRemoved = (removed: number) => this.#emit({ type: 'tidied', removed });
    const notes = await tidy(canary, await queues(), ledger, onRemoved, signal);
    for (const note of notes) this.#findings.note(note);
  }

  async #report(first: LedgerSnapshot, isDurable: boolean): Promise<RollbackReport> {
    const { ledger, namespace, actor, isPlainStable } = this.#house;
    const attendance = await this.#persevere(() => this.#house.attendance());
    if (!isPlainStable) this.#findings.addCheck(checkConsumers(this.#openMoved, attendance));
    const left = this.#stillRunning;
    if (left.length > 0) this.#findings.add(stillRunning(left));
    this.#findings.addParked(this.#evacuation.parked);
    const [now, baseline, asked] = await this.#persevere(() =>
      Promise.all([ledger.snapshot(), ledger.baseline(), ledger.peek([...this.#askedToEnd])]),
    );
    const aborted = asked.filter((entry) => entry?.owner === 'stable').length;
    const { problems, notes, files, services, phases } = this.#findings;
    const tasks = tallyOf(baseline?.counts ?? first.counts, now.counts, aborted);
    const report: RollbackReport = {
      status: problems.length === 0 ? 'completed' : 'needs-person',
      namespace,
      actor,
      reason: this.#options.reason,
      startedAt: this.#startedAt,
      finishedAt: Date.now(),
      freeze: { ...this.#freeze, at: baseline?.at ?? null, isDurable },
      tasks,
      movedByThisRun: this.#evacuation.moved,
      phases,
      ledger: now.counts,
      left,
      files,
      services,
      problems,
      notes,
    };
    const { moved, finishedOnCanary } = tasks;
    const summary = `${report.status}: moved ${moved}, finished on canary ${finishedOnCanary}, left ${tasks.left}`;
    await this.#persevere(() => this.#house.note(`${this.#options.reason} (${summary})`));
    return report;
  }

  async #phase<T>(phase: RollbackPhase, step: () => Promise<T>): Promise<T> {
    this.#emit({ type: 'phase-began', phase });
    const startedAt = performance.now();
    const value = await this.#persevere(step);
    this.#options.signal?.throwIfAborted();
    const ms = performance.now() - startedAt;
    this.#findings.addPhase(phase, ms);
    this.#emit({ type: 'phase-ended', phase, ms });
    return value;
  }

  #persevere<T>(step: () => Promise<T>): Promise<T> {
    const onTrouble = (error: Error) => this.#emit({ type: 'trouble', message: error.message });
    return persevere(step, onTrouble, this.#options.signal);
  }

  #emit(event: RollbackEvent): void {
    try {
      this.#options.emit(event);
    } catch (error) {
      this.#house.warn(`a listener threw: ${(error as Error).message}`);
    }
  }
}
