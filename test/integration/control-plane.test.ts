import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ControlState } from '../../src/domain/control-state.ts';
import { readAudit } from '../../src/state/audit-log.ts';
import { ControlPlane, type ControlPlaneOptions } from '../../src/state/control-plane.ts';
import { ControlRedis } from '../../src/state/control-redis.ts';
import { expectNoLeakedConnections, plainClient, redisUrl, uniqueName, waitFor } from '../support/redis.ts';

const INITIAL = { celeryRatio: 0.25, mode: 'ratio', taskRatios: { own: 0.5 } } as const;

let namespace: string;
const open: { close(): void }[] = [];

beforeEach(() => {
  namespace = uniqueName('plane');
});
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});
afterAll(() => expectNoLeakedConnections());

interface Process {
  readonly redis: ControlRedis;
  readonly plane: ControlPlane;
  /** Every state that the plane told its listeners, the present one first. */
  readonly states: ControlState[];
}

/** What one process of many has. Its poll never comes in time, unless a test says so. */
async function openProcess(change: Partial<ControlPlaneOptions> = {}): Promise<Process> {
  const redis = new ControlRedis(namespace, { url: redisUrl(), commandTimeoutMs: 5000, name: namespace });
  open.push(redis);
  const plane = await ControlPlane.open(redis, {
    initial: INITIAL,
    actor: 'test',
    pollMs: 600_000,
    ...change,
  });
  open.unshift(plane);
  const states = [plane.state];
  plane.onChange((state) => states.push(state));
  return { redis, plane, states };
}

const raw = () => plainClient();
const epochOf = (process: Process, epoch: number) =>
  waitFor(() => process.plane.state.epoch === epoch, { what: `epoch ${epoch}` });

describe('the first state', () => {
  it("is the configuration's, at epoch 1", async () => {
    const { plane, redis } = await openProcess();
    expect(plane.state).toEqual({
      epoch: 1,
      ...INITIAL,
      frozen: '',
      updatedAt: expect.any(Number),
      updatedBy: 'test',
      reason: 'first state, from the configuration',
    });
    expect(Object.isFrozen(plane.state) && Object.isFrozen(plane.state.taskRatios)).toBe(true);
    expect(await readAudit(redis, 10)).toMatchObject([{ intent: 'init', actor: 'test', before: {} }]);
  });

  it('is only for the first process: whoever comes later takes what is live', async () => {
    await openProcess();
    const other = await openProcess({ initial: { celeryRatio: 1, mode: 'flag', taskRatios: {} } });
    expect(other.plane.state).toMatchObject({ epoch: 1, ...INITIAL });
  });

  it('of many that start at once is one', async () => {
    const ratios = [0.1, 0.2, 0.3, 0.4];
    const all = await Promise.all(
      ratios.map((celeryRatio) => openProcess({ initial: { ...INITIAL, celeryRatio } })),
    );
    expect(new Set(all.map(({ plane }) => plane.state.celeryRatio)).size).toBe(1);
    expect(new Set(all.map(({ plane }) => plane.state.epoch))).toEqual(new Set([1]));
  });
});

