import { BackendError } from '../domain/errors.ts';
import type { ControlRedis } from './control-redis.ts';

/**
 * Whether any client of this Redis waits for bee-queue jobs, ours included: bee-queue takes its jobs with BRPOPLPUSH, and
 * a client's last command stays in the list while it works.
 * @returns null if this user may not ask
 */
export async function hasQueueConsumers(redis: ControlRedis): Promise<boolean | null> {
  try {
    const list = await redis.ask('look for consumers', (client) => client.client('LIST'));
    return /\bcmd=brpoplpush\b/i.test(String(list));
  } catch (error) {
    if (error instanceof BackendError) return null;
    throw error;
  }
}
