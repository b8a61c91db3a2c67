import { encode } from '@msgpack/msgpack';
import type { Aggregates } from '../../src/domain/aggregates.ts';
import type { HybridSystem } from './hybrid-system.ts';
import { cellOf } from './shadow-scene.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** In the middle of a minute and of an hour. */
export const NOW = Date.UTC(2026, 5, 15, 14, 31, 17, 250);

const PARTS = ['runs', 'double', 'stable', 'assigned'];

/** One cell of so many runs, as it is kept when it was added up, and as it comes. */
export const packedCell = {
  field: JSON.stringify(PARTS),
  /** @param slices of an hour: number of the five minutes, runs, and so on */
  of: (n: number, slices: readonly number[] = []) => {
    const sliced = slices.length > 0 ? { succeeded: slices } : {};
    return Buffer.from(encode({ counts: ['submitted', n, 'succeeded', n], run: [1024, n], ...sliced }));
  },
};
export const rawCell = (n: number) =>
  JSON.stringify([[PARTS, { counts: { submitted: n, succeeded: n }, run: { 1024: n } }]]);

export const submitted = (figures: Aggregates) =>
  cellOf(figures, 'stable', 'assigned')?.counts.submitted ?? 0;

export function keyOf({ namespace }: HybridSystem, span: 'd' | 'm' | 'h', number: number): string {
  return `{${namespace}}:agg:${span}:${number}`;
}

/**
 * Writes runs of these times as Redis keeps them: of the last `unpackedMs` as they came, before that by the minute as long
 * as minutes are kept, and by the hour.
 *
 * @param isFormer hours as a former version has added them up: without what ended in which five minutes
 */
export async function writePast(
  system: HybridSystem,
  times: readonly number[],
  unpackedMs = 3 * MINUTE,
  now = NOW,
  isFormer = false,
): Promise<void> {
  const { namespace, redis } = system;
  const written = new Map<string, { n: number; newestAt: number; slices: Map<number, number> }>();
  const count = (key: string, at: number, slice?: number) => {
    const { n, newestAt, slices } = written.get(key) ?? { n: 0, newestAt: at, slices: new Map() };
    if (slice !== undefined) slices.set(slice, (slices.get(slice) ?? 0) + 1);
    written.set(key, { n: n + 1, newestAt: Math.max(newestAt, at), slices });
  };
  const newest = new Map<number, number>();
  const pipeline = redis.pipeline();
  const firstUnpacked = Math.floor((now - unpackedMs) / MINUTE);
  for (const [i, at] of times.entries()) {
    const [minute, hour] = [Math.floor(at / MINUTE), Math.floor(at / HOUR)];
    if (minute >= firstUnpacked) {
      pipeline.hset(keyOf(system, 'd', minute), `process:${i}`, rawCell(1));
      newest.set(minute, Math.max(at, newest.get(minute) ?? 0));
      pipeline.zadd(`{${namespace}}:agg:minutes`, minute, minute);
    } else if (at >= now - 25 * HOUR) count(keyOf(system, 'm', minute), at);
    if ((hour + 1) * 60 <= firstUnpacked) {
      count(keyOf(system, 'h', hour), at, isFormer ? undefined : Math.floor((at % HOUR) / (5 * MINUTE)));
    } else if (minute < firstUnpacked) pipeline.zadd(`{${namespace}}:agg:hours`, hour, hour);
  }
  for (const [minute, at] of newest) pipeline.hset(keyOf(system, 'd', minute), 'newestAt', at);
  for (const [key, { n, newestAt, slices }] of written) {
    pipeline.hset(key, packedCell.field, packedCell.of(n, [...slices].flat()), 'newestAt', newestAt);
  }
  await pipeline.exec();
}
