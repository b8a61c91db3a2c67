import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jobId } from '../support/job-requests.ts';
import {
  ENTRY_TTL_SECONDS,
  FAILURE_TTL_SECONDS,
  LedgerBench,
  MAX_LOSSES,
  RESULT_TTL_SECONDS,
} from '../support/ledger-bench.ts';
import { expectNoLeakedConnections } from '../support/redis.ts';

let bench: LedgerBench;

beforeEach(async () => {
  bench = await LedgerBench.open();
});
afterEach(async () => {
  await bench.expectConserved();
  bench.close();
});
afterAll(() => expectNoLeakedConnections());

const counts = () => bench.ledger.counts();
const heard = async (channel: string): Promise<string[]> => {
  const messages: string[] = [];
  await bench.redis.listen(channel, (message) => messages.push(message));
  return messages;
};

describe('accept', () => {
  it('makes an open entry of canary', async () => {
    const request = bench.request({ spec: bench.spec({ dueAt: 1_800_000_000_000, priority: 3 }) });
    const answer = await bench.ledger.accept(request);
    expect(answer).toEqual({ status: 'accepted', acceptedAt: expect.any(Number) });
    expect(await bench.entry(request.id)).toEqual({
      id: request.id,
      owner: 'canary',
      state: 'accepted',
      spec: request.spec,
      payload: '{"n":1}',
      attempt: 0,
      failures: 0,
      losses: 0,
      worker: null,
      cancelRequested: false,
      acceptedAt: answer.status === 'accepted' ? answer.acceptedAt : 0,
      startedAt: null,
      finishedAt: null,
      movedAt: null,
      dueAt: 1_800_000_000_000,
    });
    expect(await counts()).toMatchObject({ accepted: 1, openCanary: 1, openMoved: 0 });
    expect(await bench.raw.ttl(bench.redis.keys.task(request.id))).toBe(-1);
  });

  it('a known id: duplicate, with its owner; the first payload stays', async () => {
    const request = bench.request();
    await bench.ledger.accept(request);
    const before = await bench.snapshot();
    const again = await bench.ledger.accept({ ...request, payload: '{"n":2}', epoch: 99 });
    expect(again).toMatchObject({ status: 'duplicate', owner: 'canary' });
    expect(await bench.snapshot()).toEqual(before);
  });

  it('a producer whose answer was lost learns of its own success, frozen or moved or not', async () => {
    const request = bench.request();
    await bench.ledger.accept(request);
    await bench.freeze();
    expect(await bench.ledger.accept(request)).toMatchObject({ status: 'duplicate', owner: 'canary' });
    await bench.ledger.reassign([request.id]);
    expect(await bench.ledger.accept(request)).toMatchObject({ status: 'duplicate', owner: 'stable' });
  });

  it('frozen: stale', async () => {
    await bench.freeze();
    expect(await bench.twice(() => bench.ledger.accept(bench.request()))).toEqual({ status: 'stale' });
    expect(await counts()).toMatchObject({ accepted: 0 });
  });

  it.each([-1, 1])('decided in another epoch (%i): stale', async (offset) => {
    const { epoch } = bench.plane.state;
    const request = bench.request({ epoch: epoch + offset });
    expect(await bench.twice(() => bench.ledger.accept(request))).toEqual({ status: 'stale' });
  });

  it('frozen and resumed meanwhile: stale, because the epoch is another one', async () => {
    const request = bench.request();
    await bench.freeze();
    await bench.resume();
    expect(await bench.ledger.accept(request)).toEqual({ status: 'stale' });
    expect(await bench.ledger.accept({ ...request, epoch: bench.plane.state.epoch })).toMatchObject({
      status: 'accepted',
    });
  });

  it('no control state at all: stale', async () => {
    const request = bench.request();
    await bench.raw.del(bench.redis.keys.control);
    expect(await bench.ledger.accept(request)).toEqual({ status: 'stale' });
  });

  it('claims an idempotency key in the same step', async () => {
    const key = { hash: 'hash', ttlSeconds: 100 };
    const first = await bench.accepted({ key });
    expect(await bench.raw.hgetall(bench.redis.keys.key('hash'))).toEqual({
      id: first,
      owner: 'canary',
      confirmed: '1',
    });
    expect(await bench.raw.ttl(bench.redis.keys.key('hash'))).toBeGreaterThan(90);
    const second = bench.request({ key });
    expect(await bench.twice(() => bench.ledger.accept(second))).toEqual({
      status: 'key',
      id: first,
      owner: 'canary',
      confirmed: true,
    });
    expect(await bench.entry(second.id)).toBeNull();
  });

  it('a key that stable claimed and never confirmed', async () => {
    await bench.redis.run('claim-key', ['hash', 'task-of-stable', 100]);
    const request = bench.request({ key: { hash: 'hash', ttlSeconds: 100 } });
    expect(await bench.ledger.accept(request)).toEqual({
      status: 'key',
      id: 'task-of-stable',
      owner: 'stable',
      confirmed: false,
    });
  });

  it('a stale submission claims no key', async () => {
    await bench.freeze();
    await bench.ledger.accept(bench.request({ key: { hash: 'hash', ttlSeconds: 100 } }));
    expect(await bench.raw.exists(bench.redis.keys.key('hash'))).toBe(0);
  });

  it('a batch: each its own answer, in order, also where ids and keys repeat inside it', async () => {
    const key = { hash: 'hash', ttlSeconds: 100 };
    const [a, b, c] = [bench.request(), bench.request({ key }), bench.request({ key })];
    const stale = bench.request({ epoch: 0 });
    const answers = await Promise.all([a, a, stale, b, c].map((r) => bench.ledger.accept(r)));
    expect(answers.map(({ status }) => status)).toEqual([
      'accepted',
      'duplicate',
      'stale',
      'accepted',
      'key',
    ]);
    expect(await counts()).toMatchObject({ accepted: 2, openCanary: 2 });
  });

  it('more than fit in one batch', async () => {
    const requests = Array.from({ length: 450 }, () => bench.request());
    const answers = await Promise.all(requests.map((r) => bench.ledger.accept(r)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['accepted']));
    expect(await counts()).toMatchObject({ accepted: 450, openCanary: 450 });
  });
});

