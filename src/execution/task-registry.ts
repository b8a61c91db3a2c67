import { InvalidTaskDefinitionError } from '../domain/errors.ts';
import type { TaskDefinition } from '../domain/task.ts';
import type { Delivery } from '../domain/task-backend.ts';
import { isTaskId } from '../domain/task-id.ts';

/** The definitions that a process knows, by name and by queue. */
export class TaskRegistry {
  readonly #byName = new Map<string, TaskDefinition>();
  readonly #byQueue = new Map<string, TaskDefinition[]>();

  /** @throws {InvalidTaskDefinitionError} two definitions of one name, or two in one queue that run unnamed jobs */
  constructor(definitions: readonly TaskDefinition[]) {
    for (const task of definitions) {
      if (this.#byName.has(task.name)) {
        throw new InvalidTaskDefinitionError(task.name, 'name', task.name, 'a name that no other task has');
      }
      this.#byName.set(task.name, task);
      const inQueue = this.#byQueue.get(task.queue) ?? [];
      if (task.runsUnnamedJobs && inQueue.some((other) => other.runsUnnamedJobs)) {
        const allowed = 'true for at most one task of a queue';
        throw new InvalidTaskDefinitionError(task.name, 'runsUnnamedJobs', true, allowed);
      }
      this.#byQueue.set(task.queue, [...inQueue, task]);
    }
  }

  /**
   * For processes that run tasks. A job without a name can wait in any queue: a plain bee-queue producer made it, or it
   * was submitted when the queue had one task. A process that only submits may know one task of several and need not ask.
   *
   * @throws {InvalidTaskDefinitionError} several tasks share a queue and none of them runs its unnamed jobs
   */
  requireRunnersOfUnnamedJobs(): void {
    for (const [queue, tasks] of this.#byQueue) {
      const [first] = tasks;
      if (!first || tasks.length === 1 || tasks.some((task) => task.runsUnnamedJobs)) continue;
      const names = tasks.map((task) => task.name).join(', ');
      const allowed =
        `true for exactly one of the tasks that share queue "${queue}" (${names}). Add runsUnnamedJobs: true to the ` +
        'one that was there first: it runs the jobs that name no task';
      throw new InvalidTaskDefinitionError(first.name, 'runsUnnamedJobs', false, allowed);
    }
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  get queues(): readonly string[] {
    return [...this.#byQueue.keys()];
  }

  /** Whether copies of some of a queue's tasks may be made. */
  hasCopies(queue: string): boolean {
    return (this.#byQueue.get(queue) ?? []).some(({ parity }) => parity.shadowSafe);
  }

  get(name: string): TaskDefinition | undefined {
    return this.#byName.get(name);
  }

  /** A queue of one task needs no name on its jobs: they stay plain bee-queue's, byte for byte. */
  isShared(queue: string): boolean {
    return (this.#byQueue.get(queue)?.length ?? 0) > 1;
  }

  /**
   * The task that a delivery is for. Jobs of ours go by their name only. A job that somebody else made may have any
   * name or none: it is for the only task of the queue, or for the one that runs unnamed jobs.
   */
  resolve(delivery: Delivery, queue: string): TaskDefinition | undefined {
    const named = delivery.task === null ? undefined : this.#byName.get(delivery.task);
    // On stable a name is written by us only, and one that is not known here belongs to a newer version.
    const isOurs = delivery.mark !== null || (delivery.task !== null && isTaskId(delivery.id));
    if (named || isOurs) return named;
    const inQueue = this.#byQueue.get(queue) ?? [];
    return inQueue.length === 1 ? inQueue[0] : inQueue.find((task) => task.runsUnnamedJobs);
  }
}
