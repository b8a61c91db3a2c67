import type { LedgerSnapshot, RollbackReport } from '../domain/rollback.ts';
import { checkConsumers, checkPlainConsumers } from './consumers.ts';
import { Evacuation } from './evacuation.ts';
import { Findings } from './findings.ts';
import type { Freeze, RollbackHouse, RollbackOptions } from './house.ts';
import { stillRunning } from './left-tasks.ts';
import { Rounds } from './rounds.ts';
import { Steps } from './steps.ts';
import { tallyOf } from './tally.ts';
import { tidy } from './tidying.ts';
import { lossSince } from './verification.ts';

/** One way back, from the red button to the report. Stopped anywhere and begun again it ends in the same state. */
export class Rollback {
  readonly #house: RollbackHouse;
  readonly #options: RollbackOptions;
  readonly #steps: Steps;
  readonly #findings: Findings;
  readonly #evacuation: Evacuation;
  readonly #rounds: Rounds;
  readonly #startedAt = Date.now();
  #total = 0;

  constructor(house: RollbackHouse, options: RollbackOptions) {
    this.#house = house;
    this.#options = options;
    this.#steps = new Steps(options.emit, options.signal, (message) => house.warn(message));
    this.#findings = new Findings(this.#steps.emit);
    this.#evacuation = new Evacuation(house.ledger, house.delivery, (moved) =>
      this.#steps.emit({ type: 'moved', moved, total: Math.max(moved, this.#total) }),
    );
    this.#rounds = new Rounds(house, this.#evacuation, this.#findings, this.#steps);
  }

  /**
   * @throws {RedisUnreachableError} Redis stayed away for a minute; what was done stays, and running it again goes on
   * @throws the signal's reason, when it aborts
   */
  async run(): Promise<RollbackReport> {
    const { ledger, hasServices, persist } = this.#house;
    const { persevere } = this.#steps;
    const freeze = await this.#steps.phase('freeze', () => this.#house.freeze());
    this.#rounds.notDurable = await persevere(() => ledger.makeDurable());
    const first = await persevere(() => ledger.snapshot());
    this.#total = first.counts.openCanary;
    if (hasServices) {
      await this.#steps.phase('start-stable', async () =>
        this.#findings.addServices(await this.#house.runServices('start-stable')),
      );
    }
    await this.#rounds.run(freeze.epoch, this.#options);
    await this.#steps.phase('tidy', () => this.#tidy());
    // Whoever has resumed wants another state than the one that this run would write down.
    if (persist && !this.#rounds.isResumed)
      await this.#steps.phase('persist', async () => this.#findings.addPersisted(await persist()));
    return this.#report(freeze, first);
  }

  async #tidy(): Promise<void> {
    const onRemoved = (removed: number) => this.#steps.emit({ type: 'tidied', removed });
    for (const leftovers of await this.#house.leftovers()) {
      const notes = await tidy(leftovers, this.#house.ledger, onRemoved, this.#options.signal);
      for (const note of notes) this.#findings.note(note);
    }
  }

  async #report(freeze: Freeze, first: LedgerSnapshot): Promise<RollbackReport> {
    const { ledger, namespace, actor } = this.#house;
    const { reason } = this.#options;
    const { persevere, phases } = this.#steps;
    const { stillRunning: left, askedToEnd, notDurable } = this.#rounds;
    const [now, baseline, asked] = await persevere(() =>
      Promise.all([ledger.snapshot(), ledger.baseline(), ledger.peek([...askedToEnd])]),
    );
    const aborted = asked.filter((entry) => entry?.owner === 'stable').length;
    const tasks = tallyOf(baseline?.counts ?? first.counts, now.counts, aborted);
    await this.#conclude(first, now, tasks);
    const { problems, notes, files, services } = this.#findings;
    const report: RollbackReport = {
      status: problems.length === 0 ? 'completed' : 'needs-person',
      namespace,
      actor,
      reason,
      startedAt: this.#startedAt,
      finishedAt: Date.now(),
      freeze: {
        ...freeze,
        isInForce: now.isFrozen,
        at: baseline?.at ?? null,
        isDurable: notDurable === null,
      },
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
    const summary = `${report.status}: moved ${tasks.moved}, finished on canary ${tasks.finishedOnCanary}, left ${tasks.left}`;
    await persevere(() => this.#house.note(`${reason} (${summary})`));
    return report;
  }

  /** What follows from the whole. */
  async #conclude(first: LedgerSnapshot, now: LedgerSnapshot, tasks: RollbackReport['tasks']): Promise<void> {
    const { isPlainStable } = this.#house;
    const { stillRunning: left, openMoved, unreadable, notDurable } = this.#rounds;
    const attendance = await this.#steps.persevere(() => this.#house.attendance());
    const consumers = isPlainStable
      ? checkPlainConsumers(tasks.handedOver, attendance)
      : checkConsumers(openMoved, attendance);
    this.#findings.addCheck(consumers);
    if (left.length > 0) this.#findings.add(stillRunning(left));
    this.#findings.addParked(tasks.parked, [...this.#evacuation.parked, ...unreadable]);
    const loss = lossSince(first, now);
    if (loss) this.#findings.add(loss);
    if (notDurable !== null)
      this.#findings.note(`Whether all of it is on Redis's disk cannot be said: ${notDurable}.`);
    if (tasks.handedOver > 0) {
      this.#findings.note(
        'Plain bee-queue workers take up delayed jobs and retries only with activateDelayedJobs: true.',
      );
    }
  }
}
