import { beforeEach, describe, expect, it } from '@jest/globals';
import type { JanitorLedger, OpenTask } from '../../../src/domain/janitor.ts';
import type { EntryState, LedgerEntry } from '../../../src/domain/ledger.ts';
import type { BackendName } from '../../../src/domain/task.ts';
import { Janitor, type JanitorOptions } from '../../../src/execution/janitor.ts';
import { COMPLETE, DeliveryLog } from '../../support/delivery-log.ts';
import { jobId, jobRequest } from '../../support/job-requests.ts';
import { createMemoryBackend, type MemoryBackend } from '../../support/memory-backend.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { waitFor } from '../../support/wait-for.ts';

const OLD = Date.now() - 60_000;

/** The ledger's answers, as a test sets them. Walks in pages of two. */
class FakeLedger implements JanitorLedger {
  readonly entries: LedgerEntry[] = [];
  readonly alive = new Set<string>();
  readonly electedAs: string[] = [];
  readonly scanned: Record<BackendName, string[]> = { canary: [], stable: [] };
  isElected = true;
  beforePeek = () => {};
  readonly copies: OpenTask[] = [];

  async scanCopies() {
    return { cursor: '0', tasks: this.copies, now: Date.now() };
  }

  add(change: Partial<LedgerEntry> = {}): LedgerEntry {
    const id = jobId();
    const spec = {
      task: 'test-task',
      queue: 'q',
      namesTask: true,
      retries: 3,
      backoff: { type: 'fixed', delayMs: 20, maxDelayMs: 1000, jitter: 0 },
      timeoutMs: 1000,
      dueAt: null,
      priority: 7,
      decision: null,
    } as const;
    const entry: LedgerEntry = {
      id,
      owner: 'canary',
      state: 'accepted',
      spec,
      payload: `{"of":"${id}"}`,
      attempt: 0,
      failures: 0,
      losses: 0,
      worker: null,
      cancelRequested: false,
      acceptedAt: OLD,
      startedAt: null,
      finishedAt: null,
      movedAt: null,
      dueAt: null,
      ...change,
    };
    this.entries.push(entry);
    return entry;
  }

  change(id: string, change: Partial<LedgerEntry>): void {
    const at = this.entries.findIndex((entry) => entry.id === id);
    this.entries[at] = { ...(this.entries[at] as LedgerEntry), ...change };
  }

  async electJanitor(worker: string): Promise<boolean> {
    this.electedAs.push(worker);
    return this.isElected;
  }

  async scanOpen(owner: BackendName, cursor: string) {
    const open = this.entries.filter((entry) => entry.owner === owner && !isFinished(entry.state));
    const from = Number(cursor);
    const page = open.slice(from, from + 2);
    this.scanned[owner].push(...page.map(({ id }) => id));
    const tasks = page.map(({ id, acceptedAt }) => ({ id, acceptedAt }));
    return { cursor: from + 2 < open.length ? String(from + 2) : '0', tasks, now: Date.now() };
  }

  async peek(ids: readonly string[]) {
    this.beforePeek();
    return this.getMany(ids);
  }

  async getMany(ids: readonly string[]) {
    return ids.map((id) => this.entries.find((entry) => entry.id === id) ?? null);
  }

  async aliveWorkers(ids: readonly string[]) {
    return new Set(ids.filter((id) => this.alive.has(id)));
  }
}

const isFinished = (state: EntryState) => ['succeeded', 'failed', 'cancelled'].includes(state);

let ledger: FakeLedger;
let canary: MemoryBackend;
let stable: MemoryBackend;
let log: RecordingLog;

beforeEach(() => {
  ledger = new FakeLedger();
  canary = createMemoryBackend({ name: 'canary' });
  stable = createMemoryBackend({ name: 'stable', capabilities: { priority: false } });
  log = new RecordingLog();
});

