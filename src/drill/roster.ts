import type { HybridTaskManager } from '../hybrid-task-manager.ts';
import type { SubmitOptions } from '../manager/submission.ts';
import type { SubmittedTask } from '../manager/submitted-task.ts';
import type { Chronicle, Run } from './chronicle.ts';
import { type DrillTasks, KINDS, type Kind } from './tasks.ts';

export interface DrillTask {
  readonly kind: Kind;
  readonly number: number;
  readonly handle: SubmittedTask<DrillTasks['run']['output']>;
  readonly options: SubmitOptions;
  /** When the submission began, milliseconds since 1970. */
  readonly submittedAt: number;
}

/** Many sentences of one sort help nobody. */
const MOST_NAMED = 3;
/** Submissions under way at once. */
const AT_ONCE = 500;

/** Everything that the drill has submitted. */
export class Roster {
  readonly #producer: HybridTaskManager;
  readonly #tasks: DrillTasks;
  readonly #all: DrillTask[] = [];
  #numbers = 0;

  constructor(producer: HybridTaskManager, tasks: DrillTasks) {
    this.#producer = producer;
    this.#tasks = tasks;
  }

  get all(): readonly DrillTask[] {
    return this.#all;
  }

  of(kind: Kind): readonly DrillTask[] {
    return this.#all.filter((task) => task.kind === kind);
  }

  async submit(kind: Kind, options: SubmitOptions): Promise<DrillTask> {
    const number = this.#numbers++;
    const submittedAt = Date.now();
    const handle = await this.#producer.submit(this.#tasks[KINDS[kind].queue], { kind, number }, options);
    const task = { kind, number, handle, options, submittedAt };
    this.#all.push(task);
    return task;
  }

  async submitAll(orders: readonly (readonly [Kind, SubmitOptions])[]): Promise<void> {
    for (let from = 0; from < orders.length; from += AT_ONCE) {
      const some = orders.slice(from, from + AT_ONCE);
      await Promise.all(some.map(([kind, options]) => this.submit(kind, options)));
    }
  }

  /** Submits a task that has an idempotency key once more. @returns the id that comes back */
  async repeat({ kind, number, options }: DrillTask): Promise<string> {
    const task = this.#tasks[KINDS[kind].queue];
    return (await this.#producer.submit(task, { kind, number }, options)).id;
  }

  counts(): Partial<Record<Kind, number>> {
    const counts: Partial<Record<Kind, number>> = {};
    for (const { kind } of this.#all) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }
}

/** Tasks whose handler was not called where and as often as it should. @returns a sentence for each, without its full stop */
export function wrongRuns(tasks: readonly DrillTask[], chronicle: Chronicle): readonly string[] {
  const wrong: string[] = [];
  for (const { kind, handle } of tasks) {
    const [should, did] = [KINDS[kind].runs, chronicle.runsOf(handle.id)];
    if (should.join() === did.map(({ backend }) => backend).join()) continue;
    wrong.push(
      `${handle.id} (${kind}) ran ${timesOf(did.length)}${placesOf(did)}; it should ${timesOf(should.length)}` +
        `${should.length === 0 ? '' : ` (${should.join(', ')})`}`,
    );
  }
  return wrong;
}

/** Not too many of them. */
export function shortened(sentences: readonly string[]): readonly string[] {
  if (sentences.length <= MOST_NAMED) return sentences;
  return [...sentences.slice(0, MOST_NAMED), `and ${sentences.length - MOST_NAMED} more like these`];
}

const timesOf = (n: number): string => (n === 0 ? 'never' : n === 1 ? 'once' : `${n} times`);

function placesOf(runs: readonly Run[]): string {
  return runs.length === 0 ? '' : ` (${runs.map(({ backend }) => backend).join(', ')})`;
}
