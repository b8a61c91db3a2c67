import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { HybridTaskManager, SubmittedTask } from '../../src/index.ts';
import type { Connections } from '../../src/manager/connections.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, type RedisServer, startRedis } from '../support/redis.ts';
import { anyTask, beeContents, canarySystem, QUICK } from '../support/rollback-scene.ts';

const SECRET = 'SECRET-5d20';

let server: RedisServer;
let system: HybridSystem;
let manager: HybridTaskManager;
let c: Connections;

beforeAll(async () => {
  server = await startRedis();
});
beforeEach(async () => {
  system = canarySystem(server.url);
  manager = await system.manager([task]);
  c = await system.connections();
});
afterEach(async () => {
  await system.close();
  expect(system.log.text()).not.toContain(SECRET);
});
afterAll(() => expectNoLeakedConnections());

const task = anyTask((_, { backend }) => backend);
const submit = (options: object = {}): Promise<SubmittedTask> =>
  manager.submit('job', { secret: SECRET }, { backend: 'canary', ...options });

/** Done to the key of an entry, by whom or what ever. */
const DAMAGE: readonly (readonly [what: string, damage: (key: string) => Promise<unknown>])[] = [
  [
    'something else at its key',
    async (key) => {
      await system.redis.del(key);
      await system.redis.lpush(key, SECRET);
    },
  ],
  ['no entry at all', (key) => system.redis.del(key)],
  ['no payload', (key) => system.redis.hdel(key, 'payload')],
  ['a payload that is no JSON', (key) => system.redis.hset(key, 'payload', `{"a":${SECRET}`)],
  ['no spec', (key) => system.redis.hdel(key, 'spec')],
  ['a spec that is no JSON', (key) => system.redis.hset(key, 'spec', `{"task":"${SECRET}`)],
  [
    'a spec without its numbers',
    (key) => system.redis.hset(key, 'spec', '{"task":"job","queue":"jobs","backoff":{}}'),
  ],
  ['a count that is none', (key) => system.redis.hset(key, 'failures', SECRET)],
  ['no time', (key) => system.redis.hdel(key, 'acceptedAt')],
  ['a time that is none', (key) => system.redis.hset(key, 'acceptedAt', SECRET)],
  ['no owner', (key) => system.redis.hdel(key, 'owner')],
  ['an unknown owner', (key) => system.redis.hset(key, 'owner', SECRET)],
  ['an unknown state', (key) => system.redis.hset(key, 'state', SECRET)],
  ['a finished state', (key) => system.redis.hset(key, 'state', 'succeeded')],
];

/** What it looks like afterwards, whatever was wrong. */
async function expectOnlyItParked(broken: SubmittedTask, others: readonly SubmittedTask[]): Promise<void> {
  const report = await manager.rollback(QUICK);
  expect(report).toMatchObject({
    status: 'needs-person',
    tasks: { parked: 1, finishedOnCanary: 0, left: 0 },
    ledger: { conserved: true, openCanary: 0, openMoved: others.length },
    problems: [
      {
        code: 'E_CORRUPT_ENTRY',
        message: expect.stringContaining(broken.id),
        command: 'npx hybrid parked',
      },
    ],
  });
  expect(report.notes.join()).not.toContain('BullMQ did not answer');
  const { waiting } = await beeContents(system, 'jobs.moved');
  expect(waiting.map(({ id }) => id)).toEqual(others.map(({ id }) => id));
  expect(await manager.parked()).toEqual([broken.id]);
  await expect(broken.result({ timeoutMs: 1000 })).rejects.toMatchObject({
    code: 'E_TASK_FAILED',
    status: 'failed',
    taskError: { code: 'E_CORRUPT_ENTRY' },
  });
  expect(JSON.stringify(report)).not.toContain(SECRET);
  // Whoever parked it, and whichever run is asked: it is told until somebody resumes.
  expect(await manager.rollback(QUICK)).toMatchObject({
    status: 'needs-person',
    tasks: { parked: 1, finishedOnCanary: 0 },
    problems: [{ code: 'E_CORRUPT_ENTRY' }],
  });
}

describe('an entry that cannot be read is parked, and the others come back', () => {
  it.each(DAMAGE)('waiting, with %s', async (_, damage) => {
    const before = await submit();
    const broken = await submit();
    const after = await submit();
    await damage(c.control.keys.task(broken.id));
    expect(await manager.planRollback()).toMatchObject({ willMove: expect.any(Number) });
    await expectOnlyItParked(broken, [before, after]);
  });

  it.each(DAMAGE)('moved by a predecessor that died before its delivery, with %s', async (_, damage) => {
    const [broken, whole] = [await submit(), await submit()];
    await manager.freeze({ reason: 'x' });
    await c.rollbackLedger.evacuate([broken.id, whole.id], true);
    await damage(c.control.keys.task(broken.id));
    await expectOnlyItParked(broken, [whole]);
  });

  it('put aside for its priority, and broken then', async () => {
    const [broken, whole] = [await submit({ priority: 3 }), await submit()];
    await manager.freeze({ reason: 'x' });
    await c.rollbackLedger.evacuate([broken.id], true);
    await system.redis.hdel(c.control.keys.task(broken.id), 'payload');
    await expectOnlyItParked(broken, [whole]);
  });

  it('with a plain stable, too', async () => {
    const tasks = [await submit(), await submit(), await submit()];
    const [first, second, third] = tasks.map(({ id }) => id) as [string, string, string];
    await manager.freeze({ reason: 'x' });
    await c.rollbackLedger.evacuate([first, second], true);
    await system.redis.hdel(c.control.keys.task(first), 'payload');
    await system.redis.hset(c.control.keys.task(second), 'payload', '{');
    expect(await manager.rollback({ ...QUICK, plainStable: true })).toMatchObject({
      status: 'needs-person',
      tasks: { parked: 2, handedOver: 1, left: 0 },
      ledger: { conserved: true, openMoved: 0 },
    });
    expect((await beeContents(system, 'jobs')).waiting.map(({ id }) => id)).toEqual([third]);
  });
});

describe('the counts of the ledger', () => {
  it('that do not add up are told', async () => {
    await submit();
    await system.redis.hincrby(c.control.keys.counts, 'accepted', 5);
    expect(await manager.rollback(QUICK)).toMatchObject({
      status: 'needs-person',
      tasks: { moved: 1 },
      ledger: { conserved: false },
      problems: [{ code: 'E_NOT_CONSERVED', command: 'npx hybrid status' }],
    });
  });

  it('may be gone altogether without keeping anything from coming back', async () => {
    await submit();
    await system.redis.del(c.control.keys.counts, c.control.keys.freeze);
    const report = await manager.rollback(QUICK);
    expect(report.problems.map(({ code }) => code)).toEqual(['E_NOT_CONSERVED']);
    expect((await beeContents(system, 'jobs.moved')).waiting).toHaveLength(1);
  });
});
