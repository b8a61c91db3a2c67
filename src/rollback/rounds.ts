import { setTimeout as sleep } from 'node:timers/promises';
import type { LeftTask, MovedOverview } from '../domain/rollback.ts';
import type { Evacuation } from './evacuation.ts';
import type { Findings } from './findings.ts';
import type { RollbackHouse } from './house.ts';
import { leftTasks } from './left-tasks.ts';
import type { Steps } from './steps.ts';
import { judge, type Verdict, type Watch } from './verification.ts';
import { LOOK_MS, type Patience, waitForRunning } from './waiting.ts';

/** Rounds without any progress, after which whatever keeps bringing tasks to canary needs a person. */
const MOST_ROUNDS = 5;
const NO_PATIENCE: Patience = { graceMs: 0, settleMs: 0 };

/** Evacuate, wait, verify, and again if something came in between. */
export class Rounds {
  /** Asked to end through their signal. */
  readonly askedToEnd = new Set<string>();
  /** Runs that do not end. */
  stillRunning: readonly LeftTask[] = [];
  openMoved: MovedOverview['openByQueue'] = new Map();
  readonly unreadable: string[] = [];
  isResumed = false;
  /** Why it cannot be said that Redis's disk has it all; null: it can. */
  notDurable: string | null = null;
  #left: readonly string[] = [];
  readonly #house: RollbackHouse;
  readonly #evacuation: Evacuation;
  readonly #findings: Findings;
  readonly #steps: Steps;

  constructor(house: RollbackHouse, evacuation: Evacuation, findings: Findings, steps: Steps) {
    this.#house = house;
    this.#evacuation = evacuation;
    this.#findings = findings;
    this.#steps = steps;
  }

  /** @param frozenAt the epoch of the freeze */
  async run(frozenAt: number, patience: Patience): Promise<void> {
    let epoch = frozenAt;
    for (let round = 1; round <= MOST_ROUNDS; round++) {
      const before = this.#left.length;
      // Those that the patience is over for get no second one.
      await this.#clear(before === 0 ? patience : NO_PATIENCE, round === 1);
      const verdict = await this.#verify(epoch);
      if (verdict.status === 'verified') return;
      if (verdict.status === 'problem') {
        this.isResumed = verdict.problem.code === 'E_RESUMED';
        return this.#findings.add(verdict.problem);
      }
      if (verdict.status === 'again') epoch = verdict.epoch;
      else {
        this.#findings.note('Redis forgot the freeze in the middle (it lost data); frozen again.');
        epoch = (await this.#steps.persevere(() => this.#house.freeze())).epoch;
      }
      // Stubborn tasks that end one by one are progress.
      if (this.#left.length < before) round -= 1;
      if (this.#left.length > 0) await sleep(LOOK_MS);
    }
    await this.#nameWhatRuns();
    if (this.stillRunning.length > 0) return;
    this.#findings.add({
      code: 'E_STILL_OPEN',
      message: `After ${MOST_ROUNDS} rounds canary still has unfinished tasks: something keeps bringing new ones.`,
      command: 'npx hybrid status',
    });
  }

  async #clear(patience: Patience, isFirst: boolean): Promise<void> {
    const { hasServices, ledger } = this.#house;
    const wait = (how: Patience) =>
      this.#steps.phase('wait', async () => {
        const onAsked = (id: string) => this.askedToEnd.add(id);
        const result = await waitForRunning(this.#evacuation, ledger, how, this.#steps, onAsked);
        this.#left = result.left;
        return result.isThawed;
      });
    await this.#steps.phase('evacuate', () => this.#evacuation.pass(this.#steps.signal));
    // Nobody's work, so they come after everybody's; a freeze lets no new ones in.
    if (isFirst) await this.#cancelCopies();
    const isThawed = await wait(patience);
    if (
      !isFirst ||
      !hasServices ||
      isThawed ||
      !(await this.#steps.persevere(() => ledger.snapshot())).isFrozen
    )
      return;
    await this.#steps.phase('stop-canary', async () =>
      this.#findings.addServices(await this.#house.runServices('stop-canary')),
    );
    // What its workers were running comes back now.
    await wait({ ...patience, graceMs: 0 });
  }

  async #cancelCopies(): Promise<void> {
    const { signal, persevere } = this.#steps;
    const { cancelled, asked } = await persevere(() => this.#house.ledger.cancelCopies(signal));
    const done = [
      ...(cancelled > 0 ? [`cancelled ${cancelled} that were waiting`] : []),
      ...(asked > 0 ? [`asked ${asked} that were running to end`] : []),
    ];
    if (done.length === 0) return;
    this.#findings.note(
      `Of the copies that were made to compare both backends' results this run has ${done.join(' and ')}; nobody waits for them.`,
    );
  }

  async #verify(epoch: number): Promise<Verdict> {
    const watch = await this.#steps.phase('verify', () => this.#walkMoved());
    const verdict = judge(watch, epoch, this.#left.length);
    if (verdict.status !== 'verified') return verdict;
    await this.#nameWhatRuns();
    // One of those that ran has ended since, and may be a moved task that nobody has looked after yet.
    return this.stillRunning.length === this.#left.length ? verdict : { status: 'again', epoch };
  }

  /** Sees to it that every moved task is where stable takes it from, and looks at everything before and after. */
  async #walkMoved(): Promise<Watch> {
    const { ledger, delivery } = this.#house;
    const before = await ledger.snapshot();
    const overview = await delivery.mend((looked, enqueuedAgain) =>
      this.#steps.emit({ type: 'verified', looked, enqueuedAgain }),
    );
    if (overview.unreadable.length > 0)
      this.unreadable.push(...(await ledger.parkCorrupt(overview.unreadable)));
    this.openMoved = overview.openByQueue;
    // Before the look: what Redis had not written yet, and might forget, must not be what the look sees.
    this.notDurable = await ledger.makeDurable();
    return { before, after: await ledger.snapshot() };
  }

  async #nameWhatRuns(): Promise<void> {
    this.stillRunning = [];
    if (this.#left.length === 0) return;
    const { workers } = await this.#steps.persevere(() => this.#house.attendance());
    this.stillRunning = await this.#steps.persevere(() => leftTasks(this.#left, this.#house.ledger, workers));
  }
}