describe('start', () => {
  it('grants an accepted task, and the same again to the same delivery', async () => {
    const id = await bench.accepted();
    expect(await bench.twice(() => bench.start(id))).toEqual({ status: 'granted', attempt: 1, failures: 0 });
    expect(await bench.entry(id)).toMatchObject({ state: 'running', worker: 'worker-1', attempt: 1 });
  });

  it('renews the heartbeat in the same step, and makes one that ran out', async () => {
    const id = await bench.accepted();
    await bench.start(id);
    expect(await bench.raw.pttl(bench.redis.keys.worker('worker-1'))).toBeGreaterThan(50_000);
    await bench.raw.set(bench.redis.keys.worker('worker-1'), '{"pid":1}', 'PX', 1000);
    await bench.start(id);
    expect(await bench.raw.get(bench.redis.keys.worker('worker-1'))).toBe('{"pid":1}');
    expect(await bench.raw.pttl(bench.redis.keys.worker('worker-1'))).toBeGreaterThan(50_000);
  });

  it("no entry: absent, with the ledger's clock", async () => {
    const answer = await bench.start(jobId());
    expect(answer).toEqual({ status: 'absent', now: expect.any(Number) });
  });

  it('running under another live worker: busy', async () => {
    const id = await bench.running();
    expect(await bench.twice(() => bench.start(id, 'worker-2', 'token-2'))).toEqual({ status: 'busy' });
    expect(await bench.entry(id)).toMatchObject({ worker: 'worker-1', attempt: 1, losses: 0 });
  });

  it('its worker is dead: granted to another, counted as a loss', async () => {
    const id = await bench.running();
    await bench.kill('worker-1');
    expect(await bench.start(id, 'worker-2', 'token-2')).toEqual({
      status: 'granted',
      attempt: 2,
      failures: 0,
    });
    expect(await bench.entry(id)).toMatchObject({ worker: 'worker-2', losses: 1 });
  });

  it('delivered again to the worker that has it: granted under the new token, counted as a loss', async () => {
    const id = await bench.running();
    expect(await bench.start(id, 'worker-1', 'token-2')).toMatchObject({ status: 'granted', attempt: 2 });
    expect(await bench.finish(id, 'token-1')).toBe('fenced');
    expect(await bench.finish(id, 'token-2')).toBe('recorded');
  });

  it('lost once too often: parked, with a failure as its outcome', async () => {
    const id = await bench.running('worker-0', 'token-0');
    for (let n = 1; n <= MAX_LOSSES; n++) {
      await bench.kill(`worker-${n - 1}`);
      expect(await bench.start(id, `worker-${n}`, `token-${n}`)).toMatchObject({ status: 'granted' });
    }
    await bench.kill(`worker-${MAX_LOSSES}`);
    expect(await bench.start(id, 'worker-last', 'token-last')).toEqual({ status: 'skip', why: 'parked' });
    expect(await bench.entry(id)).toMatchObject({ state: 'failed', losses: MAX_LOSSES + 1, payload: null });
    expect(await bench.storedOutcome(id)).toMatchObject({
      id,
      task: 'test-task',
      status: 'failed',
      error: { code: 'E_POISON_TASK', name: 'PoisonTaskError' },
    });
    expect(await bench.raw.ttl(bench.redis.keys.outcome(id))).toBeGreaterThan(FAILURE_TTL_SECONDS - 10);
    expect([await bench.ledger.parked(10), await bench.ledger.countParked()]).toEqual([[id], 1]);
    expect(await counts()).toMatchObject({ failed: 1, openCanary: 0 });
    expect(await bench.start(id, 'worker-3', 'token-3')).toEqual({ status: 'skip', why: 'finished' });
    // The last run that was granted wakes up: it has lost the task.
    expect(await bench.finish(id, `token-${MAX_LOSSES}`)).toBe('fenced');
    expect(await bench.storedOutcome(id)).toMatchObject({ status: 'failed' });
  });

  it('parked without an outcome, where the task stores none', async () => {
    const id = await bench.running();
    for (let n = 2; n < MAX_LOSSES + 2; n++) await bench.start(id, 'worker-1', `token-${n}`);
    const request = { id, token: 'last', failureTtlSeconds: 0 };
    expect(await bench.ledger.start('canary', bench.lease('worker-1'), request)).toEqual({
      status: 'skip',
      why: 'parked',
    });
    expect(await bench.storedOutcome(id)).toBeNull();
  });

  it('owned by stable: skip on canary, granted on stable', async () => {
    const id = await bench.accepted();
    await bench.ledger.reassign([id]);
    expect(await bench.twice(() => bench.start(id))).toEqual({ status: 'skip', why: 'moved' });
    expect(await bench.start(id, 'worker-1', 'token-2', 'stable')).toMatchObject({ status: 'granted' });
  });

  it('owned by canary: skip on stable', async () => {
    const id = await bench.accepted();
    expect(await bench.start(id, 'worker-1', 'token-1', 'stable')).toEqual({ status: 'skip', why: 'moved' });
  });

  it('finished: skip, also to the run that finished it', async () => {
    const id = await bench.running();
    await bench.finish(id);
    expect(await bench.twice(() => bench.start(id))).toEqual({ status: 'skip', why: 'finished' });
    expect(await bench.start(id, 'worker-2', 'token-2')).toEqual({ status: 'skip', why: 'finished' });
  });

  it('cancelled while its worker was dying: becomes cancelled, skip', async () => {
    const id = await bench.running();
    await bench.ledger.cancel(id);
    await bench.kill('worker-1');
    expect(await bench.start(id, 'worker-2', 'token-2')).toEqual({ status: 'skip', why: 'cancelled' });
    expect(await bench.entry(id)).toMatchObject({ state: 'cancelled', attempt: 1 });
    expect(await bench.storedOutcome(id)).toMatchObject({ status: 'cancelled', attempts: 1 });
    expect(await bench.finish(id)).toBe('fenced');
  });

  it('counts failures for whoever decides about another try', async () => {
    const id = await bench.running();
    await bench.retry(id);
    expect(await bench.start(id, 'worker-1', 'token-2')).toEqual({
      status: 'granted',
      attempt: 2,
      failures: 1,
    });
  });
});

