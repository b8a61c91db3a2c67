import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisUnreachableError } from '../../src/domain/errors.ts';
import { type PrivateRedis, resolveRedis, startPrivateRedis } from '../../src/private-redis.ts';
import { findRedisServer } from '../../src/redis-supervisor.ts';
import { preflight } from '../../src/state/redis-preflight.ts';
import { runTypeScript, type TestChild } from '../support/child.ts';
import { compiled } from '../support/compiled.ts';
import { expectNoLeakedConnections, plainClient } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

let dir: string;
const holders: PrivateRedis[] = [];
const servers = new Set<number>();

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const gone = (pid: number) => waitFor(() => !isAlive(pid), { what: `the end of process ${pid}` });

async function hold(log?: (sentence: string) => void): Promise<PrivateRedis> {
  const redis = await startPrivateRedis({ dir, ...(log ? { log } : {}) });
  holders.push(redis);
  servers.add(redis.pid);
  return redis;
}

/** Another process that holds the folder's server until it is killed; its first line is the server's pid. */
async function holdElsewhere(): Promise<{ child: TestChild; pid: number }> {
  const child = runTypeScript({
    code: `
      const { startPrivateRedis } = await import(${JSON.stringify(compiled('src/private-redis.ts'))});
      const { pid } = await startPrivateRedis({ dir: ${JSON.stringify(dir)} });
      console.log(pid);
      setInterval(() => {}, 1000);`,
  });
  const pid = Number(await child.nextLine());
  servers.add(pid);
  return { child, pid };
}

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'hybrid-private-')), 'a folder');
});
afterEach(async () => {
  for (const redis of holders.splice(0)) await redis.stop();
  for (const pid of servers) await gone(pid);
  servers.clear();
  rmSync(join(dir, '..'), { recursive: true, force: true });
});
afterAll(() => expectNoLeakedConnections());

