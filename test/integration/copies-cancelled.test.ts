import { describe, expect, it } from '@jest/globals';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { jobRequestOf } from '../../src/domain/queued-task.ts';
import { copiesQueueOf } from '../../src/domain/task-backend.ts';
import type { Connections } from '../../src/manager/connections.ts';
import { ControlRedis } from '../../src/state/control-redis.ts';
import { Copies } from '../../src/state/copies.ts';
import type { HybridSystem } from '../support/hybrid-system.ts';
import { jobId } from '../support/job-requests.ts';
import { QUICK } from '../support/rollback-scene.ts';
import { comparedTask, numbers, openCopies, shadowScene } from '../support/shadow-scene.ts';

const begin = shadowScene();
const LEASE = { id: 'somebody', ttlMs: 600_000, maxLosses: 3 };
const task = comparedTask((n) => n);
const SPEC = {
  task: task.name,
  queue: task.queue,
  namesTask: false,
  retries: 0,
  backoff: { type: 'fixed', delayMs: 0, maxDelayMs: 0, jitter: 0 },
  timeoutMs: 60_000,
  dueAt: null,
  priority: null,
  decision: null,
  copy: 'shadow',
} as const;

/** Copies on canary. @returns their ids, oldest first */
async function makeCopies(c: Connections, count: number): Promise<string[]> {
  const ids = numbers(count).map(jobId);
  // In order: those that are made in one millisecond are in the order of their ids.
  for (const id of ids.sort()) {
    const entry = {
      id,
      owner: 'canary',
      spec: SPEC,
      payload: '{"n":1}',
      entryTtlSeconds: 60,
      pair: null,
    } as const;
    expect(await c.copies.accept(entry)).toMatchObject({ status: 'accepted' });
  }
  return ids;
}

/** Lets a worker that lives begin these. */
async function run(c: Connections, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const answer = await c.ledger.start('canary', LEASE, { id, token: `token ${id}`, failureTtlSeconds: 60 });
    expect(answer).toMatchObject({ status: 'granted' });
  }
}

async function succeed(c: Connections, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const end = { id, token: `token ${id}`, backend: 'canary', state: 'succeeded', isCopy: true } as const;
    await c.ledger.finish({ ...end, outcome: null, outcomeTtlSeconds: 60, entryTtlSeconds: 60 });
  }
}

/** Its walk over the copies is held up before the second page until something else has happened. */
class HeldUpControl extends ControlRedis {
  pages = 0;
  readonly #between: () => Promise<void>;

  constructor(system: HybridSystem, between: () => Promise<void>) {
    super(system.namespace, { url: system.url, commandTimeoutMs: 5000, name: 'test', onError: () => {} });
    this.#between = between;
  }

  override async ask<T>(operation: string, command: (redis: Redis) => Promise<T>): Promise<T> {
    if (operation === 'walk copies') this.pages += 1;
    if (operation === 'walk copies' && this.pages === 2) await this.#between();
    return super.ask(operation, command);
  }
}

describe('a walk over all copies', () => {
  it('misses none, also where some that were running end between two pages', async () => {
    const [system, c] = await begin();
    const ids = await makeCopies(c, 1100);
    const running = [...ids.slice(0, 10), ...ids.slice(540, 560), ...ids.slice(-10)];
    await run(c, running);
    const control = new HeldUpControl(system, () => succeed(c, running));
    try {
      const { cancelled } = await new Copies(control, 10_000).cancelAll();
      expect(control.pages).toBeGreaterThan(1);
      expect({ cancelled, open: await openCopies(system) }).toEqual({ cancelled: 1060, open: 0 });
    } finally {
      control.close();
    }
  });
});

describe('what a rollback says of copies', () => {
  it('how many it has cancelled, and how many it has only asked to end', async () => {
    const [system, c] = await begin();
    const ids = await makeCopies(c, 5);
    await run(c, ids.slice(0, 2));
    const manager = await system.manager([task]);
    const report = await manager.rollback(QUICK);
    expect(report.status).toBe('completed');
    expect(report.notes).toContain(
      "Of the copies that were made to compare both backends' results this run has cancelled 3 that were waiting " +
        'and asked 2 that were running to end; nobody waits for them.',
    );
    expect(await openCopies(system)).toBe(2);
  });

  it('nothing, where there are none', async () => {
    const [system] = await begin();
    const report = await (await system.manager([task])).rollback(QUICK);
    expect(report.notes.join()).not.toContain('copies');
  });

  it("nothing of those that BullMQ has given to a worker, unlike of others' jobs, of which nobody knows whether it lives", async () => {
    const [system, c] = await begin({ sampleRate: 0 }, { routing: { celeryRatio: 1 } });
    const manager = await system.manager([task]);
    const [copy = ''] = await makeCopies(c, 1);
    const job = { spec: SPEC, payload: '{"n":1}', acceptedAt: Date.now(), dueAt: null, failures: 0 };
    await c.canary.enqueue([jobRequestOf({ id: copy, ...job }, 'canary')]);
    await manager.submit(task, { n: 1 });
    const { hostname, port } = new URL(system.url);
    const settings = {
      connection: { host: hostname, port: Number(port) },
      prefix: system.config.canary.prefix,
    };
    const workers = [task.queue, copiesQueueOf(task.queue)].map((queue) => new Worker(queue, null, settings));
    try {
      for (const worker of workers) expect(await worker.getNextJob('token')).toBeDefined();
      const { notes } = await manager.rollback(QUICK);
      const active = notes.filter((note) => note.includes('still show as active'));
      expect(active).toEqual([
        `1 left-over jobs of BullMQ's queue ${task.queue} still show as active: their workers died, or are just letting go of them. They are skipped.`,
      ]);
    } finally {
      for (const worker of workers) await worker.close(true);
    }
  });
});