describe('finish', () => {
  it.each(['succeeded', 'failed'] as const)('%s: state, counts, outcome and announcement', async (state) => {
    const id = await bench.running();
    const messages = await heard(bench.redis.keys.outcomeChannel(id));
    expect(await bench.twice(() => bench.finish(id, 'token-1', state))).toBe('recorded');
    expect(await bench.entry(id)).toMatchObject({ state, payload: null, finishedAt: expect.any(Number) });
    expect(await bench.storedOutcome(id)).toEqual(bench.outcome(id, { status: state, value: 'token-1' }));
    expect(await counts()).toMatchObject({ accepted: 1, [state]: 1, openCanary: 0 });
    expect(await bench.raw.ttl(bench.redis.keys.outcome(id))).toBeGreaterThan(RESULT_TTL_SECONDS - 10);
    expect(await bench.raw.ttl(bench.redis.keys.task(id))).toBeGreaterThan(ENTRY_TTL_SECONDS - 10);
    await bench.redis.ask('a round trip', (redis) => redis.ping());
    expect(messages).toEqual([id]);
  });

  it('a task that moved is counted as moved', async () => {
    for (const state of ['succeeded', 'failed'] as const) {
      const id = await bench.accepted();
      await bench.ledger.reassign([id]);
      await bench.start(id, 'worker-1', 'token-1', 'stable');
      expect(await bench.finish(id, 'token-1', state, 'stable')).toBe('recorded');
    }
    expect(await counts()).toMatchObject({ reassigned: 2, movedSucceeded: 1, movedFailed: 1, openMoved: 0 });
  });

  it('another token: fenced, the outcome is dropped', async () => {
    const id = await bench.running();
    expect(await bench.twice(() => bench.finish(id, 'token-0'))).toBe('fenced');
    expect(await bench.entry(id)).toMatchObject({ state: 'running' });
    expect(await bench.storedOutcome(id)).toBeNull();
  });

  it.each([
    ['accepted', () => bench.accepted()],
    [
      'retrying',
      async () => {
        const id = await bench.running();
        await bench.retry(id);
        return id;
      },
    ],
  ])('not running (%s): fenced', async (_, prepare) => {
    const id = await prepare();
    expect(await bench.finish(id)).toBe('fenced');
  });

  it('the run of a dead worker whose task moved: fenced', async () => {
    const id = await bench.running();
    await bench.kill('worker-1');
    await bench.ledger.reassign([id]);
    expect(await bench.finish(id)).toBe('fenced');
    await bench.start(id, 'worker-2', 'token-2', 'stable');
    expect(await bench.finish(id)).toBe('fenced');
    expect(await bench.finish(id, 'token-2', 'succeeded', 'stable')).toBe('recorded');
    expect(await bench.storedOutcome(id)).toMatchObject({ value: 'token-2', backend: 'stable' });
  });

  it('without an outcome to store: everything else is the same', async () => {
    const id = await bench.running();
    const request = { id, token: 'token-1', backend: 'canary', state: 'succeeded', outcome: null } as const;
    const ttl = { outcomeTtlSeconds: 1, entryTtlSeconds: 1 };
    expect(await bench.ledger.finish({ ...request, ...ttl })).toBe('recorded');
    expect(await bench.storedOutcome(id)).toBeNull();
    expect(await counts()).toMatchObject({ succeeded: 1 });
  });

  it.each(['canary', 'stable'] as const)(
    'Redis lost the entry while it ran on %s: recorded once',
    async (backend) => {
      const id = jobId();
      expect(await bench.twice(() => bench.finish(id, 'token-1', 'succeeded', backend))).toBe('recorded');
      expect(await bench.storedOutcome(id)).toMatchObject({ status: 'succeeded' });
      expect(await counts()).toMatchObject(
        backend === 'canary'
          ? { accepted: 1, succeeded: 1, reassigned: 0 }
          : { accepted: 1, succeeded: 0, reassigned: 1, movedSucceeded: 1 },
      );
      expect(await bench.finish(id, 'token-2', 'failed', backend)).toBe('fenced');
    },
  );

  it('the entry is gone and an outcome is there: fenced', async () => {
    const id = await bench.running();
    await bench.finish(id);
    await bench.raw.del(bench.redis.keys.task(id));
    expect(await bench.finish(id, 'token-9', 'failed')).toBe('fenced');
    expect(await bench.storedOutcome(id)).toMatchObject({ value: 'token-1' });
  });

  it('a batch: each its own answer', async () => {
    const [a, b] = [await bench.running(), await bench.running('worker-1', 'token-b')];
    expect(await Promise.all([bench.finish(a), bench.finish(b), bench.finish(a)])).toEqual([
      'recorded',
      'fenced',
      'recorded',
    ]);
  });
});

