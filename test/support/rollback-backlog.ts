import { expect } from '@jest/globals';
import type { RollbackReport } from '../../src/index.ts';
import { stepOf } from './history.ts';
import { plainClient } from './redis.ts';
import type { Trial, TrialProcess } from './trial.ts';

/** Slots of a trial's worker on each queue. */
const SLOTS = 5;

/** Tasks of every state, and what lets the running ones go. */
export interface Backlog {
  readonly worker: TrialProcess;
  readonly tasks: number;
  readonly running: readonly string[];
  /** Some of the running ones end now, well. */
  endSome(): void;
  endAll(): void;
  /** Submits again under the keys of before: each is the first one's task, wherever that is now. */
  repeatKeyed(): Promise<void>;
}

/**
 * Canary's tasks in every state: running, waiting, delayed, with a priority, waiting for a retry, cancelled, with an
 * idempotency key; and some of stable's.
 *
 * @param worker has all its slots on canary taken until the backlog says otherwise
 */
export async function makeBacklog(trial: Trial, worker: TrialProcess): Promise<Backlog> {
  const onCanary = { backend: 'canary' } as const;
  const failing = await Promise.all(times(3, () => trial.submit({ failures: 1 }, onCanary)));
  for (const { id } of failing) await trial.seen('told', (e) => e.id === id && e.type === 'retrying');
  const [some, rest] = [trial.gate(), trial.gate()];
  const held = await Promise.all(
    times(SLOTS, (i) => {
      const gate = i < 2 ? some : rest;
      return trial.submit({ hold: { [worker.who]: gate.file } }, onCanary);
    }),
  );
  for (const { id } of held) await trial.seen('started', (e) => e.id === id);
  // Canary's slots are taken: everything from here on waits.
  const { random } = trial;
  // Some come due during the rollback, some after it.
  const delayMs = () => 50 + Math.floor(random() * 1500);
  const keys = times(2, () => `key-${random()}`);
  const keyed = await Promise.all(
    keys.map((idempotencyKey) => trial.submit({}, { ...onCanary, idempotencyKey })),
  );
  const others = await Promise.all([
    ...times(170, () => trial.submit()),
    ...times(20, () => trial.submit({}, { ...onCanary, delayMs: delayMs() })),
    ...times(20, () => trial.submit({}, { ...onCanary, priority: 1 + Math.floor(random() * 9) })),
    ...times(7, () => trial.submit({ failures: 1 }, onCanary)),
  ]);
  for (const { id } of others.slice(-2)) await trial.cancel(id);
  return {
    worker,
    tasks: failing.length + held.length + keyed.length + others.length,
    running: held.map(({ id }) => id),
    endSome: some.open,
    endAll: () => {
      some.open();
      rest.open();
    },
    async repeatKeyed() {
      const again = await Promise.all(keys.map((idempotencyKey) => trial.submit({}, { idempotencyKey })));
      expect(again.map(({ id }) => id)).toEqual(keyed.map(({ id }) => id));
    },
  };
}

/** An operator that was left alone ends with 0, and what it says is so (I4, I8). */
export async function expectBack(trial: Trial, operator: TrialProcess): Promise<RollbackReport> {
  const { seed } = trial;
  const text = await operator.nextLine();
  const report = JSON.parse(text.slice('report '.length)) as RollbackReport;
  expectCompleted(report, seed);
  expect({ seed, exit: await operator.ended }).toEqual({ seed, exit: 0 });
  return report;
}

/** Rolls back from the test's own process, and holds it to the same. */
export async function rollBack(trial: Trial, graceMs = 0): Promise<RollbackReport> {
  const report = await trial.manager.rollback({
    reason: 'trial',
    graceMs,
    persist: false,
    onEvent: (event) => trial.note({ event: 'rollback', step: stepOf(event) }),
  });
  expectCompleted(report, trial.seed);
  return report;
}

function expectCompleted(report: RollbackReport, seed: number): void {
  const { status, problems, ledger } = report;
  const { openCanary, conserved } = ledger;
  expect({ seed, status, problems, openCanary, conserved }).toEqual({
    seed,
    status: 'completed',
    problems: [],
    openCanary: 0,
    conserved: true,
  });
}

/** Ids of the unfinished moved tasks, and of the jobs that wait in stable's queue for them. */
export async function movedTasks({ namespace, queue, directUrl }: Trial) {
  const client = plainClient(directUrl);
  const jobs = `bq:${queue}.moved`;
  const [open, waiting, delayed] = await Promise.all([
    client.zrange(`{${namespace}}:open:moved`, '0', '-1'),
    client.lrange(`${jobs}:waiting`, '0', '-1'),
    client.zrange(`${jobs}:delayed`, '0', '-1'),
  ]);
  return { open: [...open].sort(), queued: [...waiting, ...delayed].sort() };
}

/** The ledger has counted what was seen from outside. */
export async function expectMovesCounted(trial: Trial): Promise<void> {
  const { reassigned } = (await trial.manager.status()).ledger;
  await trial.seenMore('moved', reassigned - trial.history.filter(({ event }) => event === 'moved').length);
  expect(trial.history.filter(({ event }) => event === 'moved')).toHaveLength(reassigned);
}

export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
