import type { CancelledCopies, CopyLedger, CopyRequest, CopyResult } from '../domain/ledger.ts';
import { outcomeShardOf } from '../domain/task-id.ts';
import type { ControlRedis } from './control-redis.ts';
import { batchedRows, row } from './rows.ts';

/** The first look at a pair; most have both their runs by then. Milliseconds. */
const FIRST_LOOK_MS = 500;
/** Copies cancelled in one call. */
const PAGE = 500;

/** Ledger entries of copies. They stand in a set of their own and in none of I8's counts. */
export class Copies implements CopyLedger {
  readonly #redis: ControlRedis;
  readonly #accept: (row: string) => Promise<unknown>;

  /** @param mostOpen unfinished copies at once in the namespace; further ones are refused */
  constructor(redis: ControlRedis, mostOpen: number) {
    this.#redis = redis;
    this.#accept = batchedRows(
      async (rows) => (await redis.run('accept-copies', [mostOpen, rows.length, rows.join('')])) as string[],
    );
  }

  async accept({ id, owner, spec, payload, entryTtlSeconds, pair }: CopyRequest): Promise<CopyResult> {
    const { primary, patienceMs, replay } = pair ?? { primary: '', patienceMs: 0, replay: null };
    const text = row(
      id,
      owner,
      spec.copy,
      JSON.stringify(spec),
      payload,
      entryTtlSeconds,
      primary,
      spec.task,
      spec.dueAt ?? 0,
      Math.round(patienceMs),
      replay ?? '-',
      FIRST_LOOK_MS,
    );
    const answer = await this.#accept(text);
    if (answer === 'frozen' || answer === 'full') return { status: answer };
    return { status: 'accepted', acceptedAt: Number(answer) };
  }

  async cancel(ids: readonly string[]): Promise<number> {
    const { cancelled, asked } = await this.#end(ids);
    return cancelled + asked;
  }

  async #end(ids: readonly string[]): Promise<CancelledCopies> {
    if (ids.length === 0) return { cancelled: 0, asked: 0 };
    const rows = ids.map((id) => row(id, outcomeShardOf(id))).join('');
    const answers = (await this.#redis.run('cancel-copies', [
      this.#redis.deathRule,
      ids.length,
      rows,
    ])) as string[];
    const countOf = (answer: string) => answers.filter((each) => each === answer).length;
    return { cancelled: countOf('cancelled'), asked: countOf('requested') };
  }

  async cancelAll(signal?: AbortSignal): Promise<CancelledCopies> {
    const key = this.#redis.keys.openCopies;
    let cancelled = 0;
    let asked = 0;
    // By rank from the newest down: whatever ends between two pages makes the ranks of those still to come smaller, never
    // larger, so none of them slips past. A freeze, which comes first, lets in no new ones.
    let left = await this.#redis.ask('count copies', (redis) => redis.zcard(key));
    while (left > 0 && !signal?.aborted) {
      const from = Math.max(0, left - PAGE);
      const last = left - 1;
      const ids = await this.#redis.ask('walk copies', (redis) =>
        redis.zrange(key, String(from), String(last)),
      );
      const ended = await this.#end(ids);
      cancelled += ended.cancelled;
      asked += ended.asked;
      left = from;
    }
    return { cancelled, asked };
  }
}