describe('retry', () => {
  it('waits for its next try, with one failure more', async () => {
    const id = await bench.running();
    expect(await bench.twice(() => bench.retry(id))).toEqual({ status: 'retrying' });
    expect(await bench.entry(id)).toMatchObject({
      state: 'retrying',
      failures: 1,
      worker: null,
      dueAt: 1_763_750_009_999,
    });
    expect(await counts()).toMatchObject({ openCanary: 1 });
  });

  it('free: an abort costs no try', async () => {
    const id = await bench.running();
    await bench.twice(() => bench.retry(id, 'token-1', true));
    expect(await bench.entry(id)).toMatchObject({ state: 'retrying', failures: 0 });
  });

  it('another token: fenced', async () => {
    const id = await bench.running();
    expect(await bench.twice(() => bench.retry(id, 'token-0'))).toEqual({ status: 'fenced' });
    expect(await bench.entry(id)).toMatchObject({ state: 'running', failures: 0 });
  });

  it('asked again after the next run has begun: fenced, and that run goes on', async () => {
    const id = await bench.running();
    await bench.retry(id);
    await bench.start(id, 'worker-1', 'token-2');
    expect(await bench.retry(id)).toEqual({ status: 'fenced' });
    expect(await bench.finish(id, 'token-2')).toBe('recorded');
  });

  it('finished: fenced', async () => {
    const id = await bench.running();
    await bench.finish(id);
    expect(await bench.twice(() => bench.retry(id))).toEqual({ status: 'fenced' });
  });

  it('cancel requested: cancelled', async () => {
    const id = await bench.running();
    await bench.ledger.cancel(id);
    expect(await bench.retry(id)).toEqual({ status: 'cancelled' });
    expect(await bench.entry(id)).toMatchObject({ state: 'cancelled', cancelRequested: false });
    expect(await bench.storedOutcome(id)).toMatchObject({
      status: 'cancelled',
      backend: 'canary',
      attempts: 1,
    });
    expect(await counts()).toMatchObject({ cancelled: 1, openCanary: 0 });
    expect(await bench.finish(id)).toBe('fenced');
  });

  it('frozen: reassigned in the same step, and told again if the answer was lost', async () => {
    const id = await bench.running();
    await bench.freeze();
    const answer = await bench.twice(() => bench.retry(id));
    expect(answer).toMatchObject({
      status: 'moved',
      task: { id, payload: '{"n":1}', dueAt: 1_763_750_009_999, failures: 1, spec: { task: 'test-task' } },
    });
    expect(await bench.entry(id)).toMatchObject({
      owner: 'stable',
      state: 'accepted',
      failures: 1,
      worker: null,
    });
    expect(await counts()).toMatchObject({ reassigned: 1, openCanary: 0, openMoved: 1 });
  });

  it("frozen, and it is stable's already: retrying there", async () => {
    const id = await bench.accepted();
    await bench.ledger.reassign([id]);
    await bench.freeze();
    await bench.start(id, 'worker-1', 'token-1', 'stable');
    expect(await bench.twice(() => bench.retry(id))).toEqual({ status: 'retrying' });
    expect(await counts()).toMatchObject({ reassigned: 1, openMoved: 1 });
  });

  it('moved by rollback while it waited: the answer to the same question is no longer "moved by you"', async () => {
    const id = await bench.running();
    await bench.retry(id);
    await bench.ledger.reassign([id]);
    expect(await bench.retry(id)).toEqual({ status: 'retrying' });
  });

  it('Redis lost the control state: that is no freeze', async () => {
    const id = await bench.running();
    await bench.raw.del(bench.redis.keys.control);
    expect(await bench.retry(id)).toEqual({ status: 'retrying' });
  });

  it('Redis lost the entry: retrying, so that its redelivery adopts it', async () => {
    expect(await bench.twice(() => bench.retry(jobId()))).toEqual({ status: 'retrying' });
  });
});