describe('a change', () => {
  it('is acted on by every process, with one epoch more', async () => {
    const [a, b] = [await openProcess(), await openProcess()];
    const state = await a.plane.change({ settings: { celeryRatio: 0.75 }, reason: 'more' });
    expect(state).toMatchObject({ epoch: 2, celeryRatio: 0.75, mode: 'ratio', taskRatios: { own: 0.5 } });
    expect(a.plane.state).toEqual(state);
    await epochOf(b, 2);
    expect(b.states.slice(1)).toEqual([state]);
  });

  it('changes what it names and leaves the rest', async () => {
    const { plane } = await openProcess();
    await plane.change({ settings: { mode: 'flag' }, reason: 'flags' });
    await plane.change({ settings: { taskRatios: {} }, reason: 'no own' });
    expect(plane.state).toMatchObject({ epoch: 3, celeryRatio: 0.25, mode: 'flag', taskRatios: {} });
  });

  it('is in the audit log, with before, after, actor and reason', async () => {
    const { plane, redis } = await openProcess();
    await plane.change({ settings: { celeryRatio: 1 }, reason: 'all in', actor: 'somebody' });
    const [newest] = await readAudit(redis, 1);
    expect(newest).toMatchObject({
      intent: 'change',
      actor: 'somebody',
      reason: 'all in',
      before: { epoch: '1', celeryRatio: '0.25' },
      after: { epoch: '2', celeryRatio: '1', updatedBy: 'somebody' },
    });
    // The stream's own clock may have gone on by a tick.
    expect(newest?.at).toBeGreaterThanOrEqual(plane.state.updatedAt);
  });

  it('somebody else was first: refused with both epochs, nothing has changed', async () => {
    const [a, b] = [await openProcess(), await openProcess()];
    await a.plane.change({ settings: { celeryRatio: 0.5 }, reason: 'first' });
    await epochOf(b, 2);
    const late = b.plane.change({ settings: { celeryRatio: 0.9 }, reason: 'late', expectedEpoch: 1 });
    await expect(late).rejects.toMatchObject({
      code: 'E_CONTROL_CONFLICT',
      expectedEpoch: 1,
      actualEpoch: 2,
    });
    expect((await b.plane.refresh()).celeryRatio).toBe(0.5);
  });

  it("of two at once one wins, and the loser knows the winner's state", async () => {
    const [a, b] = [await openProcess(), await openProcess()];
    const both = await Promise.allSettled([
      a.plane.change({ settings: { celeryRatio: 0.1 }, reason: 'a' }),
      b.plane.change({ settings: { celeryRatio: 0.2 }, reason: 'b' }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect([a.plane.state.epoch, b.plane.state.epoch]).toEqual([2, 2]);
    expect(a.plane.state).toEqual(b.plane.state);
  });

  it('tells a listener until it has enough', async () => {
    const { plane } = await openProcess();
    const seen: [number, number][] = [];
    const stop = plane.onChange((state, before) => seen.push([before.epoch, state.epoch]));
    await plane.change({ settings: { celeryRatio: 0.1 }, reason: 'one' });
    stop();
    await plane.change({ settings: { celeryRatio: 0.2 }, reason: 'two' });
    expect(seen).toEqual([[1, 2]]);
  });
});

describe('trouble on the way to the listeners', () => {
  it('one that throws: the others hear of the change, and the problem is told', async () => {
    const problems: string[] = [];
    const onProblem = (error: Error) => problems.push(error.message);
    const [changing, hearing] = [await openProcess(), await openProcess({ onProblem })];
    hearing.plane.onChange(() => {
      throw new RangeError('a mistake of the listener');
    });
    const after: number[] = [];
    hearing.plane.onChange(({ epoch }) => after.push(epoch));
    await changing.plane.change({ settings: { celeryRatio: 0.5 }, reason: 'heard' });
    await waitFor(() => after.length === 1, { what: 'the listener after the one that throws' });
    // In the process that makes the change as well: the caller gets its answer.
    expect(await hearing.plane.freeze({ reason: 'own' })).toMatchObject({ epoch: 3 });
    expect(after).toEqual([2, 3]);
    expect(problems).toEqual(Array(2).fill('A listener to changes threw: a mistake of the listener'));
  });

  it.each(['no JSON', '{"epoch":7}', 'null', '["epoch","7","taskRatios","{"]'])(
    'the message %j is left out and told, and the next one counts',
    async (text) => {
      const problems: string[] = [];
      const { plane, redis } = await openProcess({ onProblem: (error) => problems.push(error.message) });
      const other = await openProcess();
      await raw().publish(redis.keys.controlChanged, text);
      await waitFor(() => problems.length === 1, { what: 'the problem' });
      expect(problems[0]).toContain('could not be read');
      expect(plane.state.epoch).toBe(1);
      await other.plane.change({ settings: { celeryRatio: 0.5 }, reason: 'good' });
      await waitFor(() => plane.state.epoch === 2, { what: 'the next message' });
    },
  );
});

describe('freeze and resume', () => {
  it('freeze: ratio 0 for everything, whatever the epoch', async () => {
    const [a, b] = [await openProcess(), await openProcess()];
    await a.plane.change({ settings: { celeryRatio: 1 }, reason: 'unseen by the next line, perhaps' });
    const state = await b.plane.freeze({ reason: 'burning' });
    expect(state).toMatchObject({
      epoch: 3,
      frozen: 'rollback',
      celeryRatio: 0,
      taskRatios: {},
      reason: 'burning',
    });
    await epochOf(a, 3);
  });

  it('frozen: no change gets through, also with the right epoch', async () => {
    const { plane } = await openProcess();
    await plane.freeze({ reason: 'burning' });
    const change = plane.change({
      settings: { celeryRatio: 1 },
      reason: 'no',
      expectedEpoch: plane.state.epoch,
    });
    await expect(change).rejects.toMatchObject({ code: 'E_FROZEN' });
    expect((await plane.refresh()).celeryRatio).toBe(0);
  });

  it('freezing twice and resuming twice is doing it once', async () => {
    const { plane, redis } = await openProcess();
    for (let i = 0; i < 2; i++) expect(await plane.freeze({ reason: 'f' })).toMatchObject({ epoch: 2 });
    for (let i = 0; i < 2; i++)
      expect(await plane.resume({ reason: 'r' })).toMatchObject({ epoch: 3, frozen: '' });
    expect((await readAudit(redis, 10)).map(({ intent }) => intent)).toEqual(['resume', 'freeze', 'init']);
  });

  it('resume leaves the ratio at 0 until somebody raises it', async () => {
    const { plane } = await openProcess();
    await plane.freeze({ reason: 'f' });
    expect(await plane.resume({ reason: 'r' })).toMatchObject({ celeryRatio: 0, taskRatios: {} });
    expect(await plane.change({ settings: { celeryRatio: 0.05 }, reason: 'again' })).toMatchObject({
      epoch: 4,
    });
  });

  it('the red button works on an empty Redis', async () => {
    const { plane, redis } = await openProcess();
    await raw().del(redis.keys.control);
    expect(await plane.freeze({ reason: 'f' })).toMatchObject({
      frozen: 'rollback',
      epoch: 1,
      celeryRatio: 0,
    });
    expect(await raw().hgetall(redis.keys.control)).toMatchObject({ mode: 'ratio', taskRatios: '{}' });
  });

  it('a process that starts while frozen is frozen', async () => {
    const { plane } = await openProcess();
    await plane.freeze({ reason: 'f' });
    expect((await openProcess()).plane.state).toMatchObject({ frozen: 'rollback', celeryRatio: 0 });
  });
});

describe('a message that got lost', () => {
  /** A change as another process makes it, of which nobody hears. */
  const changeInSilence = async (process: Process, epoch: number, ratio: string) =>
    raw().hset(process.redis.keys.control, 'epoch', epoch, 'celeryRatio', ratio);

  it('is made up for by the poll', async () => {
    const process = await openProcess({ pollMs: 20 });
    await changeInSilence(process, 2, '0.9');
    await epochOf(process, 2);
    expect(process.states.at(-1)).toMatchObject({ celeryRatio: 0.9 });
  });

  it('is made up for when the connection is back', async () => {
    const process = await openProcess();
    const name = `${namespace}:listener`;
    await changeInSilence(process, 2, '0.9');
    const list = String(await raw().client('LIST'));
    const id = /id=(\d+)/.exec(list.split('\n').find((line) => line.includes(` name=${name} `)) ?? '')?.[1];
    await raw().client('KILL', 'ID', Number(id));
    await epochOf(process, 2);
  });

  it('does not matter to a message that came earlier: an older state is not taken for new', async () => {
    const process = await openProcess();
    await process.plane.change({ settings: { celeryRatio: 0.9 }, reason: 'new' });
    const old = JSON.stringify(['epoch', '1', 'celeryRatio', '0.1', 'taskRatios', '{}']);
    await raw().publish(process.redis.keys.controlChanged, old);
    await process.plane.refresh();
    expect(process.plane.state).toMatchObject({ epoch: 2, celeryRatio: 0.9 });
  });
});

describe('Redis that forgets', () => {
  it('came back with an older state: believed at the second look', async () => {
    const { plane, redis, states } = await openProcess();
    const before = await raw().hgetall(redis.keys.control);
    await plane.change({ settings: { celeryRatio: 0.9 }, reason: 'lost soon' });
    await raw().hset(redis.keys.control, before);
    expect(await plane.refresh()).toMatchObject({ epoch: 2, celeryRatio: 0.9 });
    expect(await plane.refresh()).toMatchObject({ epoch: 1, celeryRatio: 0.25 });
    expect(states.map(({ epoch }) => epoch)).toEqual([1, 2, 1]);
  });

  it('came back empty: the first state is written again', async () => {
    const { plane, redis } = await openProcess();
    await plane.change({ settings: { celeryRatio: 0.9 }, reason: 'lost soon' });
    await raw().del(redis.keys.control);
    await plane.refresh();
    expect(await plane.refresh()).toMatchObject({ epoch: 1, ...INITIAL });
    expect(await raw().hget(redis.keys.control, 'epoch')).toBe('1');
  });
});

describe('the end', () => {
  it('after close nothing is heard', async () => {
    const [a, b] = [await openProcess({ pollMs: 10 }), await openProcess()];
    a.plane.close();
    await b.plane.change({ settings: { celeryRatio: 0.9 }, reason: 'unheard' });
    await a.redis.ask('a round trip', (redis) => redis.ping());
    expect(a.states).toHaveLength(1);
  });

  it('reports what goes wrong in the poll, and goes on', async () => {
    const problems: string[] = [];
    const process = await openProcess({ pollMs: 10, onProblem: (error) => problems.push(error.message) });
    const key = process.redis.keys.control;
    const good = await raw().hgetall(key);
    await raw().del(key);
    await raw().set(key, 'not a hash');
    await waitFor(() => problems.length > 0, { what: 'a problem' });
    expect(problems[0]).toContain('WRONGTYPE');
    await raw().del(key);
    await raw().hset(key, { ...good, epoch: '7' });
    await epochOf(process, 7);
  });
});