describe('startPrivateRedis', () => {
  it('starts a server fit for use, on loopback only, and says so once', async () => {
    const said: string[] = [];
    const redis = await hold((sentence) => said.push(sentence));
    expect(await preflight(redis.url)).toMatchObject({ evicts: false, notes: [] });
    const settings = await plainClient(redis.url).config('GET', 'bind', 'appendonly', 'appendfsync', 'save');
    expect(Object.fromEntries(pairs(settings as string[]))).toEqual({
      bind: '127.0.0.1',
      appendonly: 'yes',
      appendfsync: 'everysec',
      save: '',
    });
    expect(said).toEqual([
      expect.stringMatching(/private Redis.*127\.0\.0\.1.*not for production.*REDIS_URL/),
    ]);
  });

  it('ends with stop(), and finds its data again at the next start', async () => {
    const first = await hold();
    await plainClient(first.url).set('kept', 'yes');
    await first.stop();
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await hold();
    expect(second.pid).not.toBe(first.pid);
    expect(await plainClient(second.url).get('kept')).toBe('yes');
  });

  it('is one server for all who ask at once, and lives as long as one of them', async () => {
    const [a, b, c] = await Promise.all([hold(), hold(), holdElsewhere()]);
    expect(new Set([a.pid, b.pid, c.pid]).size).toBe(1);
    await a.stop();
    await b.stop();
    expect(await plainClient(a.url).ping()).toBe('PONG');
    c.child.kill('SIGKILL');
    await gone(c.pid);
  });

  it('ends when its only holder is killed', async () => {
    const { child, pid } = await holdElsewhere();
    expect(isAlive(pid)).toBe(true);
    child.kill('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
    await gone(pid);
  });

  it('outlives its starter when somebody has joined', async () => {
    const { child, pid } = await holdElsewhere();
    const joined = await hold();
    expect(joined.pid).toBe(pid);
    child.kill('SIGKILL');
    await child.ended;
    expect(await plainClient(joined.url).ping()).toBe('PONG');
    await joined.stop();
    await gone(pid);
  });

  it('starts anew when its holder was killed a moment ago', async () => {
    const { child, pid } = await holdElsewhere();
    const client = plainClient((await hold()).url);
    await client.set('kept', 'yes');
    await holders.pop()?.stop();
    child.kill('SIGKILL');
    const next = await hold();
    if (next.pid !== pid) expect(isAlive(pid)).toBe(false);
    expect(await plainClient(next.url).get('kept')).toBe('yes');
  });

  it('is waited for while it stands still: there is no second one', async () => {
    const first = await hold();
    process.kill(first.pid, 'SIGSTOP');
    try {
      const joining = hold();
      // Longer than it has for one answer.
      await Promise.race([joining, delay(1_500)]);
      process.kill(first.pid, 'SIGCONT');
      expect((await joining).pid).toBe(first.pid);
    } finally {
      process.kill(first.pid, 'SIGCONT');
    }
  });

  it('is not waited for without an end, and joined as soon as it goes on', async () => {
    const first = await hold();
    process.kill(first.pid, 'SIGSTOP');
    try {
      await expect(startPrivateRedis({ dir, silenceMs: 1 })).rejects.toMatchObject({
        code: 'E_REDIS_UNREACHABLE',
        message: expect.stringContaining("the folder's private server does not answer"),
      });
    } finally {
      process.kill(first.pid, 'SIGCONT');
    }
    expect((await hold()).pid).toBe(first.pid);
  });

  it('starts anew after its server was killed', async () => {
    const first = await hold();
    process.kill(first.pid, 'SIGKILL');
    await gone(first.pid);
    expect((await preflight((await hold()).url)).notes).toEqual([]);
  });

  it('is not misled by a record whose port belongs to somebody else by now', async () => {
    const first = await hold();
    await first.stop();
    const stranger = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as { port: number };
    writeFileSync(
      join(dir, 'redis/server.json'),
      JSON.stringify({ supervisor: first.pid, pid: first.pid, port }),
    );
    const second = await hold();
    expect(new URL(second.url).port).not.toBe(String(port));
    stranger.close();
  });

  it('takes over the lock of a dead process', async () => {
    const first = await hold();
    await first.stop();
    writeFileSync(join(dir, 'redis/lock'), String(first.pid));
    expect((await hold()).pid).not.toBe(first.pid);
  });
});

describe('resolveRedis', () => {
  it('takes the given URL as it is', async () => {
    const source = await resolveRedis({ url: 'redis://elsewhere', allowPrivate: true, dir });
    expect(source).toMatchObject({ url: 'redis://elsewhere', isPrivate: false });
    await source.stop();
  });

  it('starts a private one when nothing is given and it may', async () => {
    const source = await resolveRedis({ url: null, allowPrivate: true, dir });
    expect(source.isPrivate).toBe(true);
    expect(await plainClient(source.url).ping()).toBe('PONG');
    await source.stop();
    await expect(resolveRedis({ url: null, allowPrivate: false, dir })).rejects.toThrow(
      /REDIS_URL: given nothing/,
    );
  });

  it('joins one that has run in the folder, and makes none, where only that is allowed', async () => {
    const existing = () => resolveRedis({ url: null, allowPrivate: 'existing', dir });
    mkdirSync(join(dir, 'redis', 'data'), { recursive: true });
    await expect(existing()).rejects.toThrow(/REDIS_URL: given nothing, and no private Redis has run in/);
    const first = await startPrivateRedis({ dir });
    const whileItRuns = await existing();
    expect(whileItRuns.url).toBe(first.url);
    await plainClient(first.url).set('kept', 'yes');
    await Promise.all([first.stop(), whileItRuns.stop()]);
    await gone(first.pid);
    const afterwards = await existing();
    expect(await plainClient(afterwards.url).get('kept')).toBe('yes');
    await afterwards.stop();
  });

  it('says what to do on a machine without Redis', async () => {
    const path = process.env.PATH;
    process.env.PATH = join(dir, 'nothing-here');
    try {
      expect(findRedisServer()).toBeUndefined();
      const refused = resolveRedis({ url: null, allowPrivate: true, dir });
      await expect(refused).rejects.toThrow(RedisUnreachableError);
      await expect(refused).rejects.toThrow(
        /neither redis-server nor valkey-server.*ensure-redis\.sh.*REDIS_URL/,
      );
    } finally {
      process.env.PATH = path;
    }
  });
});

function pairs(list: readonly string[]): [string, string][] {
  return list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? ''] as [string, string]] : []));
}