describe('cancel', () => {
  it.each([
    ['accepted', async () => bench.accepted(), { attempts: 0 }],
    [
      'retrying',
      async () => {
        const id = await bench.running();
        await bench.retry(id);
        return id;
      },
      { attempts: 1 },
    ],
  ])('%s: at once', async (_, prepare, outcome) => {
    const id = await prepare();
    const messages = await heard(bench.redis.keys.outcomeChannel(id));
    expect(await bench.ledger.cancel(id)).toBe('cancelled');
    expect(await bench.entry(id)).toMatchObject({ state: 'cancelled', payload: null });
    expect(await bench.storedOutcome(id)).toMatchObject({
      id,
      task: 'test-task',
      status: 'cancelled',
      ...outcome,
    });
    expect(await counts()).toMatchObject({ cancelled: 1, openCanary: 0 });
    expect(await bench.twice(() => bench.ledger.cancel(id))).toBe('finished');
    await bench.redis.ask('a round trip', (redis) => redis.ping());
    expect(messages).toEqual([id]);
  });

  it('moved: counted as moved', async () => {
    const id = await bench.accepted();
    await bench.ledger.reassign([id]);
    expect(await bench.ledger.cancel(id)).toBe('cancelled');
    expect(await bench.storedOutcome(id)).toMatchObject({ backend: 'stable', status: 'cancelled' });
    expect(await counts()).toMatchObject({ cancelled: 0, movedCancelled: 1, openMoved: 0 });
  });

  it('running: asked, through the cancel channel, as often as somebody asks', async () => {
    const id = await bench.running();
    const messages = await heard(bench.redis.keys.cancelChannel);
    expect(await bench.twice(() => bench.ledger.cancel(id))).toBe('requested');
    expect(await bench.entry(id)).toMatchObject({ state: 'running', cancelRequested: true });
    await bench.redis.ask('a round trip', (redis) => redis.ping());
    expect(messages).toEqual([id, id]);
  });

  it('asked, but the run succeeds: succeeded', async () => {
    const id = await bench.running();
    await bench.ledger.cancel(id);
    expect(await bench.finish(id)).toBe('recorded');
    expect(await bench.entry(id)).toMatchObject({ state: 'succeeded', cancelRequested: false });
  });

  it('finished or unknown', async () => {
    const id = await bench.running();
    await bench.finish(id);
    expect(await bench.twice(() => bench.ledger.cancel(id))).toBe('finished');
    expect(await bench.twice(() => bench.ledger.cancel(jobId()))).toBe('absent');
  });
});

