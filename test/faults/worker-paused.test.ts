import { describe, expect, it } from '@jest/globals';
import { startRedis } from '../support/redis.ts';
import { FAULT_TIMEOUT_MS, Trial } from '../support/trial.ts';

describe('a worker that is paused until others believe it dead, and wakes up', () => {
  it(
    'its outcome is dropped, on canary also while the other run is still under way',
    async () => {
      const trial = await Trial.open({ redisUrl: (await startRedis()).url });
      const [gateA, gateB] = [trial.gate(), trial.gate()];
      const hold = { a: gateA.file, b: gateB.file };
      const canary = await trial.submit({ hold }, { backend: 'canary' });
      const stable = await trial.submit({ hold }, { backend: 'stable' });
      const a = await trial.worker('a');
      for (const { id } of [canary, stable]) await trial.seen('started', (e) => e.id === id);
      trial.pause(a);
      await trial.worker('b');
      for (const { id } of [canary, stable]) await trial.seen('started', (e) => e.id === id && e.who === 'b');

      trial.wake(a);
      gateA.open();
      for (const { id } of [canary, stable]) await trial.seen('ended', (e) => e.id === id && e.who === 'a');
      const said = await trial.seen(
        'told',
        (e) => e.id === canary.id && e.who === 'a' && e.type !== 'granted',
      );
      expect(said.type).toBe('fenced');
      // Stable has no tokens: there the first outcome stays, so this one has to be recorded before the other may end.
      await trial.seen('told', (e) => e.id === stable.id && e.who === 'a' && e.type === 'succeeded');
      gateB.open();
      for (const { id } of [canary, stable]) await trial.seen('ended', (e) => e.id === id && e.who === 'b');
      await trial.settled();
      await trial.seen('told', (e) => e.id === stable.id && e.who === 'b' && e.type === 'fenced');
      const runs = trial.runsOf(canary.id);
      expect(runs.map((run) => run.who)).toEqual(['a', 'b']);
      expect(await canary.result()).toEqual({ run: runs[1]?.run });
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});
