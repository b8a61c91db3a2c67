import { afterAll, describe, expect, it } from '@jest/globals';
import { resolveConfig } from '../../src/config.ts';
import type { EnqueueRequest, TaskBackend } from '../../src/domain/task-backend.ts';
import { runDrill } from '../../src/drill/drill.ts';
import { beginOf, drillName, drillOfKey } from '../../src/drill/place.ts';
import type { DrillOptions, DrillReport } from '../../src/drill/report.ts';
import type { Connections } from '../../src/manager/connections.ts';
import {
  expectNoLeakedConnections,
  plainClient,
  redisUrl,
  startRedis,
  uniqueName,
} from '../support/redis.ts';

const LONG_MS = 90_000;
const config = resolveConfig({ redis: { url: redisUrl() } });
afterAll(() => expectNoLeakedConnections());

const drill = (options: DrillOptions = {}) => runDrill(config, { tasks: 40, ...options });
const keysOf = async ({ namespace }: DrillReport, url = redisUrl()) =>
  (await plainClient(url).keys('*')).filter((key) => key.includes(namespace));
/** What to read when a test fails. */
const story = ({ seed, steps }: DrillReport) => JSON.stringify({ seed, steps }, null, 1);

/** Stable as the rollback sees it, with another way to enqueue. */
function withEnqueue(
  c: Connections,
  enqueue: (requests: readonly EnqueueRequest[]) => readonly EnqueueRequest[],
  overrides: Partial<TaskBackend> = {},
): Connections {
  const changed: Partial<TaskBackend> = {
    ...overrides,
    enqueue: async (requests) => {
      await c.stable.enqueue(enqueue(requests));
      return requests.map(() => ({ status: 'added' as const }));
    },
  };
  const stable = new Proxy(c.stable, {
    get(target, name) {
      const own = Reflect.get(changed, name);
      if (own !== undefined) return own;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { ...c, stable };
}

describe('a drill on a healthy Redis', () => {
  it.concurrent(
    'passes, with tasks of every state, and leaves no key',
    async () => {
      const seen: string[] = [];
      const report = await drill({ onStep: ({ name, status }) => void seen.push(`${name} ${status}`) });
      expect([report.verdict, report.reasons, story(report)]).toEqual(['passed', [], story(report)]);
      expect(seen).toEqual(report.steps.map(({ name }) => `${name} passed`));
      expect(seen).toHaveLength(10);
      expect(Object.keys(report.tasks)).toHaveLength(13);
      expect(report.rollback?.status).toBe('completed');
      expect(report.keys?.removed).toBeGreaterThan(100);
      expect(await keysOf(report)).toEqual([]);
    },
    LONG_MS,
  );

  it.concurrent(
    'passes with canary on another server, which cannot be reached during the rollback',
    async () => {
      const other = await startRedis();
      const apart = resolveConfig({ redis: { url: redisUrl() }, canary: { redisUrl: other.url } });
      const report = await runDrill(apart, { tasks: 40, canaryDown: true });
      expect([report.verdict, report.reasons, story(report)]).toEqual(['passed', [], story(report)]);
      expect(report.rollback?.notes.join()).toContain('BullMQ did not answer');
      expect(await keysOf(report)).toEqual([]);
      expect(await plainClient(other.url).dbsize()).toBe(0);
    },
    LONG_MS,
  );
});

describe('the verdict can be failed', () => {
  it.concurrent(
    'by a rollback that drops a task',
    async () => {
      let dropped = '';
      const report = await drill({
        sabotage: (c) =>
          withEnqueue(
            c,
            (requests) => {
              if (dropped === '') dropped = requests.find(({ dueAt }) => dueAt === null)?.id ?? '';
              return requests.filter(({ id }) => id !== dropped);
            },
            { has: async (_queue, ids) => ids.map(() => 'live' as const) },
          ),
      });
      expect(report.verdict).toBe('failed');
      expect(report.reasons.join('\n')).toMatch(new RegExp(`stable runs it: ${dropped} .* did not end`));
      expect(report.reasons.join('\n')).toMatch(
        new RegExp(`runs counted: ${dropped} .* ran never; it should once`),
      );
      expect(report.reasons.join('\n')).toContain('1 moved');
      expect(await keysOf(report)).toEqual([]);
    },
    LONG_MS,
  );

  it.concurrent(
    'by a rollback that forgets when a task is due',
    async () => {
      const report = await drill({
        sabotage: (c) => withEnqueue(c, (requests) => requests.map((r) => ({ ...r, dueAt: null }))),
      });
      expect(report.verdict).toBe('failed');
      expect(report.reasons.join('\n')).toMatch(/\(in an hour\) ran \d+ ms before it was due/);
      expect(report.reasons.join('\n')).toMatch(/\(in an hour\) is not in the delayed set of bee-queue/);
      expect(report.reasons.join('\n')).toMatch(/\(in an hour\) ran once \(stable\); it should never/);
    },
    LONG_MS,
  );

  it.concurrent(
    'by something that is accepted for canary after the freeze',
    async () => {
      const report = await drill({
        sabotage: (c) => {
          void c.control.ask('accept in secret', (redis) =>
            redis.hincrby(c.control.keys.counts, 'accepted', 1),
          );
          return c;
        },
      });
      expect(report.verdict).toBe('failed');
      expect(report.reasons).toContain('rollback: The ledger accepted 1 tasks for canary after the freeze.');
      expect(report.reasons.join('\n')).toContain('ledger: The ledger does not add up');
    },
    LONG_MS,
  );

  it.concurrent(
    'by a second execution',
    async () => {
      let twice: EnqueueRequest | undefined;
      const report = await drill({
        sabotage: (c) =>
          withEnqueue(c, (requests) => {
            const first = requests.find(({ dueAt }) => dueAt === null);
            if (!twice && first) {
              twice = first;
              void runAgain(c, first);
            }
            return requests;
          }),
      });
      expect(report.verdict).toBe('failed');
      expect(report.reasons.join('\n')).toMatch(
        new RegExp(`runs counted: ${twice?.id} .* ran 2 times \\(stable, stable\\); it should once`),
      );
    },
    LONG_MS,
  );
});

/** Takes away what says that it ran, and puts it into its plain queue. */
async function runAgain(c: Connections, request: EnqueueRequest): Promise<void> {
  const { id, queue } = request;
  await c.outcomes.wait(id, 30_000);
  await c.control.ask('forget', (redis) => redis.del(c.control.keys.outcome(id)));
  await c.stable.enqueue([{ ...request, queue: queue.replace('.moved', ''), mark: null }]);
}

describe('the clean-up', () => {
  it.concurrent(
    'leaves no key when the drill is interrupted in the middle',
    async () => {
      const stop = new AbortController();
      const report = await drill({
        signal: stop.signal,
        onStep: ({ name }) => {
          if (name === 'red button') stop.abort();
        },
      });
      expect(report).toMatchObject({
        verdict: 'failed',
        isInterrupted: true,
        reasons: ['rollback: Interrupted.'],
      });
      expect(report.steps.map(({ status }) => status)).toEqual([
        'passed',
        'passed',
        'passed',
        'failed',
        ...Array(5).fill('skipped'),
        'passed',
      ]);
      expect(await keysOf(report)).toEqual([]);
    },
    LONG_MS,
  );

  it.concurrent(
    'takes what a killed drill left more than an hour ago, and nothing else',
    async () => {
      const [old, young] = [drillName(new Date(Date.now() - 3_700_000)), drillName()];
      const team = uniqueName('team');
      const gone = [`{${old}}:control`, `${old}-bq:drill-run:jobs`, `${old}-bull:drill-run:meta`];
      const stays = [
        `{${young}}:control`,
        `${young}-bq:drill-run:jobs`,
        `${team}:${old}-bq:jobs`,
        `{drill-${team}}:control`,
        `drill-${team}-bq:jobs`,
        `${old}:mine`,
      ];
      // A server of its own: another test's drill would find them, too.
      const { url } = await startRedis();
      const redis = plainClient(url);
      for (const key of [...gone, ...stays]) await redis.set(key, 'x');
      const report = await runDrill(resolveConfig({ redis: { url } }), { tasks: 20 });
      expect(report.keys).toMatchObject({ leftOvers: gone.length, remaining: 0 });
      expect((await redis.keys('*')).sort()).toEqual(stays.sort());
      expect(await redis.mget(stays)).toEqual(stays.map(() => 'x'));
    },
    LONG_MS,
  );

  it('knows its own keys by their exact form', () => {
    const name = drillName(new Date('2026-11-21T22:15:31.500Z'));
    expect(name).toMatch(/^drill-20261121T221531-[0-9a-f]{8}$/);
    expect(beginOf(name)).toBe(Date.parse('2026-11-21T22:15:31Z'));
    expect(drillOfKey(`{${name}}:task:1`)).toBe(name);
    expect(drillOfKey(`${name}-bq:q:jobs`)).toBe(name);
    expect(drillOfKey(`${name}-bull:q:1`)).toBe(name);
    for (const foreign of [
      `${name}:q`,
      `{${name}-x}:q`,
      `bq:${name}-bq:q`,
      `{drill-shop}:control`,
      'drill-bq:q',
    ])
      expect(drillOfKey(foreign)).toBeNull();
  });
});

it('says at once that a Redis does not answer, and makes nothing', async () => {
  const dead = resolveConfig({ redis: { url: redisUrl() }, canary: { redisUrl: 'redis://127.0.0.1:1' } });
  const report = await runDrill(dead);
  expect(report.reasons).toEqual([expect.stringMatching(/^preflight: .*127\.0\.0\.1:1.*connection refused/)]);
  expect(report.steps.slice(1).every(({ status }) => status === 'skipped')).toBe(true);
});

it('refuses a number of tasks that makes no sense', async () => {
  for (const tasks of [0, 19, 2001, 20.5])
    await expect(drill({ tasks })).rejects.toThrow(
      /tasks: given .*; allowed: a whole number from 20 to 2000/,
    );
});