const janitorWith = (
  change: Partial<
    Pick<JanitorOptions, 'tasksPerPass' | 'intervalMs' | 'compactFigures' | 'endOverdueCopies'>
  > = {},
) =>
  new Janitor(ledger, {
    intervalMs: 60_000,
    minAgeMs: 5000,
    tasksPerPass: 1000,
    workerId: () => 'worker-1',
    backends: { canary, stable },
    isFrozen: () => false,
    evacuate: async () => 0,
    endOverdueCopies: async (copies) => copies,
    compactFigures: async () => {},
    log,
    ...change,
  });

const presences = async (backend: MemoryBackend, queue: string, entries: readonly LedgerEntry[]) =>
  backend.has(
    queue,
    entries.map(({ id }) => id),
  );

describe('Janitor: a pass', () => {
  it('enqueues again what is open and in no queue, of either owner', async () => {
    const onCanary = [ledger.add(), ledger.add({ state: 'retrying' }), ledger.add()];
    const moved = [ledger.add({ owner: 'stable' }), ledger.add({ owner: 'stable', state: 'retrying' })];
    expect(await janitorWith().pass()).toBe(5);
    expect(await presences(canary, 'q', onCanary)).toEqual(['live', 'live', 'live']);
    expect(await presences(stable, 'q.moved', moved)).toEqual(['live', 'live']);
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { backend: 'canary', tasks: 2 } },
      { level: 'warn', fields: { backend: 'canary', tasks: 1 } },
      { level: 'warn', fields: { backend: 'stable', tasks: 2 } },
    ]);
    expect(log.text()).not.toContain('"of"');
  });

  it('finds nothing to do the second time', async () => {
    ledger.add();
    const janitor = janitorWith();
    expect([await janitor.pass(), await janitor.pass()]).toEqual([1, 0]);
  });

  it('enqueues under the same id, marked, with what is left of it', async () => {
    const entry = ledger.add({ state: 'retrying', failures: 2 });
    await janitorWith().pass();
    const seen = new DeliveryLog();
    await canary.consume('q', seen.run, { concurrency: 1, stallIntervalMs: 1000 });
    const [delivery] = await seen.begun(1);
    expect(delivery).toMatchObject({
      id: entry.id,
      task: 'test-task',
      data: { of: entry.id },
      mark: { acceptedAt: OLD },
      enqueuedAt: OLD,
      retriesLeft: 1,
    });
    await canary.close();
  });

  it('keeps the due time of a retry', async () => {
    const dueAt = Date.now() + 3_600_000;
    const entry = ledger.add({ state: 'retrying', dueAt });
    await janitorWith().pass();
    expect(await canary.info('q', entry.id)).toMatchObject({ state: 'delayed' });
    await canary.close();
  });

  it('leaves the young ones: their producer is just about to enqueue them', async () => {
    ledger.add({ acceptedAt: Date.now() });
    expect(await janitorWith().pass()).toBe(0);
  });

  it('leaves what its backend holds', async () => {
    const entry = ledger.add();
    await canary.enqueue([jobRequest('q', 'there already', { id: entry.id })]);
    expect(await janitorWith().pass()).toBe(0);
  });

  it('removes a dead job of the same id, which would swallow the new one', async () => {
    const entry = ledger.add();
    const failing = new DeliveryLog(() => ({ kind: 'fail', error: new Error('gave up') }));
    const consumer = await canary.consume('q', failing.run, { concurrency: 1, stallIntervalMs: 1000 });
    await canary.enqueue([jobRequest('q', 'dies', { id: entry.id })]);
    await waitFor(async () => (await canary.has('q', [entry.id]))[0] === 'dead', { what: 'the job to die' });
    await consumer.stop(1000);
    expect(await janitorWith().pass()).toBe(1);
    expect(await canary.has('q', [entry.id])).toEqual(['live']);
  });

  it('a running task: only when its worker is dead', async () => {
    ledger.alive.add('worker-alive');
    const running = ledger.add({ state: 'running', worker: 'worker-alive' });
    const lost = ledger.add({ state: 'running', worker: 'worker-dead' });
    expect(await janitorWith().pass()).toBe(1);
    expect(await presences(canary, 'q', [running, lost])).toEqual(['absent', 'live']);
  });

  it('a backend that does not answer is not a backend without the job', async () => {
    ledger.add();
    const moved = ledger.add({ owner: 'stable' });
    canary.isUp = false;
    expect(await janitorWith().pass()).toBe(1);
    expect(ledger.scanned.canary).toEqual([]);
    expect(await presences(stable, 'q.moved', [moved])).toEqual(['live']);
  });

  it.each<[string, Partial<LedgerEntry>]>([
    ['finished', { state: 'succeeded', payload: null }],
    ['moved', { owner: 'stable' }],
    ['been started', { state: 'running', worker: 'worker-alive' }],
  ])('leaves a task that has %s since the backend was asked', async (_, change) => {
    ledger.alive.add('worker-alive');
    const entry = ledger.add();
    let asked = 0;
    ledger.beforePeek = () => {
      asked += 1;
      if (asked === 2) ledger.change(entry.id, change);
    };
    const pass = janitorWith().pass();
    await pass;
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(await canary.has('q', [entry.id])).toEqual(['absent']);
  });
});

