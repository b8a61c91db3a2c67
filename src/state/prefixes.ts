import type { ControlRedis } from './control-redis.ts';

/** In front of the names of a backend's queues in Redis. */
export interface Prefixes {
  readonly stable: string;
  readonly canary: string;
}

/** Under which prefixes this namespace's queues stand; null: no process with tasks has said so. */
export async function readPrefixes(redis: ControlRedis): Promise<Prefixes | null> {
  const { prefixes } = redis.keys;
  const text = await redis.ask('read prefixes', (client) => client.get(prefixes));
  return text === null ? null : (JSON.parse(text) as Prefixes);
}

/**
 * Notes them for this namespace. Where others are noted they stay as long as a worker lives or a task of the ledger is open.
 * @returns those in force
 */
export async function claimPrefixes(redis: ControlRedis, { stable, canary }: Prefixes): Promise<Prefixes> {
  const text = await redis.run('claim-prefixes', [JSON.stringify({ stable, canary })]);
  return JSON.parse(text as string) as Prefixes;
}
