import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServiceResult } from '../../src/index.ts';
import { runServices } from '../../src/manager/services.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections, type RedisServer, startRedis } from '../support/redis.ts';
import { anyTask, canarySystem, dumpOf, QUICK, startUnderDeadWorker } from '../support/rollback-scene.ts';
import { figuresWhere } from '../support/shadow-scene.ts';

let server: RedisServer;
let system: HybridSystem;

beforeAll(async () => {
  server = await startRedis();
});
beforeEach(() => {
  system = canarySystem(server.url);
});
afterEach(() => system.close());
afterAll(() => expectNoLeakedConnections());

const tasks = [
  anyTask(() => null),
  anyTask(() => null, { name: 'other', queue: 'others' }),
  anyTask(() => null, { name: 'unused', queue: 'unused' }),
];

describe('a plan', () => {
  it('counts what a rollback would do, and changes nothing', async () => {
    const c = await system.connections();
    const manager = await system.manager(tasks);
    const bull = system.bullQueue('jobs');
    await bull.upsertJobScheduler('nightly', { every: 86_400_000 });
    const submit = (name: string, options: object = {}) =>
      manager.submit(name, {}, { backend: 'canary', ...options });
    await Promise.all([submit('job'), submit('job', { delayMs: 3_600_000 }), submit('job', { priority: 2 })]);
    const orphaned = await submit('other');
    await startUnderDeadWorker(c, orphaned.id);
    const running = await submit('other');
    const lease = { id: 'alive', ttlMs: 600_000, maxLosses: 3 };
    await c.workers.beat({ ...WORKER, id: lease.id, host: hostname(), pid: 4711 }, lease.ttlMs);
    await c.ledger.start('canary', lease, { id: running.id, token: 't', failureTtlSeconds: 60 });
    const retrying = await submit('other');
    await c.ledger.start('canary', lease, { id: retrying.id, token: 'u', failureTtlSeconds: 60 });
    await c.ledger.retry(retrying.id, 'u', { free: false, dueAt: Date.now() + 3_600_000 });
    const broken = await submit('job');
    await system.redis.del(c.control.keys.task(broken.id));
    const overwritten = await submit('job');
    await system.redis.set(c.control.keys.task(overwritten.id), 'x');

    // Once a second the manager writes down what it has counted, which is not the plan's doing.
    const submitted = 8;
    await figuresWhere(
      c,
      ({ runs }) => runs.reduce((sum, { counts }) => sum + counts.submitted, 0) === submitted,
      'all submissions to be counted',
    );
    const before = await dumpOf(system);
    const plan = await manager.planRollback();
    expect(await dumpOf(system)).toEqual(before);
    expect(plan).toMatchObject({
      namespace: system.namespace,
      control: { frozen: '', celeryRatio: 1 },
      open: [
        { queue: 'jobs', accepted: 3, retrying: 0, running: 0, orphaned: 0 },
        { queue: 'others', accepted: 0, retrying: 1, running: 1, orphaned: 1 },
      ],
      willMove: 5,
      running: [{ id: running.id, task: 'other', worker: 'alive', host: hostname(), pid: 4711 }],
      unreadable: 2,
      openMoved: 0,
      schedules: [{ queue: 'jobs', names: ['nightly'] }],
      canary: { reachable: true, queues: { jobs: { waiting: expect.any(Number) }, unused: { waiting: 0 } } },
      stableConsumers: { jobs: 0, others: 1, unused: 0 },
    });
  });

  it('is empty where there is nothing', async () => {
    const manager = await system.manager(tasks);
    expect(await manager.planRollback()).toMatchObject({ open: [], willMove: 0, running: [], unreadable: 0 });
    await manager.rollback(QUICK);
    expect(await manager.planRollback()).toMatchObject({ control: { frozen: 'rollback' }, willMove: 0 });
  });
});

const WORKER = {
  version: '0',
  backends: ['stable', 'canary'] as const,
  queues: ['others'],
  tasks: ['other'],
  concurrency: 1,
  running: 1,
  startedAt: 0,
  seenAt: 0,
};

describe('the services of a team', () => {
  const run = (command: string, timeoutSeconds = 20) =>
    runServices('stop-canary', [{ command, timeoutSeconds }]).then(([first]) => first as ServiceResult);

  it.each([
    ['true', 'done', 'exit code 0'],
    ['echo a word; exit 0', 'done', 'exit code 0'],
    ['echo first >&2; echo no such service >&2; exit 5', 'failed', 'exit code 5: no such service'],
    ['exit 3', 'failed', 'exit code 3'],
    ['kill -TERM $$', 'failed', 'exit code SIGTERM'],
    ['no-such-command-here 2>/dev/null', 'failed', 'exit code 127'],
    ['yes x | head -c 3000000 >&2; exit 1', 'failed', expect.stringMatching(/^exit code 1: x/)],
  ])('%s is %s', async (command, status, detail) => {
    expect(await run(command)).toMatchObject({ command, role: 'stop-canary', status, detail });
  });

  it('are ended at their time limit, with all that they have started', async () => {
    const result = await run('sleep 600 & sleep 600; echo never', 1);
    expect(result).toMatchObject({ status: 'failed', detail: 'not done after 1 s, ended' });
  });

  it('may leave something running in the background, which is not waited for', async () => {
    const result = await run('sleep 3 & echo $! >&2');
    expect(result).toMatchObject({ status: 'done' });
  });

  it('are all run, in order, also after one that failed', async () => {
    const commands = ['false', 'true'].map((command) => ({ command, timeoutSeconds: 5 }));
    const results = await runServices('start-stable', commands);
    expect(results.map(({ status }) => status)).toEqual(['failed', 'done']);
  });

  it('are switched between the phases, and one that fails needs a person', async () => {
    const own = canarySystem(server.url, {
      services: {
        startStable: [{ command: 'true', timeoutSeconds: 5 }],
        stopCanary: [{ command: 'echo no docker >&2; false', timeoutSeconds: 5 }],
      },
    });
    try {
      const manager = await own.manager(tasks);
      const without = await manager.rollback(QUICK);
      expect(without).toMatchObject({ status: 'completed', services: [] });
      const report = await manager.rollback({ ...QUICK, services: true });
      expect(report).toMatchObject({
        status: 'needs-person',
        services: [
          { command: 'true', role: 'start-stable', status: 'done' },
          { role: 'stop-canary', status: 'failed' },
        ],
        problems: [{ code: 'E_SERVICE_FAILED', command: 'echo no docker >&2; false' }],
      });
      expect(report.phases.map(({ phase }) => phase)).toEqual([
        'freeze',
        'start-stable',
        'evacuate',
        'wait',
        'stop-canary',
        'verify',
        'tidy',
      ]);
    } finally {
      await own.close();
    }
  });
});
