import { bullKey } from './bullmq-wire.ts';
import type { RedisLink } from './redis-link.ts';
import { defineScript } from './redis-script.ts';

/**
 * To be called for every job that stalled. Broken options make BullMQ trip before it has a job to hand out, so only the
 * stall tells of them.
 * @returns what is wrong with a job that was moved to the failed ones, or null
 */
export async function parkIfUnreadable(
  link: RedisLink,
  prefix: string,
  queue: string,
  id: string,
): Promise<string | null> {
  const key = (part: string) => bullKey(prefix, queue, part);
  const opts = await link.run('consume', (client) => client.hget(key(id), 'opts'));
  if (opts === null || isJsonObject(opts)) return null;
  const problem = 'its options are not JSON';
  const park = defineScript(link.client, 'bull-park');
  const keys = ['wait', 'active', 'prioritized', 'stalled', 'failed', id, `${id}:lock`].map(key);
  const moved = await link.run('park', () => park(keys, [id, opts, Date.now(), problem]));
  return moved === 1 ? problem : null;
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
