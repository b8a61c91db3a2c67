import { UnknownNamespaceError } from '../domain/errors.ts';
import type { ControlRedis } from './control-redis.ts';

/** Looked through at most so often, a thousand keys each: on a large server the list may be incomplete. */
const MOST_LOOKS = 200;
const CONTROL_KEY = /^\{(.+)\}:control$/;

/** @throws {UnknownNamespaceError} no process has ever used this namespace on this Redis */
export async function requireNamespace(redis: ControlRedis, namespace: string): Promise<void> {
  const { control } = redis.keys;
  if ((await redis.ask('look for the namespace', (client) => client.exists(control))) === 1) return;
  throw new UnknownNamespaceError(namespace, await listNamespaces(redis));
}

async function listNamespaces(redis: ControlRedis): Promise<readonly string[]> {
  const found = new Set<string>();
  let cursor = '0';
  for (let look = 0; look < MOST_LOOKS; look++) {
    const [next, keys] = await redis.ask('look for namespaces', (client) =>
      client.scan(cursor, 'MATCH', '{*}:control', 'COUNT', 1000),
    );
    for (const key of keys) found.add(CONTROL_KEY.exec(key)?.[1] ?? key);
    cursor = next;
    if (cursor === '0') break;
  }
  return [...found].sort();
}