describe('reassign', () => {
  it("accepted: stable's from now on, with everything needed to enqueue it", async () => {
    const spec = bench.spec({ dueAt: 1_800_000_000_000 });
    const id = await bench.accepted({ spec });
    const [answer] = await bench.ledger.reassign([id]);
    expect(answer).toEqual({
      status: 'moved',
      task: {
        id,
        spec,
        payload: '{"n":1}',
        acceptedAt: (await bench.entry(id))?.acceptedAt,
        dueAt: 1_800_000_000_000,
        failures: 0,
      },
    });
    expect(await bench.entry(id)).toMatchObject({
      owner: 'stable',
      state: 'accepted',
      movedAt: expect.any(Number),
    });
    expect(await counts()).toMatchObject({ accepted: 1, reassigned: 1, openCanary: 0, openMoved: 1 });
  });

  it('retrying: with its due time and its failures', async () => {
    const id = await bench.running();
    await bench.retry(id);
    const [answer] = await bench.ledger.reassign([id]);
    expect(answer).toMatchObject({ status: 'moved', task: { dueAt: 1_763_750_009_999, failures: 1 } });
  });

  it('running under a live worker: left', async () => {
    const id = await bench.running();
    expect(await bench.twice(() => bench.ledger.reassign([id]))).toEqual([
      { status: 'left', owner: 'canary', state: 'running' },
    ]);
  });

  it('running under a dead worker: moved, and the old run is fenced', async () => {
    const id = await bench.running();
    await bench.kill('worker-1');
    expect(await bench.ledger.reassign([id])).toMatchObject([{ status: 'moved' }]);
    expect([await bench.finish(id), (await bench.retry(id)).status]).toEqual(['fenced', 'fenced']);
  });

  it('a cancel was requested: cancelled', async () => {
    const id = await bench.running();
    await bench.ledger.cancel(id);
    await bench.kill('worker-1');
    expect(await bench.ledger.reassign([id])).toEqual([{ status: 'cancelled' }]);
    expect(await counts()).toMatchObject({ cancelled: 1, reassigned: 0 });
    expect(await bench.finish(id)).toBe('fenced');
    expect(await bench.storedOutcome(id)).toMatchObject({ status: 'cancelled' });
  });

  it('moved already, finished, unknown: left as it is', async () => {
    const [moved, finished] = [await bench.accepted(), await bench.running()];
    await bench.ledger.reassign([moved]);
    await bench.finish(finished);
    expect(await bench.twice(() => bench.ledger.reassign([moved, finished, jobId()]))).toEqual([
      { status: 'left', owner: 'stable', state: 'accepted' },
      { status: 'left', owner: 'canary', state: 'succeeded' },
      { status: 'absent' },
    ]);
  });

  it('needs no freeze: a producer whose add failed uses it, too', async () => {
    const ids = [await bench.accepted(), await bench.accepted()];
    const answers = await bench.ledger.reassign(ids);
    expect(answers.map(({ status }) => status)).toEqual(['moved', 'moved']);
  });
});

