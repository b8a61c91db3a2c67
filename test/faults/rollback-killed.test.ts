import { describe, expect, it } from '@jest/globals';
import { startRedis } from '../support/redis.ts';
import { expectBack, movedTasks, times } from '../support/rollback-backlog.ts';
import { RollbackRounds, type RoundFigures } from '../support/rollback-rounds.ts';
import { FAULT_TIMEOUT_MS, Trial, type TrialProcess } from '../support/trial.ts';
import { secondRuns } from '../support/verdict.ts';

/** Each is an operator that is killed, and a rollback that is run again. `npm run faults` asks for 200. */
const RUNS = Number(process.env.ROLLBACK_RUNS ?? 20);
const RUNS_OF_A_TRIAL = 10;
const isLong = process.env.ROLLBACK_RUNS !== undefined;

interface TrialFigures {
  readonly seed: number;
  readonly rounds: readonly RoundFigures[];
  readonly runs: number;
  readonly tasks: number;
  readonly secondRuns: Readonly<Record<string, number>>;
}

/** Until so many operators have been killed. */
async function killOperators(most: number): Promise<TrialFigures> {
  const redis = await startRedis();
  const trial = await Trial.open({
    redisUrl: redis.url,
    watchesMoves: true,
    backoffMs: 700,
    worker: { maxLosses: 100 },
  });
  const rounds = new RollbackRounds(trial);
  const all: RoundFigures[] = [];
  const runs = () => all.reduce((sum, { kills }) => sum + kills, 0);
  while (runs() < most) all.push(await rounds.round());
  await trial.expectPromisesKept();
  const tasks = all.reduce((sum, round) => sum + round.tasks, 0);
  const figures = {
    seed: trial.seed,
    rounds: all,
    runs: runs(),
    tasks,
    secondRuns: secondRuns(trial.history),
  };
  await trial.close();
  await redis.stop();
  return figures;
}

function report({ seed, rounds, runs, tasks, secondRuns }: TrialFigures): void {
  const places = rounds.map(({ diedAfter }) => diedAfter.join(', ')).join('; ');
  const second = Object.entries(secondRuns).map(([reason, count]) => `${count} ${reason}`);
  process.stdout.write(
    `seed ${seed}: ${runs} operators killed (${places}), ${tasks} tasks, 0 lost, second runs: ${second.join(', ') || 'none'}\n`,
  );
}

describe('a rollback that is killed between moving a batch and enqueueing it', () => {
  it(
    'enqueues it when it is run again, with nobody else at work',
    async () => {
      const trial = await Trial.open({ redisUrl: (await startRedis()).url, ratio: 1, watchesMoves: true });
      await Promise.all(times(150, () => trial.submit()));
      // The fourth thing that it says is that it has moved a batch.
      const deaths = [{ atEvent: 4, turns: 0 }, null];
      const [first, second] = (await Promise.all(
        deaths.map((death, i) => trial.rollback(`operator${i}`, { death })),
      )) as [TrialProcess, TrialProcess];
      first.kill('SIGUSR2');
      expect(await first.ended).toBe('SIGKILL');
      expect(await movedTasks(trial)).toMatchObject({ open: { length: 100 }, queued: [] });
      second.kill('SIGUSR2');
      await expectBack(trial, second);
      const { open, queued } = await movedTasks(trial);
      expect(open).toHaveLength(150);
      expect(queued).toEqual(open);
      await trial.worker('a');
      await trial.settled();
      await trial.expectPromisesKept();
    },
    FAULT_TIMEOUT_MS,
  );
});

describe('a rollback that is killed anywhere, and run again', () => {
  let done = 0;
  const trials = Math.ceil(RUNS / RUNS_OF_A_TRIAL);

  it.each(Array.from({ length: Math.ceil(trials / 2) }, (_, i) => [2 * i + 1]))(
    'ends in the same state, and each task runs once (trial %i and the next)',
    async () => {
      // Most of a trial is waiting, so two of them share the machine.
      const figures = await Promise.all([killOperators(RUNS_OF_A_TRIAL), killOperators(RUNS_OF_A_TRIAL)]);
      for (const each of figures) {
        done += each.runs;
        if (isLong) report(each);
      }
      expect(figures.every((each) => each.runs >= RUNS_OF_A_TRIAL)).toBe(true);
      if (isLong) process.stdout.write(`${done} of ${RUNS} runs\n`);
    },
    2 * FAULT_TIMEOUT_MS,
  );
});
