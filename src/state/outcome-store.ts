import { batched } from '../domain/batch.ts';
import { RedisUnreachableError, ResultTimeoutError } from '../domain/errors.ts';
import type { Outcome } from '../domain/outcome.ts';
import { outcomeShardOf } from '../domain/task-id.ts';
import type { ControlRedis } from './control-redis.ts';
import { batchedRows, row } from './rows.ts';

const ENDS: readonly unknown[] = ['succeeded', 'failed', 'cancelled'] satisfies Outcome['status'][];
/** Without its message (a lost connection, a full buffer) an outcome is still seen after this time. */
const LOOK_AGAIN_MS = 5_000;

/** Recorded outcomes, the same for both backends, and waiting for them. */
export class OutcomeStore {
  readonly #redis: ControlRedis;
  readonly #record: (row: string) => Promise<unknown>;
  readonly #isRecorded: (id: string) => Promise<boolean>;
  readonly #read: (id: string) => Promise<Outcome | null>;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #listening = new Map<string, Promise<unknown>>();

  constructor(redis: ControlRedis) {
    this.#redis = redis;
    this.#record = batchedRows(
      async (rows) => (await redis.run('record-outcome', [rows.length, rows.join('')])) as number[],
    );
    this.#isRecorded = batched((ids) => this.#existBatch(ids), { maxItems: 500 });
    this.#read = batched((ids) => this.#readBatch(ids), { maxItems: 32 });
    redis.onListening(() => this.#lookAgain());
  }

  /** Records the outcome of a task without a ledger entry. False: there was one already, which stays. */
  async record(outcome: Outcome, ttlSeconds: number): Promise<boolean> {
    const { id, status } = outcome;
    return (
      (await this.#record(row(id, JSON.stringify(outcome), ttlSeconds, outcomeShardOf(id), status))) === 1
    );
  }

  isRecorded(id: string): Promise<boolean> {
    return this.#isRecorded(id);
  }

  async #existBatch(ids: readonly string[]): Promise<boolean[]> {
    const keys = ids.map((id) => this.#redis.keys.outcome(id));
    const found = await this.#redis.askEach<number>('look for outcomes', keys, (all, key) => all.exists(key));
    return found.map((n) => n === 1);
  }

  read(id: string): Promise<Outcome | null> {
    return this.#read(id);
  }

  async #readBatch(ids: readonly string[]): Promise<(Outcome | null)[]> {
    const keys = ids.map((id) => this.#redis.keys.outcome(id));
    const texts = await this.#redis.ask('read outcomes', (redis) => redis.mget(keys));
    return texts.map((text, i) => (text === null ? null : outcomeFrom(ids[i] as string, text)));
  }

  /**
   * Waits until the task's outcome is recorded. A Redis that is away for a while is waited for, too.
   * @throws {ResultTimeoutError} after timeoutMs milliseconds
   * @throws {RedisUnreachableError} after timeoutMs milliseconds, if Redis did not answer the last look
   */
  async wait(id: string, timeoutMs: number): Promise<Outcome> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const remainingMs = deadline - Date.now();
      // Not `<=`: a timeoutMs that is no number must not wait for ever.
      const isLast = !(remainingMs > 0);
      const announced = this.#announcement(id, Math.min(LOOK_AGAIN_MS, Math.max(0, remainingMs)));
      try {
        // Subscribed before the look, or an outcome recorded in between would be missed.
        await this.#listenFor(id);
        const outcome = await this.read(id);
        if (outcome) {
          announced.cancel();
          return outcome;
        }
      } catch (error) {
        if (isLast || !(error instanceof RedisUnreachableError)) {
          announced.cancel();
          throw error;
        }
      }
      if (isLast) {
        announced.cancel();
        throw new ResultTimeoutError(id, timeoutMs);
      }
      await announced.promise;
    }
  }

  async #listenFor(id: string): Promise<void> {
    const channel = this.#redis.keys.outcomeChannel(id);
    let listening = this.#listening.get(channel);
    if (!listening) {
      listening = this.#redis.listen(channel, (finished) => {
        for (const wake of [...(this.#waiting.get(finished) ?? [])]) wake();
      });
      this.#listening.set(channel, listening);
      listening.catch(() => this.#listening.delete(channel));
    }
    await listening;
  }

  #announcement(id: string, timeoutMs: number): { promise: Promise<void>; cancel: () => void } {
    let resolve: () => void = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    const wakers = this.#waiting.get(id) ?? new Set();
    const cancel = () => {
      clearTimeout(timer);
      wakers.delete(cancel);
      if (wakers.size === 0) this.#waiting.delete(id);
      resolve();
    };
    const timer = setTimeout(cancel, timeoutMs);
    wakers.add(cancel);
    this.#waiting.set(id, wakers);
    return { promise, cancel };
  }

  #lookAgain(): void {
    for (const wakers of [...this.#waiting.values()]) for (const wake of [...wakers]) wake();
  }
}

/** What somebody has overwritten was an outcome once: the task has ended, and nobody waits for it in vain. */
function outcomeFrom(id: string, text: string): Outcome {
  try {
    const outcome = JSON.parse(text) as Partial<Outcome> | null;
    if (outcome?.id === id && ENDS.includes(outcome.status)) return outcome as Outcome;
  } catch {
    // The parser's message quotes the text.
  }
  const message = `The outcome of task ${id} cannot be read: something else was written in its place.`;
  return {
    id,
    task: '',
    backend: 'stable',
    status: 'failed',
    error: { name: 'UnreadableOutcomeError', code: 'E_UNREADABLE_OUTCOME', message },
    attempts: 0,
    enqueuedAt: 0,
    startedAt: 0,
    finishedAt: 0,
  };
}
