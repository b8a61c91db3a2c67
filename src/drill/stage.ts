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
export interface Stage {
  readonly crew: Crew;
  readonly producer: HybridTaskManager;
  readonly operator: Connections;
  readonly tasks: DrillTasks;
  readonly roster: Roster;
  readonly chronicle: Chronicle;
  /** What runs on canary and is to end well there waits for it. */
  readonly gate: Gate;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** @param held tasks that run on canary until something happens */
export async function setStage(
  crew: Crew,
  held: number,
  random: () => number,
  signal: AbortSignal,
): Promise<Stage> {
  const chronicle = new Chronicle();
  const gate = new Gate();
  // Else a worker that is to stop would wait for a handler that waits for the gate.
  signal.addEventListener('abort', gate.open, { once: true });
  const tasks = drillTasks(chronicle, gate);
  const [producer, operator] = await Promise.all([
    crew.producer([tasks.run, tasks.wait]),
    crew.operator(),
    crew.worker('canary', [tasks.run], held + SPARE_SLOTS),
    crew.worker('stable', [tasks.run, tasks.wait], SPARE_SLOTS),
  ]);
  const roster = new Roster(producer, tasks);
  return { crew, producer, operator, tasks, roster, chronicle, gate, random, signal };
}

/** From now on everything to canary, and everybody knows. */
export async function turnForward({ operator, producer, signal }: Stage): Promise<void> {
  await operator.plane.change({ settings: { celeryRatio: 1 }, reason: 'drill: forward' });
  const knows = async () => producer.state.celeryRatio === 1;
  if (!(await eventually(knows, NOTICE_MS, signal)))
    throw new Error(`The producer did not notice within ${NOTICE_MS / 1000} s that the ratio is 1.`);
}

/** Tasks that the ledger has accepted for canary. */
export async function acceptedBy({ operator }: Stage): Promise<number> {
  return (await operator.rollbackLedger.snapshot()).counts.accepted;
}
