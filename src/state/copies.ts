import type { CopyLedger, CopyRequest, CopyResult } from '../domain/ledger.ts';
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
    if (ids.length === 0) return 0;
    const rows = ids.map((id) => row(id, outcomeShardOf(id))).join('');
    const answers = (await this.#redis.run('cancel-copies', [
      this.#redis.deathRule,
      ids.length,
      rows,
    ])) as string[];
    return answers.filter((answer) => answer !== 'left').length;
  }

  async cancelAll(signal?: AbortSignal): Promise<number> {
    const key = this.#redis.keys.openCopies;
    let cancelled = 0;
    // Those that run stay listed until they have ended, so the walk goes by rank and steps over them.
    for (let left = 0; !signal?.aborted; ) {
      const ids = await this.#redis.ask('walk copies', (redis) =>
        redis.zrange(key, String(left), String(left + PAGE - 1)),
      );
      if (ids.length === 0) break;
      cancelled += await this.cancel(ids);
      const scores = await this.#redis.ask('look at copies', (redis) => redis.zmscore(key, ...ids));
      left += scores.filter((score) => score !== null).length;
    }
    return cancelled;
  }
}
