import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newTaskId } from '../../src/index.ts';
import { createFlagSource } from '../../src/routing/flags.ts';
import { decide, type RoutingInput } from '../../src/routing/router.ts';
import { saltOf } from '../../src/routing/sticky-hash.ts';
import { startClock } from './child-process.ts';
import { type Figure, measureOf, spreadOf } from './figures.ts';
import { QUEUE, TASK_NAME } from './job.ts';
import type { BenchPlan } from './rounds.ts';

const TARGET_MICROS = 1;
const KEYS = 10_000;
const SALT = saltOf('bench');

/** One decision, in memory: by the ratio, and by a flag of the local flag file. */
export async function benchRoute(plan: BenchPlan): Promise<{ figures: Figure[] }> {
  const keys = Array.from({ length: KEYS }, () => newTaskId());
  return { figures: [await byRatio(plan, keys), await byFlag(plan, keys)] };
}

function inputOf(stickyKey: string, mode: 'ratio' | 'flag'): RoutingInput {
  return {
    control: {
      epoch: 7,
      celeryRatio: 0.25,
      mode,
      taskRatios: {},
      frozen: '',
      updatedAt: 0,
      updatedBy: 'bench',
      reason: '',
    },
    salt: SALT,
    task: TASK_NAME,
    stickyKey,
    capabilities: {
      stable: { priority: false, postpone: false, pause: false },
      canary: { priority: true, postpone: true, pause: true },
    },
    canaryReachable: true,
  };
}

async function byRatio(plan: BenchPlan, keys: readonly string[]): Promise<Figure> {
  const { control, capabilities } = inputOf('', 'ratio');
  const decisions = plan.isQuick ? 50_000 : 3_000_000;
  const run = async (): Promise<number> => {
    let canary = 0;
    for (let i = 0; i < decisions; i++) {
      // A new input for each, as a submission makes one.
      const stickyKey = keys[i % KEYS] as string;
      const decision = decide({
        control,
        salt: SALT,
        task: TASK_NAME,
        stickyKey,
        capabilities,
        canaryReachable: true,
      });
      if (decision.backend === 'canary') canary += 1;
    }
    return canary;
  };
  const title = 'one decision by the ratio';
  return timed({ id: 'route-ratio', title, target: TARGET_MICROS }, plan, decisions, run);
}

async function byFlag(plan: BenchPlan, keys: readonly string[]): Promise<Figure> {
  const dir = await mkdtemp(join(tmpdir(), 'hybrid-bench-flags-'));
  const file = join(dir, 'flags.json');
  const key = `hybrid-${TASK_NAME}`;
  await writeFile(file, JSON.stringify({ flagValues: { [key]: 0.25 } }));
  const flags = await createFlagSource({
    source: 'file',
    file,
    onProblem: (problem) => process.stderr.write(`${problem}\n`),
  });
  try {
    const decisions = plan.isQuick ? 2000 : 100_000;
    const attributes = {};
    const run = async (): Promise<number> => {
      let canary = 0;
      for (let i = 0; i < decisions; i++) {
        const stickyKey = keys[i % KEYS] as string;
        const flag = await flags.evaluate({ stickyKey, task: TASK_NAME, queue: QUEUE, attributes });
        const decision = decide({ ...inputOf(stickyKey, 'flag'), flag });
        if (decision.reason !== 'flag') throw new Error(`the flag did not decide: ${decision.reason}`);
        if (decision.backend === 'canary') canary += 1;
      }
      return canary;
    };
    return await timed(
      { id: 'route-flag', title: 'one decision by a flag', target: null },
      plan,
      decisions,
      run,
    );
  } finally {
    await flags.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** @param run makes the decisions and says how many were for canary: without a use for them, none would be made */
async function timed(
  heading: { readonly id: string; readonly title: string; readonly target: number | null },
  plan: BenchPlan,
  decisions: number,
  run: () => Promise<number>,
): Promise<Figure> {
  const rounds: number[] = [];
  for (let round = 0; round <= plan.rounds; round++) {
    plan.say(`${heading.title}: ${round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`}`);
    const read = startClock();
    const canary = await run();
    // CPU time: a decision waits for nothing, and what else runs on the machine is no part of it.
    const micros = read().cpuMicros / decisions;
    if (canary === 0 || canary === decisions) throw new Error(`${canary} of ${decisions} went to canary`);
    if (round > 0) rounds.push(micros);
  }
  const spread = spreadOf(rounds);
  const perSecond = Math.round(1_000_000 / spread.median);
  return measureOf({ ...heading, unit: 'µs' }, spread, { decisions, perSecond, rounds });
}
