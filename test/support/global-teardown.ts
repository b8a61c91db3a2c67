import type { RedisServer } from './redis-server.ts';

const KEY = Symbol.for('hybrid-task-manager.test-redis');
const shared = globalThis as { [KEY]?: RedisServer };

/** Setup and teardown are loaded apart from each other by jest; only the global object joins them. */
export function shareServer(server: RedisServer): void {
  shared[KEY] = server;
}

export default async function globalTeardown(): Promise<void> {
  await shared[KEY]?.stop();
}
