import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { copiesQueueOf } from '../../src/domain/task-backend.ts';
import { type HybridConfigInput, HybridTaskManager, resolveConfig } from '../../src/index.ts';
import { type Connections, openConnections } from '../../src/manager/connections.ts';
import { pairFrom } from '../../src/state/pairs.ts';
import { recordedOf } from '../support/recorded.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { expectNoLeakedConnections, plainClient, redisUrl } from '../support/redis.ts';
import { figuresOf, settled } from '../support/shadow-scene.ts';
import { shadowTask } from '../support/shadow-task.ts';
import { ShadowTrial } from '../support/shadow-trial.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { FAULT_TIMEOUT_MS } from '../support/trial.ts';
import { judge } from '../support/verdict.ts';
import { waitFor } from '../support/wait-for.ts';

/** Figures are written once a second, and the writing takes its time. */
const FRESH_MS = 2_000;
const SETTLING = (request: Buffer) => request.includes('["pairs","fault"');

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => expectNoLeakedConnections());

const begin = (): ShadowTrial => {
  const trial = new ShadowTrial();
  closing.push(() => trial.close());
  return trial;
};
const wireTo = async (url = redisUrl()): Promise<TcpProxy> => {
  const wire = await startTcpProxy(url);
  closing.push(() => wire.close());
  return wire;
};
const operate = async (trial: ShadowTrial, config: HybridConfigInput): Promise<HybridTaskManager> => {
  const quiet = resolveConfig({ ...config, log: { level: 'silent' } });
  const task = shadowTask(trial.queue, 'test', trial);
  const manager = await HybridTaskManager.open({ config: quiet, tasks: [task] });
  closing.push(() => manager.close());
  return manager;
};
const look = async (config: HybridConfigInput): Promise<Connections> => {
  const c = await openConnections(resolveConfig(config), 'test', new RecordingLog());
  closing.push(() => c.close());
  return c;
};

const client = plainClient();
const openCopies = ({ namespace }: ShadowTrial) => client.zcard(`{${namespace}}:open:copies`);
const waitingPairs = ({ namespace }: ShadowTrial) =>
  client.zrange(`{${namespace}}:pairs:fault`, '0', '-1', 'WITHSCORES');

const pairsOf = async (trial: ShadowTrial): Promise<string[]> =>
  (await waitingPairs(trial)).filter((_, i) => i % 2 === 0);

async function lookAt(trial: ShadowTrial, when: number): Promise<void> {
  const scores = (await pairsOf(trial)).flatMap((pair) => [when, pair]);
  if (scores.length > 0) await client.zadd(`{${trial.namespace}}:pairs:fault`, 'XX', ...scores);
}
/** As if the time of every claim were over. */
const endClaims = (trial: ShadowTrial) => lookAt(trial, 1);

/** A worker that holds all pairs of five tasks, in one request that does not reach Redis. */
async function catchSettling(trial: ShadowTrial, change: HybridConfigInput['redis'] = {}) {
  const wire = await wireTo();
  const direct = trial.config({ redisUrl: redisUrl() });
  const producer = await trial.start('producer', 'p', direct, 5);
  await producer.ended;
  // Looked at only when every run of them is recorded: what ran behind the held request would be left open.
  await lookAt(trial, Date.now() + 3_600_000);
  const settling = wire.intercept('request', SETTLING);
  const redis = { url: wire.url, ...change };
  const worker = await trial.start('worker', 'a', { ...trial.config({ redisUrl: wire.url }), redis });
  const c = await look(direct);
  const ids = (await pairsOf(trial)).flatMap((member) => {
    const pair = pairFrom('fault', member);
    return pair ? [pair.primary, pair.copy] : [];
  });
  const recorded = () => Promise.all(ids.map((id) => c.outcomes.isRecorded(id)));
  await waitFor(async () => (await recorded()).every(Boolean), { what: 'ten outcomes' });
  await endClaims(trial);
  await settling.caught;
  return { direct, settling, worker, c };
}

