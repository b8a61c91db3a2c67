import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config.ts';
import type { HybridTaskManager, RollbackEvent } from '../../src/index.ts';
import { HybridSystem, settingsFor } from '../support/hybrid-system.ts';
import {
  expectNoLeakedConnections,
  type RedisServer,
  startRedis,
  uniqueName,
  waitFor,
} from '../support/redis.ts';
import {
  anyTask,
  beeContents,
  canarySystem,
  QUICK,
  startUnderDeadWorker,
} from '../support/rollback-scene.ts';

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

const idle = anyTask((_, { backend }) => backend);
const whereTo = async (manager: HybridTaskManager, backend?: 'canary') => {
  const { decision } = await manager.submit('job', {}, backend ? { backend } : {});
  return `${decision.backend}: ${decision.reason}`;
};

describe('frozen means frozen', () => {
  it('whatever a producer asks for, until somebody resumes; then the way forward works again', async () => {
    const manager = await system.manager([idle]);
    const other = await system.manager([idle]);
    await manager.rollback(QUICK);
    expect(await whereTo(other)).toBe('stable: frozen');
    expect(await whereTo(other, 'canary')).toBe('stable: frozen');
    await expect(other.setRatio(1, { reason: 'x' })).rejects.toMatchObject({ code: 'E_FROZEN' });
    await expect(other.setRatio(1, { task: 'job', reason: 'x' })).rejects.toMatchObject({
      code: 'E_FROZEN',
    });
    await expect(other.apply({ reason: 'x' })).rejects.toMatchObject({ code: 'E_FROZEN' });
    const restarted = await system.manager([idle]);
    await system.worker([idle]);
    expect(await whereTo(restarted)).toBe('stable: frozen');

    await manager.resume({ reason: 'mended' });
    expect(manager.state).toMatchObject({ frozen: '', celeryRatio: 0 });
    await manager.setRatio(1, { reason: 'again' });
    const task = await manager.submit('job', {});
    expect(task.decision.backend).toBe('canary');
    expect(await task.result()).toBe('canary');
  });

  it('against flags', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hybrid-frozen-'));
    try {
      const file = join(folder, 'flags.json');
      writeFileSync(file, '{"flagValues":{"hybrid-job":"canary"}}');
      const flags = { source: 'file', file } as const;
      const flagged = new HybridSystem({
        redis: system.config.redis,
        routing: { mode: 'flag' },
        flags,
      });
      try {
        const manager = await flagged.manager([idle]);
        expect(await whereTo(manager)).toBe('canary: flag');
        await manager.rollback(QUICK);
        expect(await whereTo(manager)).toBe('stable: frozen');
        expect(await whereTo(await flagged.manager([idle]))).toBe('stable: frozen');
        await manager.resume({ reason: 'x' });
        expect(await whereTo(manager)).toBe('canary: flag');
      } finally {
        await flagged.close();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('against an edit of the config file, under a running process and before a start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hybrid-frozen-'));
    try {
      const file = join(folder, 'hybrid.yaml');
      const { flags, control, ...rest } = settingsFor(uniqueName('edited'));
      const write = (ratio: number) =>
        writeFileSync(
          file,
          JSON.stringify({
            ...rest,
            flags,
            control,
            redis: { url: server.url },
            routing: { celeryRatio: ratio },
          }),
        );
      write(0.5);
      const config = await loadConfig({ file, env: {} });
      const manager = await system.manager([idle], { config });
      await manager.rollback(QUICK);
      write(1);
      await waitFor(() => /routing.*frozen/is.test(system.log.text()), { what: 'a word about the edit' });
      expect(await whereTo(manager)).toBe('stable: frozen');
      const restarted = await system.manager([idle], { config: await loadConfig({ file, env: {} }) });
      expect(await whereTo(restarted)).toBe('stable: frozen');
    } finally {
      await system.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('workers of a frozen system', () => {
  it('bring back by themselves what nobody has moved', async () => {
    const janitors = canarySystem(server.url, { worker: { janitorIntervalMs: 20, heartbeatMs: 300 } });
    try {
      const c = await janitors.connections();
      const manager = await janitors.manager([idle]);
      const dead = await manager.submit('job', 1, { backend: 'canary' });
      await startUnderDeadWorker(c, dead.id);
      const delayed = await manager.submit('job', 2, { backend: 'canary', delayMs: 3_600_000 });
      const waiting = await manager.submit('job', 3, { backend: 'canary', priority: 4 });
      await manager.freeze({ reason: 'the red button only' });
      await janitors.worker([idle], { backends: ['stable'] });
      expect(await dead.result()).toBe('stable');
      expect(await waiting.result()).toBe('stable');
      const { delayed: jobs } = await beeContents(janitors, 'jobs.moved');
      expect(jobs.map(({ job }) => job.id)).toEqual([delayed.id]);
      const report = await manager.rollback(QUICK);
      expect(report).toMatchObject({
        status: 'completed',
        movedByThisRun: 0,
        freeze: { wasFrozen: true },
        tasks: { moved: 3, left: 0 },
        ledger: { conserved: true, openMoved: 1 },
      });
    } finally {
      await janitors.close();
    }
  });
});

describe('run again', () => {
  it('it finds nothing to do, and tells of the whole freeze', async () => {
    const manager = await system.manager([idle]);
    for (let i = 1; i <= 3; i++) await manager.submit('job', i, { backend: 'canary' });
    const first = await manager.rollback(QUICK);
    const second = await manager.rollback(QUICK);
    expect(first).toMatchObject({ movedByThisRun: 3, freeze: { wasFrozen: false } });
    expect(second).toMatchObject({
      status: 'completed',
      movedByThisRun: 0,
      tasks: { moved: 3 },
      freeze: { wasFrozen: true, epoch: first.freeze.epoch, at: first.freeze.at },
    });
    expect((await beeContents(system, 'jobs.moved')).waiting).toHaveLength(3);
  });

  it('it delivers what its predecessor had reassigned and not delivered', async () => {
    const c = await system.connections();
    const manager = await system.manager([idle]);
    const tasks = await Promise.all([1, 2].map((n) => manager.submit('job', n, { backend: 'canary' })));
    await manager.freeze({ reason: 'x' });
    await c.rollbackLedger.evacuate(
      tasks.map(({ id }) => id),
      true,
    );
    const report = await manager.rollback(QUICK);
    expect(report).toMatchObject({ status: 'completed', movedByThisRun: 0, tasks: { moved: 2 } });
    expect((await beeContents(system, 'jobs.moved')).waiting.map(({ id }) => id).sort()).toEqual(
      tasks.map(({ id }) => id).sort(),
    );
  });

  it('and by two at once it does no harm', async () => {
    const managers = [await system.manager([idle]), await system.manager([idle])];
    const submitted = await Promise.all(
      Array.from({ length: 300 }, (_, n) => managers[0]?.submit('job', { n }, { backend: 'canary' })),
    );
    const reports = await Promise.all(managers.map((manager) => manager.rollback(QUICK)));
    for (const report of reports)
      expect(report).toMatchObject({ status: 'completed', tasks: { moved: 300, left: 0 } });
    expect(reports.reduce((sum, { movedByThisRun }) => sum + movedByThisRun, 0)).toBe(300);
    const { waiting } = await beeContents(system, 'jobs.moved');
    expect(waiting.map(({ id }) => id).sort()).toEqual(submitted.map((task) => task?.id).sort());
  });

  it('it stops between two steps when its signal aborts, and a later run goes on from there', async () => {
    const manager = await system.manager([idle]);
    await manager.submit('job', {}, { backend: 'canary' });
    const abort = new AbortController();
    const onEvent = (event: RollbackEvent) => {
      if (event.type === 'phase-ended' && event.phase === 'freeze') abort.abort(new Error('enough'));
    };
    await expect(manager.rollback({ ...QUICK, onEvent, signal: abort.signal })).rejects.toThrow('enough');
    expect(manager.state.frozen).toBe('rollback');
    expect((await manager.status()).ledger).toMatchObject({ openCanary: 1, openMoved: 0 });
    expect(await manager.rollback(QUICK)).toMatchObject({ status: 'completed', movedByThisRun: 1 });
  });

  it('a listener that throws changes nothing', async () => {
    const manager = await system.manager([idle]);
    await manager.submit('job', {}, { backend: 'canary' });
    const onEvent = () => {
      throw new Error('no screen');
    };
    expect(await manager.rollback({ ...QUICK, onEvent })).toMatchObject({ status: 'completed' });
    expect(system.log.text()).toContain('a listener threw: no screen');
  });

  it('it tells what happens, phase by phase', async () => {
    const manager = await system.manager([idle]);
    await manager.submit('job', {}, { backend: 'canary' });
    const told: string[] = [];
    await manager.rollback({
      ...QUICK,
      onEvent: (event) => told.push('phase' in event ? `${event.type} ${event.phase}` : event.type),
    });
    const around = (phase: string, ...inside: string[]) => [
      `phase-began ${phase}`,
      ...inside,
      `phase-ended ${phase}`,
    ];
    expect(told).toEqual([
      ...around('freeze'),
      ...around('evacuate', 'moved'),
      ...around('wait'),
      ...around('verify', 'verified'),
      ...around('tidy', 'tidied'),
    ]);
  });

  it('resumed by somebody in the middle it stops, and says so', async () => {
    const c = await system.connections();
    const [manager, other] = [await system.manager([idle]), await system.manager([idle])];
    const { id } = await manager.submit('job', {}, { backend: 'canary' });
    const lease = { id: 'alive', ttlMs: 60_000, maxLosses: 3 };
    await c.ledger.start('canary', lease, { id, token: 't', failureTtlSeconds: 60 });
    let resumed: Promise<unknown> = Promise.resolve();
    const report = await manager.rollback({
      ...QUICK,
      graceMs: 60_000,
      onEvent: ({ type }) => {
        if (type === 'waiting') resumed = other.resume({ reason: 'a mistake' });
      },
    });
    await resumed;
    expect(report).toMatchObject({
      status: 'needs-person',
      problems: [{ code: 'E_RESUMED', command: 'npx hybrid audit --limit 5' }],
    });
    expect(await manager.find(id)).toMatchObject({ backend: 'canary', state: 'running' });
    expect(other.state.frozen).toBe('');
  });
});