describe('adopt', () => {
  const adopted = (id: string, backend: 'stable' | 'canary') =>
    bench.ledger.adopt(backend, id, {
      spec: bench.spec(),
      payload: '{"n":1}',
      acceptedAt: 1_763_750_000_123,
      entryTtlSeconds: ENTRY_TTL_SECONDS,
    });

  it('writes the entry again, for the backend that delivered the job', async () => {
    const id = jobId();
    await bench.twice(() => adopted(id, 'canary'));
    expect(await bench.entry(id)).toMatchObject({
      owner: 'canary',
      state: 'accepted',
      payload: '{"n":1}',
      acceptedAt: 1_763_750_000_123,
    });
    expect(await counts()).toMatchObject({ accepted: 1, openCanary: 1 });
    expect(await bench.start(id)).toMatchObject({ status: 'granted', attempt: 1 });
  });

  it("from stable's moved queue: moved", async () => {
    const id = jobId();
    await bench.twice(() => adopted(id, 'stable'));
    expect(await bench.entry(id)).toMatchObject({ owner: 'stable' });
    expect(await counts()).toMatchObject({ accepted: 1, reassigned: 1, openCanary: 0, openMoved: 1 });
  });

  it("frozen: nothing is canary's, the janitor puts it into stable's queue", async () => {
    const id = jobId();
    await bench.freeze();
    await bench.twice(() => adopted(id, 'canary'));
    expect(await bench.entry(id)).toMatchObject({ owner: 'stable' });
    expect(await bench.start(id)).toEqual({ status: 'skip', why: 'moved' });
  });

  it('its outcome was recorded before the entry was lost: it does not run again', async () => {
    const id = await bench.running();
    await bench.finish(id);
    await bench.raw.del(bench.redis.keys.task(id));
    await adopted(id, 'canary');
    expect(await bench.start(id, 'worker-2', 'token-2')).toEqual({ status: 'skip', why: 'finished' });
    expect(await bench.entry(id)).toMatchObject({ state: 'succeeded' });
    expect(await bench.finish(id, 'token-2', 'failed')).toBe('fenced');
    expect(await bench.storedOutcome(id)).toMatchObject({ status: 'succeeded', value: 'token-1' });
  });

  it.each([
    'no JSON',
    '7',
    '"text"',
    '{"status":"done"}',
    '{"status":null}',
    '{"id":"x","status":"succeeded"}',
  ])('nor where somebody has overwritten it: %s', async (text) => {
    const id = await bench.running();
    await bench.finish(id);
    await bench.raw.del(bench.redis.keys.task(id));
    await bench.raw.set(bench.redis.keys.outcome(id), text);
    await adopted(id, 'canary');
    expect(await bench.start(id, 'worker-2', 'token-2')).toEqual({ status: 'skip', why: 'finished' });
    expect(await bench.entry(id)).toMatchObject({ state: 'failed' });
    const { accepted, succeeded, failed, openCanary } = await bench.ledger.counts();
    expect({ accepted, succeeded, failed, openCanary }).toEqual({
      accepted: 2,
      succeeded: 1,
      failed: 1,
      openCanary: 0,
    });
  });

  it('a known entry stays', async () => {
    const id = await bench.running();
    const before = await bench.snapshot();
    await adopted(id, 'stable');
    expect(await bench.snapshot()).toEqual(before);
  });
});