describe('Janitor: a backlog', () => {
  it('costs no more per pass than it was told, and the next pass goes on where this one ended', async () => {
    const entries = Array.from({ length: 9 }, () => ledger.add());
    const janitor = janitorWith({ tasksPerPass: 4 });
    const firsts = [await janitor.pass(), await janitor.pass(), await janitor.pass()];
    expect(firsts).toEqual([4, 4, 1]);
    expect(ledger.scanned.canary).toEqual(entries.map(({ id }) => id));
  });
});

describe('Janitor: by itself', () => {
  it('walks only while it is elected, and ends with the pass that is under way', async () => {
    ledger.isElected = false;
    const entry = ledger.add();
    const janitor = janitorWith({ intervalMs: 5 });
    janitor.begin();
    await waitFor(() => ledger.electedAs.length >= 2, { what: 'two elections' });
    expect(ledger.scanned.canary).toEqual([]);
    ledger.isElected = true;
    await waitFor(async () => (await canary.has('q', [entry.id]))[0] === 'live', {
      what: 'the task in its queue',
    });
    await janitor.end();
    const walked = ledger.scanned.canary.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ledger.scanned.canary).toHaveLength(walked);
    expect(new Set(ledger.electedAs)).toEqual(new Set(['worker-1']));
  });

  it('adds up figures in each of its passes, also where the tasks could not be walked, and only while it is elected', async () => {
    ledger.isElected = false;
    ledger.scanCopies = async () => {
      throw new Error('no copies');
    };
    let added = 0;
    const compactFigures = async () => {
      expect(ledger.isElected).toBe(true);
      added += 1;
    };
    const janitor = janitorWith({ intervalMs: 5, compactFigures });
    janitor.begin();
    await waitFor(() => ledger.electedAs.length >= 2, { what: 'two elections' });
    expect(added).toBe(0);
    ledger.isElected = true;
    await waitFor(() => added >= 2, { what: 'figures to be added up twice' });
    await janitor.end();
    expect(log.text()).toContain('no copies');
  });

  it('survives a ledger that does not answer', async () => {
    const entry = ledger.add();
    let asked = 0;
    ledger.beforePeek = () => {
      asked += 1;
      if (asked === 1) throw new Error('no answer');
    };
    const janitor = janitorWith({ intervalMs: 5 });
    janitor.begin();
    await waitFor(async () => (await canary.has('q', [entry.id]))[0] === 'live', {
      what: 'the task in its queue',
    });
    await janitor.end();
    expect(log.lines[0]).toMatchObject({ level: 'warn', message: 'janitor: no answer' });
  });

  it('does not enqueue what a consumer has just completed', async () => {
    const entry = ledger.add();
    await canary.enqueue([jobRequest('q', 1, { id: entry.id })]);
    const seen = new DeliveryLog(() => {
      ledger.change(entry.id, { state: 'succeeded', payload: null });
      return COMPLETE;
    });
    await canary.consume('q', seen.run, { concurrency: 1, stallIntervalMs: 1000 });
    await seen.begun(1);
    expect(await janitorWith().pass()).toBe(0);
    expect(seen.deliveries).toHaveLength(1);
    await canary.close();
  });
});
