import { isPairKind, type Mismatch, type Pair, type PairLedger, type SettledPair } from '../domain/parity.ts';
import type { ControlRedis } from './control-redis.ts';
import { row } from './rows.ts';

/** The newest mismatches that are kept. */
const MOST_MISMATCHES = 1_000;

/** How a pair is written: its kind, both ids, when it was made and its deadline. The task is in the key. */
export function memberOf({ kind, primary, copy, madeAt, deadline, replay }: Pair): string {
  return `${kind} ${primary} ${copy} ${madeAt} ${deadline} ${replay ?? '-'}`;
}

/** null: nothing that `memberOf` wrote. */
export function pairFrom(task: string, member: string): Pair | null {
  const [kind, primary = '', copy = '', made, end, replay = '-'] = member.split(' ');
  const [madeAt, deadline] = [Number(made), Number(end)];
  if (!isPairKind(kind) || !Number.isFinite(madeAt) || !Number.isFinite(deadline)) return null;
  return { task, kind, primary, copy, madeAt, deadline, replay: replay === '-' ? null : replay };
}

/** Pairs that wait to be compared, and the mismatches that were found. */
export class Pairs implements PairLedger {
  readonly #redis: ControlRedis;

  constructor(redis: ControlRedis) {
    this.#redis = redis;
  }

  async claim(tasks: readonly string[], most: number, whileMs: number) {
    const args = [most, whileMs, tasks.length, ...tasks];
    const [now, ...flat] = (await this.#redis.run('claim-pairs', args)) as string[];
    const pairs: Pair[] = [];
    const unreadable: [string, string][] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const [task, member] = [flat[i] as string, flat[i + 1] as string];
      const pair = pairFrom(task, member);
      if (pair) pairs.push(pair);
      else unreadable.push([task, member]);
    }
    for (const [task, member] of unreadable) {
      await this.#redis.ask('drop a pair', (redis) => redis.zrem(this.#redis.keys.pairs(task), member));
    }
    return { now: Number(now), pairs };
  }

  async putOff(pairs: readonly { readonly pair: Pair; readonly lookAt: number }[]): Promise<void> {
    if (pairs.length === 0) return;
    await this.#redis.askAll('put pairs off', (redis) => {
      const pipeline = redis.pipeline();
      for (const { pair, lookAt } of pairs) {
        pipeline.zadd(this.#redis.keys.pairs(pair.task), 'XX', lookAt, memberOf(pair));
      }
      return pipeline;
    });
  }

  async settle(pairs: readonly SettledPair[]): Promise<void> {
    if (pairs.length === 0) return;
    const rows = pairs.map(({ pair, verdict, cell, mismatch }) =>
      row(
        pair.task,
        memberOf(pair),
        JSON.stringify(['pairs', pair.task, pair.kind]),
        JSON.stringify(cell),
        mismatch ? JSON.stringify(mismatch) : '',
        pair.replay ?? '',
        verdict,
      ),
    );
    await this.#redis.run('settle-pairs', [MOST_MISMATCHES, rows.length, rows.join('')]);
  }

  async mismatches({ task, limit }: { readonly task?: string | undefined; readonly limit: number }) {
    const key = this.#redis.keys.mismatches;
    // Few are kept, so all of one task can be looked for.
    const count = task === undefined ? limit : MOST_MISMATCHES;
    const entries = await this.#redis.ask('read mismatches', (redis) =>
      redis.xrevrange(key, '+', '-', 'COUNT', count),
    );
    const all = entries.map(([, fields]) => JSON.parse(fields[1] as string) as Mismatch);
    return all.filter((mismatch) => task === undefined || mismatch.task === task).slice(0, limit);
  }

  /** Pairs of these tasks that wait to be compared. */
  async countWaiting(tasks: readonly string[]): Promise<number> {
    const keys = tasks.map(this.#redis.keys.pairs);
    const counts = await this.#redis.askEach<number>('count pairs', keys, (all, key) => all.zcard(key));
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }

  /** Forgets the mismatches that were kept, and the pairs of these tasks that wait. */
  async forget(tasks: readonly string[]): Promise<void> {
    const { mismatches, pairs } = this.#redis.keys;
    await this.#redis.ask('forget pairs', (redis) => redis.unlink([mismatches, ...tasks.map(pairs)]));
  }

  /** What the pairs of a replay have come to so far. */
  async replayed(replay: string): Promise<{ matched: number; mismatched: number; dropped: number }> {
    const key = this.#redis.keys.replay(replay);
    const { matched, mismatched, dropped } = await this.#redis.ask('look at a replay', (redis) =>
      redis.hgetall(key),
    );
    return {
      matched: Number(matched ?? 0),
      mismatched: Number(mismatched ?? 0),
      dropped: Number(dropped ?? 0),
    };
  }
}