describe('what the janitor asks', () => {
  it('walks the open tasks of each owner', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => bench.accepted()));
    await bench.ledger.reassign(ids.slice(0, 5));
    const walk = async (owner: 'canary' | 'stable') => {
      const seen: string[] = [];
      let cursor = '0';
      do {
        const page = await bench.ledger.scanOpen(owner, cursor, 3);
        seen.push(...page.tasks.map(({ id }) => id));
        cursor = page.cursor;
      } while (cursor !== '0');
      return seen.sort();
    };
    expect(await walk('stable')).toEqual(ids.slice(0, 5).sort());
    expect(await walk('canary')).toEqual(ids.slice(5).sort());
  });

  it('elects one, again and again, until its time is up', async () => {
    const elected = (worker: string, ttlMs = 60_000) => bench.ledger.electJanitor(worker, ttlMs);
    expect([await elected('a'), await elected('b'), await elected('a')]).toEqual([true, false, true]);
    await bench.raw.del(bench.redis.keys.janitorLock);
    expect([await elected('b'), await elected('a')]).toEqual([true, false]);
  });

  it('knows who is alive', async () => {
    await bench.running('worker-1');
    expect(await bench.ledger.aliveWorkers(['worker-1', 'worker-2'])).toEqual(new Set(['worker-1']));
    expect(await bench.ledger.aliveWorkers([])).toEqual(new Set());
  });
});
