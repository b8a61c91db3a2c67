import { shareServer } from './global-teardown.ts';
import { startRedisServer } from './redis-server.ts';

/** One Redis for the whole run: REDIS_URL if it is set, else a child of jest that teardown stops. */
export default async function globalSetup(): Promise<void> {
  const given = process.env.REDIS_URL;
  if (given !== undefined && given !== '') {
    process.env.HYBRID_TEST_REDIS_URL = given;
    return;
  }
  const server = await startRedisServer();
  shareServer(server);
  process.env.HYBRID_TEST_REDIS_URL = server.url;
}
