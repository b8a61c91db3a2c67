import type { HybridTaskManager } from '../hybrid-task-manager.ts';
import type { Connections } from '../manager/connections.ts';
import { Chronicle, eventually } from './chronicle.ts';
import type { Crew } from './crew.ts';
import { Roster } from './roster.ts';
import { type DrillTasks, drillTasks, Gate } from './tasks.ts';

/** Beside what waits at the same time: retries, and what goes forward again. */
const SPARE_SLOTS = 20;
/** A change of the live state is noticed within a poll, which is 200 ms. */
const NOTICE_MS = 5_000;

/** The small system in which a drill plays, and what is known of it. */
export class Stage {
  readonly crew: Crew;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly chronicle = new Chronicle();
  /** What runs on canary and is to end well there waits for it. */
  readonly gate = new Gate();
  readonly tasks: DrillTasks = drillTasks(this.chronicle, this.gate);
  readonly roster: Roster;
  readonly producer: HybridTaskManager;
  readonly operator: Connections;

  private constructor(
    crew: Crew,
    producer: HybridTaskManager,
    operator: Connections,
    random: () => number,
    signal: AbortSignal,
  ) {
    this.crew = crew;
    this.random = random;
    this.signal = signal;
    this.producer = producer;
    this.operator = operator;
    this.roster = new Roster(producer, this.tasks);
  }

  /** @param held tasks that run on canary until something happens */
  static async set(crew: Crew, held: number, random: () => number, signal: AbortSignal): Promise<Stage> {
    const { run, wait } = drillTasks(new Chronicle(), new Gate());
    const [producer, operator] = await Promise.all([crew.producer([run, wait]), crew.operator()]);
    const stage = new Stage(crew, producer, operator, random, signal);
    // With the tasks that write into this stage's chronicle; a producer calls no handler.
    const { tasks } = stage;
    await Promise.all([
      crew.worker('canary', [tasks.run], held + SPARE_SLOTS),
      crew.worker('stable', [tasks.run, tasks.wait], SPARE_SLOTS),
    ]);
    return stage;
  }

  /** Everything to canary, and everybody knows. */
  async forward(): Promise<void> {
    await this.operator.plane.change({ settings: { celeryRatio: 1 }, reason: 'drill: forward' });
    const knows = async () => this.producer.state.celeryRatio === 1;
    if (!(await eventually(knows, NOTICE_MS, this.signal)))
      throw new Error(`The producer did not notice within ${NOTICE_MS / 1000} s that the ratio is 1.`);
  }

  async accepted(): Promise<number> {
    return (await this.operator.rollbackLedger.snapshot()).counts.accepted;
  }
}
