import { InvalidTaskIdError } from './errors.ts';

const TASK_ID = /^task-[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * Both queues take other ids for their own: all digits collide with bee-queue's counter, and `wait` or `meta`
 * would overwrite BullMQ's own keys. So only ids of this library's own form are let in.
 *
 * @throws {InvalidTaskIdError}
 */
export function assertTaskId(id: unknown): asserts id is string {
  if (!isTaskId(id)) throw new InvalidTaskIdError(id);
}

/** Whether an id has the form that newTaskId() gives: `task-` and a UUID version 7. */
export function isTaskId(id: unknown): id is string {
  return typeof id === 'string' && TASK_ID.test(id);
}

/** How many channels announce outcomes; each waiting process listens only on those it needs. */
export const OUTCOME_SHARDS = 64;

/** The channel number of an id: its last UUID byte, which is random. Other ids (plain jobs) share channel 0. */
export function outcomeShardOf(id: string): number {
  const byte = Number.parseInt(id.slice(-2), 16);
  return Number.isNaN(byte) ? 0 : byte % OUTCOME_SHARDS;
}
