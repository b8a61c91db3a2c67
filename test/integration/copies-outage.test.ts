import { afterEach, describe, expect, it } from '@jest/globals';
import { copiesQueueOf } from '../../src/domain/task-backend.ts';
import type { Connections } from '../../src/manager/connections.ts';
import { CopyMaker } from '../../src/manager/copies.ts';
import { newTaskId, prepareSubmission } from '../../src/manager/submission.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { comparedTask, numbers, shadowScene } from '../support/shadow-scene.ts';
import { waitFor } from '../support/wait-for.ts';

let redis: RedisServer;
// Before the systems are closed.
afterEach(() => redis.resume());
const begin = shadowScene();

const task = comparedTask((n) => n);
const NEVER = new Promise<void>(() => {});
/** Copies that are made at once. */
const TURN = 25;

async function beginWith(commandTimeoutMs: number): Promise<[HybridSystem, Connections, CopyMaker]> {
  redis = await startRedis();
  const [system, c] = await begin({}, { redis: { url: redis.url, commandTimeoutMs } });
  // Nobody waits for canary otherwise; one that was never there gets no copies.
  await c.canary.ready();
  return [system, c, new CopyMaker(c, () => false)];
}

/** Lets copies of submissions wait that went to stable. */
function consider(maker: CopyMaker, count: number): void {
  for (const n of numbers(count)) {
    const submission = { ...prepareSubmission(task, { n }, {}, 1000), id: newTaskId() };
    const decision = { backend: 'stable', reason: 'ratio', epoch: 1, bucket: 0.5, ratio: 0 } as const;
    maker.consider(submission, { id: submission.id, decision, drawn: null });
  }
}

/** What the log says of copies that were not made: how many, where several are told of at once. */
const notCopied = ({ log }: HybridSystem) =>
  log.lines
    .filter(({ level, message }) => level === 'debug' && message.startsWith('not copied'))
    .map(({ fields, message }) => (fields.copies === undefined ? 'one' : `${fields.copies}: ${message}`));
const GIVEN_UP = [...Array(TURN).fill('one'), '35: not copied: Redis does not answer'];

describe('while Redis does not answer', () => {
  it('copies are not made turn by turn, each with a time-out of its own; later ones are made', async () => {
    const [system, , maker] = await beginWith(1500);
    redis.pause();
    consider(maker, TURN + 35);
    await waitFor(() => notCopied(system).length > TURN, { what: 'the copies to be given up' });
    expect(notCopied(system)).toEqual(GIVEN_UP);
    redis.resume();
    consider(maker, 5);
    await maker.close(NEVER);
    expect(notCopied(system)).toHaveLength(TURN + 1);
    expect(await system.bullQueue(copiesQueueOf(task.queue)).getJobCountByTypes()).toBe(5);
  });

  it('nor when the manager closes', async () => {
    const [system, , maker] = await beginWith(1500);
    redis.pause();
    consider(maker, TURN + 35);
    await maker.close(NEVER);
    expect(notCopied(system)).toEqual(GIVEN_UP);
  });

  it('closing waits for neither copies nor figures beyond its deadline', async () => {
    // Longer than this test may take.
    const [system, c, maker] = await beginWith(600_000);
    c.meter.count('double', 'stable', 'assigned', 'submitted');
    redis.pause();
    consider(maker, TURN + 35);
    await maker.close(Promise.resolve());
    expect(notCopied(system)).toEqual(['35: not copied: it took too long, and the manager is closed']);
    await c.close(Promise.resolve());
  });
});
