import { outcomeShardOf } from '../domain/task-id.ts';

/** Names of everything that a namespace keeps in Redis. One hash tag, so that scripts also run on a cluster. */
export function keysOf(namespace: string) {
  const prefix = `{${namespace}}:`;
  return {
    prefix,
    control: `${prefix}control`,
    controlChanged: `${prefix}control:changed`,
    audit: `${prefix}audit`,
    counts: `${prefix}counts`,
    openCanary: `${prefix}open:canary`,
    openMoved: `${prefix}open:moved`,
    openCopies: `${prefix}open:copies`,
    mismatches: `${prefix}mismatches`,
    freeze: `${prefix}freeze`,
    evacuating: `${prefix}evacuating`,
    parked: `${prefix}parked`,
    workers: `${prefix}workers`,
    queues: `${prefix}queues`,
    prefixes: `${prefix}prefixes`,
    janitorLock: `${prefix}janitor:lock`,
    cancelChannel: `${prefix}cancel`,
    abortChannel: `${prefix}abort`,
    task: (id: string) => `${prefix}task:${id}`,
    outcome: (id: string) => `${prefix}outcome:${id}`,
    outcomeChannel: (id: string) => `${prefix}outcome:${outcomeShardOf(id)}`,
    key: (hash: string) => `${prefix}key:${hash}`,
    stalls: (queue: string, id: string) => `${prefix}stalls:${queue}:${id}`,
    worker: (id: string) => `${prefix}worker:${id}`,
    pairs: (task: string) => `${prefix}pairs:${task}`,
    replay: (replay: string) => `${prefix}replay:${replay}`,
    /**
     * What was counted: in one minute as it came (`d`), added up for a minute (`m`) or an hour (`h`), by its number since 1970;
     * `draft`: sums that are being written.
     */
    aggregates: (span: 'd' | 'm' | 'h' | 'draft', number: number | string) =>
      `${prefix}agg:${span}:${number}`,
    /** Minutes that hold something as it came. */
    aggregateMinutes: `${prefix}agg:minutes`,
    /** Hours of which minutes were added up since the hour was. */
    aggregateHours: `${prefix}agg:hours`,
  } as const;
}

export type Keys = ReturnType<typeof keysOf>;