describe('a worker killed among tasks and their copies', () => {
  it(
    'loses the figures of its last second at most; every pair is settled once, and no promise is broken',
    async () => {
      const trial = begin();
      const urls = { redisUrl: redisUrl() };
      const config = trial.config(urls, { routing: { celeryRatio: 0.3 }, parity: { controlShare: 0.3 } });
      const manager = await operate(trial, config);
      const a = await trial.start('worker', 'a', config);
      await trial.start('worker', 'b', config);
      const producer = await trial.start('producer', 'p', config);
      // What it has told by now is old when it is killed. By its own word: a process that stands still writes nothing.
      const isWord = (e: { pid: number; type: string }) => e.pid === a.pid && e.type === 'succeeded';
      const { at } = await trial.seen('told', isWord);
      await trial.seen('told', (e) => isWord(e) && e.at > at + FRESH_MS);
      await trial.seenMore('ended', Math.floor(trial.random() * 50));
      await trial.kill(a);
      await trial.seenMore('ended', 50);
      producer.kill('SIGTERM');
      expect(await producer.ended).toBe(0);

      const c = await look(config);
      await waitFor(
        async () => {
          await endClaims(trial);
          return (await waitingPairs(trial)).length === 0 && (await openCopies(trial)) === 0;
        },
        { what: `every pair to be settled (seed ${trial.seed})`, timeoutMs: 40_000 },
      );
      const { history, copies } = trial;
      const ids = history.flatMap((e) => (e.event === 'submit-ok' ? [e.id] : []));
      await waitFor(async () => (await recordedOf(manager, ids)).size === ids.length, {
        what: `every outcome (seed ${trial.seed})`,
        timeoutMs: 40_000,
      });

      // Each process tells of a run when it is recorded; the outcomes say how many there were at most.
      const told = trial.history.filter((e) => e.event === 'told' && e.type === 'succeeded');
      const lastWordAt = told.findLast((e) => e.pid === a.pid)?.at ?? 0;
      const isLost = (e: { pid: number; at: number }) => e.pid === a.pid && e.at >= lastWordAt - FRESH_MS;
      const least = told.filter((e) => !isLost(e)).length;
      expect({
        seed: trial.seed,
        isKilledAmongMany: told.some((e) => e.pid === a.pid && !isLost(e)),
      }).toEqual({
        seed: trial.seed,
        isKilledAmongMany: true,
      });
      const outcomes = await Promise.all([...ids, ...copies].map((id) => c.outcomes.read(id)));
      const most = outcomes.filter((outcome) => outcome?.status === 'succeeded').length;
      const sum = async (counter: 'succeeded' | 'submitted', arms = /./) =>
        (await figuresOf(c)).runs
          .filter(({ arm }) => arms.test(arm))
          .reduce((all, { counts }) => all + counts[counter], 0);
      await waitFor(async () => (await sum('succeeded')) >= least, {
        what: `${least} runs to be counted (seed ${trial.seed})`,
      });
      expect(await sum('succeeded')).toBeLessThanOrEqual(most);

      const made = await sum('submitted', /^(shadow|control)$/);
      const { pairs } = await figuresOf(c);
      const looked = pairs.reduce((all, { compared, dropped }) => all + compared + dropped, 0);
      expect({ seed: trial.seed, looked }).toEqual({ seed: trial.seed, looked: made });
      // A few were granted to the one that died and had not begun.
      expect(copies.size).toBeLessThanOrEqual(made);
      expect(copies.size).toBeGreaterThan(made - 15);
      // Only a copy that died with its worker may differ from its task.
      const kinds = pairs.flatMap(({ mismatched }) => Object.keys(mismatched));
      expect(kinds.filter((kind) => kind !== 'outcome')).toEqual([]);

      const { ledger } = await manager.status();
      const accepted = history.filter((e) => e.event === 'submit-ok' && e.backend === 'canary').length;
      expect(ledger).toMatchObject({ accepted, conserved: true, openCanary: 0, openMoved: 0 });
      const own = trial.history.filter((e) => !('id' in e && copies.has(e.id)));
      expect({ seed: trial.seed, problems: judge(own, await recordedOf(manager, ids)) }).toEqual({
        seed: trial.seed,
        problems: [],
      });
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'leaves the pairs that it had taken to another',
    async () => {
      const trial = begin();
      const { direct, worker, c } = await catchSettling(trial);
      await trial.kill(worker);
      const waiting = await waitingPairs(trial);
      const taken = waiting.filter((_, i) => i % 2 === 1 && Number(waiting[i]) > Date.now() + 10_000);
      expect(taken).toHaveLength(5);

      await trial.start('worker', 'b', direct);
      await endClaims(trial);
      const { pairs } = await settled(c, 5);
      expect(pairs).toMatchObject([{ kind: 'shadow', compared: 5, matched: 5, dropped: 0 }]);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'or only held up does not settle again what another has settled',
    async () => {
      const trial = begin();
      const { direct, settling, worker, c } = await catchSettling(trial, { commandTimeoutMs: 60_000 });
      await trial.start('worker', 'b', direct);
      await endClaims(trial);
      await settled(c, 5);
      settling.pass();
      // It ends when its words to Redis were answered.
      worker.kill('SIGTERM');
      expect(await worker.ended).toBe(0);
      expect((await figuresOf(c)).pairs).toMatchObject([{ compared: 5, matched: 5, dropped: 0 }]);
    },
    FAULT_TIMEOUT_MS,
  );
});

describe('a producer killed between noting a copy and enqueueing it', () => {
  /** Ends when the copy is noted and in no queue. */
  const loseCopy = async (kind: 'shadow' | 'control', parity: HybridConfigInput['parity'] = {}) => {
    const trial = begin();
    const [control, canary] = [await wireTo(), await wireTo()];
    const change = { parity: { controlShare: kind === 'control' ? 1 : 0, ...parity } };
    const urls = { redisUrl: control.url, canaryUrl: canary.url };
    const add =
      kind === 'shadow'
        ? canary.intercept('request', (request) => request.includes('"n"'))
        : control.intercept('request', (request) => request.includes(copiesQueueOf(trial.queue)));
    const producer = await trial.start('producer', 'p', trial.config(urls, change), 1);
    await add.caught;
    await trial.kill(producer);
    add.cut();
    expect(await openCopies(trial)).toBe(1);
    const direct = trial.config({ redisUrl: redisUrl() }, change);
    return { trial, direct, manager: await operate(trial, direct) };
  };
  const expectNobodysWork = async (manager: HybridTaskManager) => {
    const { ledger, plain } = await manager.status();
    expect(ledger).toMatchObject({
      accepted: 0,
      reassigned: 0,
      openCanary: 0,
      openMoved: 0,
      conserved: true,
    });
    expect(plain.succeeded).toBe(1);
  };

  it.each(['shadow', 'control'] as const)(
    'leaves a %s copy to the janitor, which enqueues it',
    async (kind) => {
      const { trial, direct, manager } = await loseCopy(kind);
      // The janitor leaves the young ones alone.
      const [id = ''] = await client.zrange(`{${trial.namespace}}:open:copies`, '0', '-1');
      await client.zadd(`{${trial.namespace}}:open:copies`, 'XX', Date.now() - 60_000, id);
      await trial.start('worker', 'a', direct);
      const { pairs } = await settled(await look(direct), 1);
      expect(pairs).toMatchObject([{ kind, compared: 1, matched: 1 }]);
      expect(trial.runsOf(id)).toMatchObject([{ backend: kind === 'shadow' ? 'canary' : 'stable' }]);
      expect([...trial.copies]).toEqual([id]);
      expect(await openCopies(trial)).toBe(0);
      await expectNobodysWork(manager);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'leaves it to its deadline, where no janitor comes before',
    async () => {
      const { trial, direct, manager } = await loseCopy('shadow', { deadlineSeconds: 1 });
      const worker = { ...direct.worker, janitorIntervalMs: 600_000 };
      await trial.start('worker', 'a', { ...direct, worker });
      const { pairs } = await settled(await look(direct), 1);
      // The task itself may have had no worker by then, either.
      expect(pairs[0]).toMatchObject({ kind: 'shadow', matched: 0 });
      await waitFor(async () => (await openCopies(trial)) === 0, { what: 'the copy to be ended' });
      await trial.seen('told', (e) => e.type === 'succeeded');
      expect(trial.copies.size).toBe(0);
      await expectNobodysWork(manager);
    },
    FAULT_TIMEOUT_MS,
  );
});
