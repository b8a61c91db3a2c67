import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ClosedError } from '../../src/domain/errors.ts';
import type {
  ConsumeOptions,
  Consumer,
  Delivery,
  ListedState,
  TaskBackend,
} from '../../src/domain/task-backend.ts';
import { COMPLETE, DeliveryLog, gate } from '../support/delivery-log.ts';
import { jobId, jobRequest } from '../support/job-requests.ts';
import { uniqueName } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const FAILURE = new Error('the handler failed');
const MARK = { acceptedAt: 1_763_750_000_123 };

/** What every backend must do. A new backend is one file and a test that calls this. */
export function describeTaskBackend(name: string, create: () => TaskBackend): void {
  describe(`task backend ${name}`, () => {
    let backend: TaskBackend;
    let queue: string;

    beforeEach(async () => {
      backend = create();
      queue = uniqueName('contract');
      await backend.ready();
    });
    afterEach(() => backend.close());

    const consume = (log: DeliveryLog, options: Partial<ConsumeOptions> = {}): Promise<Consumer> =>
      backend.consume(queue, log.run, { concurrency: 1, stallIntervalMs: 1000, ...options });
    const presence = async (id: string) => (await backend.has(queue, [id]))[0];
    const untilNotLive = (id: string) =>
      waitFor(async () => (await presence(id)) !== 'live', { what: `${id} to be finished` });

    describe('enqueue', () => {
      it('adds jobs, one result each, in order', async () => {
        const requests = [jobRequest(queue, 1), jobRequest(queue, 2), jobRequest(queue, 3)];
        expect(await backend.enqueue(requests)).toEqual(requests.map(() => ({ status: 'added' })));
        expect(await backend.counts(queue)).toEqual(counts({ waiting: 3 }));
      });

      it('leaves a job of the same id as it is', async () => {
        const first = jobRequest(queue, { version: 'first' });
        await backend.enqueue([first]);
        const again = { ...jobRequest(queue, { version: 'second' }), id: first.id };
        const [result] = await backend.enqueue([again]);
        // Not every backend can tell; none may overwrite.
        expect(['added', 'duplicate']).toContain(result?.status);
        expect((await backend.counts(queue)).waiting).toBe(1);
        const log = new DeliveryLog();
        await consume(log);
        await log.begun(1);
        expect(log.payloads).toEqual([{ version: 'first' }]);
      });

      it('leaves the second of two jobs of one id in the same batch', async () => {
        const first = jobRequest(queue, 'first');
        await backend.enqueue([first, { ...jobRequest(queue, 'second'), id: first.id }]);
        expect((await backend.counts(queue)).waiting).toBe(1);
      });

      it('takes an empty batch', async () => {
        expect(await backend.enqueue([])).toEqual([]);
      });

      it('takes a thousand jobs for two queues at once', async () => {
        const other = uniqueName('contract');
        const requests = Array.from({ length: 1000 }, (_, i) => jobRequest(i % 4 ? queue : other, { i }));
        const results = await backend.enqueue(requests);
        expect(results.filter(({ status }) => status === 'added')).toHaveLength(1000);
        expect((await backend.counts(queue)).waiting).toBe(750);
        expect((await backend.counts(other)).waiting).toBe(250);
        const ids = requests.filter((request) => request.queue === queue).map(({ id }) => id);
        expect(new Set(await backend.has(queue, ids))).toEqual(new Set(['live']));
      });

      it('runs jobs of a queue in the order in which they came', async () => {
        await backend.enqueue([1, 2, 3, 4, 5].map((i) => jobRequest(queue, i)));
        const log = new DeliveryLog();
        await consume(log);
        await log.begun(5);
        expect(log.payloads).toEqual([1, 2, 3, 4, 5]);
      });

      it('hands every payload over as it was', async () => {
        const payloads = [
          { nested: { deep: [{ er: [[], {}, [null]] }] } },
          { text: '文档元数据 — "quoted" \\ \n\t\u0000 👩‍👩‍👧 \u2028' },
          [],
          {},
          [[]],
          'a text',
          '',
          0,
          false,
          null,
          { big: Number.MAX_SAFE_INTEGER, small: 5e-324, huge: 1.7976931348623157e308, negative: -1.5 },
          { long: '长文本 text '.repeat(20_000) },
        ];
        await backend.enqueue(payloads.map((payload) => jobRequest(queue, payload)));
        const log = new DeliveryLog();
        await consume(log);
        await log.begun(payloads.length);
        expect(log.payloads).toEqual(payloads);
      });

      it('starts delayed jobs in the order in which they are due, and a time in the past at once', async () => {
        const now = Date.now();
        const at = (dueAt: number) => jobRequest(queue, dueAt - now, { dueAt });
        // None is due before it is enqueued, however long that takes.
        const requests = [at(now + 1400), at(now + 1100), at(now + 1250), at(now - 1000)];
        await backend.enqueue(requests);
        expect(await backend.counts(queue)).toEqual(counts({ waiting: 1, delayed: 3 }));
        const log = new DeliveryLog();
        await consume(log);
        await log.begun(4);
        expect(log.payloads).toEqual([-1000, 1100, 1250, 1400]);
      });

      it('counts a delay from now, however long ago the submission was', async () => {
        const dueAt = Date.now() + 3_600_000;
        const request = jobRequest(queue, 1, { dueAt, enqueuedAt: Date.now() - 86_400_000 });
        await backend.enqueue([request]);
        expect(await backend.info(queue, request.id)).toEqual({
          id: request.id,
          state: 'delayed',
          enqueuedAt: request.enqueuedAt,
          dueAt,
        });
      });

      it('lets jobs overtake by priority where it can', async () => {
        const wishes = [3, 1, 2];
        await backend.enqueue(wishes.map((priority) => jobRequest(queue, priority, { priority })));
        const log = new DeliveryLog();
        await consume(log);
        await log.begun(3);
        expect(log.payloads).toEqual(backend.capabilities.priority ? [1, 2, 3] : wishes);
      });
    });

    describe('has, info, remove', () => {
      it('knows nothing of an id that was never there', async () => {
        const id = jobId();
        expect(await backend.has(queue, [id])).toEqual(['absent']);
        expect(await backend.has(queue, [])).toEqual([]);
        expect(await backend.info(queue, id)).toBeNull();
        expect(await backend.remove(queue, id)).toBe(false);
        expect(await backend.counts(queue)).toEqual(counts({}));
      });

      it('follows a job from waiting to active to failed', async () => {
        const request = jobRequest(queue, 1);
        const { opened, open } = gate();
        await backend.enqueue([request]);
        const state = async () => (await backend.info(queue, request.id))?.state;
        expect([await state(), await presence(request.id)]).toEqual(['waiting', 'live']);
        const log = new DeliveryLog(async () => {
          await opened;
          return { kind: 'fail', error: FAILURE };
        });
        await consume(log);
        await log.begun(1);
        expect([await state(), await presence(request.id)]).toEqual(['active', 'live']);
        open();
        await untilNotLive(request.id);
        expect([await state(), await presence(request.id)]).toEqual(['failed', 'dead']);
      });

      it('removes a waiting, a delayed and a failed job, and no other', async () => {
        const [doomed, kept] = [jobRequest(queue, 'doomed'), jobRequest(queue, 'kept')];
        const delayed = jobRequest(queue, 'delayed', { dueAt: Date.now() + 3_600_000 });
        await backend.enqueue([doomed, kept, delayed]);
        expect(await backend.remove(queue, doomed.id)).toBe(true);
        expect(await backend.remove(queue, delayed.id)).toBe(true);
        expect(await backend.remove(queue, doomed.id)).toBe(false);
        expect(await backend.counts(queue)).toEqual(counts({ waiting: 1 }));
        const log = new DeliveryLog(() => ({ kind: 'fail', error: FAILURE }));
        await consume(log);
        await untilNotLive(kept.id);
        expect(log.payloads).toEqual(['kept']);
        expect(await backend.remove(queue, kept.id)).toBe(true);
        expect(await backend.counts(queue)).toEqual(counts({}));
      });

      it('does not remove a job that a handler is running', async () => {
        const request = jobRequest(queue, 1);
        const { opened, open } = gate();
        await backend.enqueue([request]);
        const log = new DeliveryLog(() => opened.then(() => COMPLETE));
        await consume(log);
        await log.begun(1);
        expect(await backend.remove(queue, request.id)).toBe(false);
        expect(await presence(request.id)).toBe('live');
        open();
        await untilNotLive(request.id);
      });
    });

    describe('list', () => {
      const ids = async (state: ListedState, from: number, count: number) =>
        (await backend.list(queue, state, from, count)).map(({ id }) => id);

      it('shows waiting jobs in the order in which they will be taken, page by page', async () => {
        const requests = Array.from({ length: 7 }, (_, i) => jobRequest(queue, i));
        await backend.enqueue(requests);
        const wanted = requests.map(({ id }) => id);
        expect(await ids('waiting', 0, 3)).toEqual(wanted.slice(0, 3));
        expect(await ids('waiting', 3, 3)).toEqual(wanted.slice(3, 6));
        expect(await ids('waiting', 6, 3)).toEqual(wanted.slice(6));
        expect(await ids('waiting', 7, 3)).toEqual([]);
        expect(await ids('waiting', 100, 3)).toEqual([]);
        expect(await ids('waiting', 0, 0)).toEqual([]);
        expect([await ids('delayed', 0, 9), await ids('active', 0, 9)]).toEqual([[], []]);
        const log = new DeliveryLog();
        await consume(log);
        expect((await log.begun(7)).map(({ id }) => id)).toEqual(wanted);
      });

      it('shows jobs with a priority where they will be taken', async () => {
        const requests = [3, null, 1, 2, null].map((priority) => jobRequest(queue, priority, { priority }));
        await backend.enqueue(requests);
        const [all, first, last] = [
          await ids('waiting', 0, 9),
          await ids('waiting', 0, 3),
          await ids('waiting', 3, 9),
        ];
        expect([...first, ...last]).toEqual(all);
        const log = new DeliveryLog();
        await consume(log);
        expect((await log.begun(5)).map(({ id }) => id)).toEqual(all);
      });

      it('says of each job what the job says', async () => {
        const marked = jobRequest(queue, 'secret', { mark: MARK, enqueuedAt: 1_763_750_000_000 });
        const plain = jobRequest(queue, 'secret', { enqueuedAt: 1_763_750_000_001 });
        await backend.enqueue([marked, plain]);
        const common = { task: 'test-task', dueAt: null };
        expect(await backend.list(queue, 'waiting', 0, 2)).toEqual([
          { id: marked.id, isMarked: true, enqueuedAt: 1_763_750_000_000, ...common },
          { id: plain.id, isMarked: false, enqueuedAt: 1_763_750_000_001, ...common },
        ]);
      });

      it('shows delayed jobs by due time', async () => {
        const now = Date.now();
        const requests = [3, 1, 2].map((hours) =>
          jobRequest(queue, hours, { dueAt: now + hours * 3_600_000 }),
        );
        await backend.enqueue(requests);
        const [third, first, second] = requests;
        const shown = await backend.list(queue, 'delayed', 0, 9);
        const wanted = [first, second, third];
        expect(shown.map(({ id }) => id)).toEqual(wanted.map((request) => request?.id));
        // Every backend keeps the time to the millisecond or two.
        shown.forEach(({ dueAt }, i) => {
          expect(Math.abs((dueAt ?? 0) - (wanted[i]?.dueAt ?? 0))).toBeLessThan(50);
        });
        expect(await ids('delayed', 2, 9)).toEqual([third?.id]);
      });

      it('shows active jobs in the order in which they were taken', async () => {
        const { opened, open } = gate();
        const requests = Array.from({ length: 4 }, (_, i) => jobRequest(queue, i));
        await backend.enqueue(requests);
        const log = new DeliveryLog(() => opened.then(() => COMPLETE));
        await consume(log, { concurrency: 3 });
        await log.begun(3);
        const wanted = requests.map(({ id }) => id);
        expect(await ids('active', 0, 9)).toEqual(wanted.slice(0, 3));
        expect(await ids('active', 1, 1)).toEqual(wanted.slice(1, 2));
        expect(await ids('waiting', 0, 9)).toEqual(wanted.slice(3));
        open();
        await log.begun(4);
      });

      it('shows more than one thousand', async () => {
        const requests = Array.from({ length: 2100 }, (_, i) => jobRequest(queue, i));
        await backend.enqueue(requests);
        const wanted = requests.map(({ id }) => id);
        expect(await ids('waiting', 0, 3000)).toEqual(wanted);
        expect(await ids('waiting', 50, 1500)).toEqual(wanted.slice(50, 1550));
      });
    });

    describe('discard', () => {
      it('removes waiting and delayed jobs, says how many, and leaves the others', async () => {
        const requests = Array.from({ length: 6 }, (_, i) => jobRequest(queue, i));
        const delayed = [1, 2].map((i) => jobRequest(queue, `d${i}`, { dueAt: Date.now() + i * 3_600_000 }));
        await backend.enqueue([...requests, ...delayed]);
        const doomed = [0, 2, 5].map((i) => requests[i]?.id ?? '');
        const gone = [...doomed, delayed[0]?.id ?? '', jobId()];
        expect(await backend.discard(queue, gone)).toBe(4);
        expect(await backend.discard(queue, gone)).toBe(0);
        expect(await backend.discard(queue, [])).toBe(0);
        expect(await backend.counts(queue)).toEqual(counts({ waiting: 3, delayed: 1 }));
        expect(new Set(await backend.has(queue, gone))).toEqual(new Set(['absent']));
        const log = new DeliveryLog();
        await consume(log);
        await log.begun(3);
        expect(log.payloads).toEqual([1, 3, 4]);
      });

      it('takes an id twice in one call', async () => {
        const [one, two] = [jobRequest(queue, 1), jobRequest(queue, 2)];
        await backend.enqueue([one, two]);
        expect(await backend.discard(queue, [one.id, one.id])).toBe(1);
        expect((await backend.counts(queue)).waiting).toBe(1);
      });

      it('removes jobs with a priority', async () => {
        const requests = [3, 1, 2].map((priority) => jobRequest(queue, priority, { priority }));
        await backend.enqueue(requests);
        expect(await backend.discard(queue, [requests[0]?.id ?? '', requests[1]?.id ?? ''])).toBe(2);
        const log = new DeliveryLog();
        await consume(log);
        await log.begun(1);
        expect(log.payloads).toEqual([2]);
      });

      it('leaves a job that a handler is running, and a dead one', async () => {
        const { opened, open } = gate();
        const [running, waiting] = [jobRequest(queue, 'running'), jobRequest(queue, 'waiting')];
        await backend.enqueue([running, waiting]);
        const log = new DeliveryLog(() => opened.then(() => ({ kind: 'fail', error: FAILURE })));
        await consume(log);
        await log.begun(1);
        expect(await backend.discard(queue, [running.id, waiting.id])).toBe(1);
        expect(await presence(running.id)).toBe('live');
        open();
        await untilNotLive(running.id);
        expect(await backend.discard(queue, [running.id])).toBe(0);
        expect([await presence(running.id), log.deliveries.length]).toEqual(['dead', 1]);
      });

      it('leaves room for the same id again', async () => {
        const request = jobRequest(queue, 'again');
        await backend.enqueue([request]);
        await backend.discard(queue, [request.id]);
        await backend.enqueue([request]);
        const log = new DeliveryLog();
        await consume(log);
        await log.begun(1);
        expect(log.payloads).toEqual(['again']);
      });

      it('disturbs no consumer that is waiting or running', async () => {
        const log = new DeliveryLog();
        await consume(log, { concurrency: 2 });
        const kept: string[] = [];
        for (let round = 0; round < 5; round += 1) {
          const doomed = jobRequest(queue, 'later', { dueAt: Date.now() + 3_600_000 });
          const request = jobRequest(queue, round);
          kept.push(request.id);
          await backend.enqueue([doomed, request]);
          expect(await backend.discard(queue, [doomed.id])).toBe(1);
        }
        const deliveries = await log.begun(5);
        expect(new Set(deliveries.map(({ id }) => id))).toEqual(new Set(kept));
      });

      it('empties a long queue in list order', async () => {
        const requests = Array.from({ length: 2500 }, (_, i) => jobRequest(queue, i));
        await backend.enqueue(requests);
        const page = (await backend.list(queue, 'waiting', 0, 2500)).map(({ id }) => id);
        expect(await backend.discard(queue, page)).toBe(2500);
        expect(await backend.counts(queue)).toEqual(counts({}));
      });
    });

    it('knows no schedules of a queue that has none', async () => {
      expect(await backend.schedules(queue)).toEqual([]);
    });

    describe('a delivery', () => {
      const deliver = async (request: ReturnType<typeof jobRequest>): Promise<Delivery> => {
        await backend.enqueue([request]);
        const log = new DeliveryLog();
        await consume(log);
        const [delivery] = await log.begun(1);
        return delivery as Delivery;
      };

      it('says what it is', async () => {
        const request = jobRequest(queue, { a: 1 }, { retries: 3, enqueuedAt: 1_763_750_000_000 });
        expect(await deliver(request)).toMatchObject({
          backend: backend.name,
          queue,
          id: request.id,
          task: 'test-task',
          data: { a: 1 },
          mark: null,
          enqueuedAt: 1_763_750_000_000,
          failuresBefore: 0,
          retriesLeft: 3,
        });
      });

      it('carries its mark', async () => {
        const delivery = await deliver(jobRequest(queue, 1, { mark: MARK, namesTask: false }));
        expect(delivery).toMatchObject({ mark: MARK, task: 'test-task' });
      });

      it('publishes progress and never fails by it', async () => {
        const request = jobRequest(queue, 1);
        const log = new DeliveryLog(async (delivery) => {
          for (const value of [0, 50, { page: 3 }, 'text', null, undefined]) await delivery.progress(value);
          return COMPLETE;
        });
        await backend.enqueue([request]);
        await consume(log);
        await untilNotLive(request.id);
        expect(log.deliveries).toHaveLength(1);
      });
    });

    describe('settlements', () => {
      for (const mark of [null, MARK]) {
        describe(mark === null ? 'of a plain job' : 'of a marked job', () => {
          it('complete: it is gone from the live ones', async () => {
            const request = jobRequest(queue, 1, { mark, retries: 2 });
            const log = new DeliveryLog(() => ({ kind: 'complete', value: { ok: true } }));
            await backend.enqueue([request]);
            await consume(log);
            await untilNotLive(request.id);
            expect(await backend.counts(queue)).toMatchObject({
              waiting: 0,
              active: 0,
              delayed: 0,
              failed: 0,
            });
          });

          for (const delayMs of [0, 40, null]) {
            it(`retry after ${delayMs ?? 'its own delay'}: it comes again, the same`, async () => {
              const request = jobRequest(queue, { a: '文' }, { mark, retries: 2 });
              const log = new DeliveryLog((_, nth) =>
                nth < 3 ? { kind: 'retry', delayMs, error: FAILURE } : COMPLETE,
              );
              await backend.enqueue([request]);
              await consume(log);
              const [first, , third] = await log.begun(3);
              const same = ({ id, task, data, mark: m, enqueuedAt }: Delivery) => ({
                id,
                task,
                data,
                m,
                enqueuedAt,
              });
              expect(same(third as Delivery)).toEqual(same(first as Delivery));
              await untilNotLive(request.id);
              expect(log.deliveries).toHaveLength(3);
            });
          }

          it('retry: beyond the tries of its own, too', async () => {
            const request = jobRequest(queue, 1, { mark, retries: 0 });
            const log = new DeliveryLog((_, nth) =>
              nth < 3 ? { kind: 'retry', delayMs: 5, error: FAILURE } : COMPLETE,
            );
            await backend.enqueue([request]);
            await consume(log);
            await log.begun(3);
            expect(log.deliveries.map(({ retriesLeft }) => retriesLeft)).toEqual([0, 0, 0]);
            await untilNotLive(request.id);
          });

          it('fail: it never comes again, whatever tries are left', async () => {
            const request = jobRequest(queue, 1, { mark, retries: 5 });
            const log = new DeliveryLog(() => ({ kind: 'fail', error: FAILURE }));
            await backend.enqueue([request]);
            await consume(log);
            await untilNotLive(request.id);
            expect(log.deliveries).toHaveLength(1);
            expect(await presence(request.id)).toBe('dead');
            expect(await backend.counts(queue)).toEqual(counts({ failed: 1 }));
          });

          it('a run that rejects is delivered again and counts as nothing', async () => {
            const request = jobRequest(queue, 1, { mark, retries: 1 });
            const errors: Error[] = [];
            const log = new DeliveryLog((_, nth) => {
              if (nth === 1) throw new Error('secret payload');
              return COMPLETE;
            });
            await backend.enqueue([request]);
            await consume(log, { stallIntervalMs: 200, onError: (error) => errors.push(error) });
            await log.begun(2);
            expect(log.deliveries[1]).toMatchObject({ failuresBefore: 0, retriesLeft: 1 });
            expect(errors).toHaveLength(1);
            await untilNotLive(request.id);
          });

          it('postpone: it comes again without counting, where it can', async () => {
            if (!backend.capabilities.postpone) return;
            const request = jobRequest(queue, 1, { mark, retries: 1 });
            const log = new DeliveryLog((_, nth) => (nth < 4 ? { kind: 'postpone', delayMs: 10 } : COMPLETE));
            await backend.enqueue([request]);
            await consume(log);
            const all = await log.begun(4);
            expect(
              new Set(all.map(({ failuresBefore, retriesLeft }) => `${failuresBefore}/${retriesLeft}`)),
            ).toEqual(new Set(['0/1']));
            await untilNotLive(request.id);
          });
        });
      }

      it('a retry of a plain job is counted', async () => {
        const request = jobRequest(queue, 1, { retries: 2 });
        const log = new DeliveryLog((_, nth) =>
          nth < 3 ? { kind: 'retry', delayMs: 10, error: FAILURE } : { kind: 'fail', error: FAILURE },
        );
        await backend.enqueue([request]);
        await consume(log);
        await untilNotLive(request.id);
        const seen = log.deliveries.map(({ failuresBefore, retriesLeft }) => [failuresBefore, retriesLeft]);
        expect(seen).toEqual([
          [0, 2],
          [1, 1],
          [2, 0],
        ]);
      });
    });

    describe('a consumer', () => {
      it('runs as many at once as it was told, and no more', async () => {
        const { opened, open } = gate();
        let running = 0;
        let most = 0;
        const log = new DeliveryLog(async () => {
          most = Math.max(most, ++running);
          await opened;
          running -= 1;
          return COMPLETE;
        });
        await backend.enqueue(Array.from({ length: 9 }, (_, i) => jobRequest(queue, i)));
        await consume(log, { concurrency: 3 });
        await log.begun(3);
        expect(await backend.counts(queue)).toMatchObject({ waiting: 6, active: 3 });
        open();
        await log.begun(9);
        expect(most).toBe(3);
      });

      it('stop waits for what is running and takes nothing new', async () => {
        const { opened, open } = gate();
        const log = new DeliveryLog(() => opened.then(() => COMPLETE));
        const [running, later] = [jobRequest(queue, 'running'), jobRequest(queue, 'later')];
        await backend.enqueue([running]);
        const consumer = await consume(log, { concurrency: 5 });
        await log.begun(1);
        const stopped = consumer.stop(20_000);
        await backend.enqueue([later]);
        expect(await presence(running.id)).toBe('live');
        open();
        expect(await stopped).toBe(true);
        expect(log.payloads).toEqual(['running']);
        expect(await presence(running.id)).not.toBe('live');
        expect(await backend.counts(queue)).toMatchObject({ waiting: 1, active: 0 });
      });

      it('stop loses no job that is on its way', async () => {
        const log = new DeliveryLog();
        const consumer = await consume(log, { concurrency: 4 });
        const requests = Array.from({ length: 40 }, (_, i) => jobRequest(queue, i));
        await backend.enqueue(requests.slice(0, 20));
        await log.begun(1);
        const [, stopped] = await Promise.all([backend.enqueue(requests.slice(20)), consumer.stop(20_000)]);
        expect(stopped).toBe(true);
        const { waiting, active } = await backend.counts(queue);
        expect({ active, seen: waiting + log.deliveries.length }).toEqual({ active: 0, seen: 40 });
      });

      it('stop without enough grace says so, and the handler may end later', async () => {
        const { opened, open } = gate();
        const ended = gate();
        const log = new DeliveryLog(async () => {
          await opened;
          ended.open();
          return COMPLETE;
        });
        const request = jobRequest(queue, 1);
        await backend.enqueue([request]);
        const consumer = await consume(log);
        await log.begun(1);
        expect(await consumer.stop(1)).toBe(false);
        expect(await presence(request.id)).toBe('live');
        open();
        await ended.opened;
      });

      it('stops twice, idle or not', async () => {
        const consumer = await consume(new DeliveryLog());
        expect(await Promise.all([consumer.stop(1000), consumer.stop(1000)])).toEqual([true, true]);
        expect(await consumer.stop(0)).toBe(true);
      });

      it('takes nothing from a paused queue until it is resumed, where it can', async () => {
        if (!backend.capabilities.pause) {
          await expect(backend.pause(queue)).rejects.toMatchObject({ code: 'E_BACKEND' });
          await expect(backend.resume(queue)).rejects.toMatchObject({ code: 'E_BACKEND' });
          return;
        }
        const other = uniqueName('contract');
        const [log, otherLog] = [new DeliveryLog(), new DeliveryLog()];
        await backend.pause(queue);
        await backend.enqueue([jobRequest(queue, 'held'), jobRequest(other, 'free')]);
        await consume(log);
        await backend.consume(other, otherLog.run, { concurrency: 1, stallIntervalMs: 1000 });
        await otherLog.begun(1);
        expect([log.payloads, await backend.counts(queue)]).toEqual([[], counts({ waiting: 1 })]);
        await backend.resume(queue);
        await log.begun(1);
      });
    });

    describe('the end', () => {
      it('is reachable until closed', async () => {
        expect(backend.isReachable()).toBe(true);
        await backend.close();
        expect(backend.isReachable()).toBe(false);
      });

      it('closes twice', async () => {
        await Promise.all([backend.close(), backend.close()]);
        await backend.close();
      });

      it('refuses everything after close', async () => {
        await backend.close();
        const calls: (() => Promise<unknown>)[] = [
          () => backend.ready(),
          () => backend.enqueue([jobRequest(queue, 1)]),
          () => backend.has(queue, [jobId()]),
          () => backend.info(queue, jobId()),
          () => backend.remove(queue, jobId()),
          () => backend.counts(queue),
          () => backend.list(queue, 'waiting', 0, 1),
          () => backend.discard(queue, [jobId()]),
          () => backend.schedules(queue),
          () => consume(new DeliveryLog()),
        ];
        for (const call of calls) await expect(call()).rejects.toBeInstanceOf(ClosedError);
      });

      it('stops the consumers that nobody stopped', async () => {
        const log = new DeliveryLog();
        await consume(log);
        await backend.close();
        const other = create();
        try {
          await other.enqueue([jobRequest(queue, 1)]);
          expect(log.deliveries).toEqual([]);
        } finally {
          await other.close();
        }
      });
    });
  });
}

function counts(some: Partial<Awaited<ReturnType<TaskBackend['counts']>>>) {
  return { waiting: 0, active: 0, delayed: 0, succeeded: 0, failed: 0, ...some };
}
