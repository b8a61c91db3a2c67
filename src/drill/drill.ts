import type { HybridConfig } from '../config.ts';
import { InvalidConfigError } from '../domain/errors.ts';
import { readRedisAddress, targetOf } from '../domain/redis-address.ts';
import type { RollbackReport } from '../domain/rollback.ts';
import { preflight } from '../state/redis-preflight.ts';
import { checkLedger, checkRuns, goForwardAgain, readResults, runOnStable } from './aftermath.ts';
import { pressTheButton, rollBack } from './back.ts';
import { type CleanUp, cleanUp } from './clean-up.ts';
import { Crew } from './crew.ts';
import { dueTimes, goForward } from './forward.ts';
import { drillConfig, drillName, serversOf } from './place.ts';
import { seededRandom } from './random.ts';
import type { DrillOptions, DrillReport } from './report.ts';
import { Script, StepBroken } from './script.ts';
import { type Stage, setStage } from './stage.ts';
import { type Kind, mixOf } from './tasks.ts';

const [FEWEST, MOST] = [20, 2_000];

/**
 * Forward, the red button, back, and forward again: the real parts on the team's own Redis servers, with tasks of the
 * drill's own in a namespace that is thrown away. Touches no key, file or queue of the team's, and runs none of its
 * handlers.
 *
 * @param config the team's; of it the two Redis servers and the command time limit are used
 * @returns also where something went wrong: that is what the verdict is for
 * @throws {InvalidConfigError} options.tasks is not from 20 to 2,000
 */
export async function runDrill(config: HybridConfig, options: DrillOptions = {}): Promise<DrillReport> {
  const { tasks = 200, seed = Math.floor(Math.random() * 2 ** 31), canaryDown = false } = options;
  if (!Number.isInteger(tasks) || tasks < FEWEST || tasks > MOST) {
    const allowed = `a whole number from ${FEWEST} to ${MOST}`;
    throw new InvalidConfigError('The drill', [{ path: 'tasks', given: String(tasks), allowed }]);
  }
  const namespace = drillName();
  const signal = options.signal ?? new AbortController().signal;
  const script = new Script(signal, options.onStep ?? (() => {}));
  const crew = new Crew(drillConfig(config, namespace), options.log);
  const [startedAt, begun] = [Date.now(), performance.now()];
  const course = new Course(script, crew, mixOf(tasks), seededRandom(seed), signal);
  let keys: CleanUp | null = null;
  try {
    await course.run({ canaryDown, sabotage: options.sabotage ?? ((c) => c) });
  } catch (error) {
    if (!(error instanceof StepBroken)) throw error;
  } finally {
    script.skipTo('clean up');
    // Before that nothing was made, and a server that does not answer cannot be cleaned.
    if (script.steps[0]?.status === 'passed') keys = await tidyUp(script, crew, config, namespace);
    else script.skipTo('end');
  }
  const reasons = script.steps.flatMap(({ name, problems }) =>
    problems.map((problem) => `${name}: ${problem}`),
  );
  return {
    verdict: reasons.length === 0 ? 'passed' : 'failed',
    reasons,
    isInterrupted: signal.aborted,
    namespace,
    seed,
    isCanaryDown: canaryDown,
    startedAt,
    durationMs: performance.now() - begun,
    steps: script.steps,
    tasks: course.stage?.roster.counts() ?? {},
    keys,
    rollback: course.report,
  };
}

/** The steps up to the clean-up. */
class Course {
  stage: Stage | null = null;
  report: RollbackReport | null = null;
  readonly #script: Script;
  readonly #crew: Crew;
  readonly #mix: ReadonlyMap<Kind, number>;
  readonly #random: () => number;
  readonly #signal: AbortSignal;

  constructor(
    script: Script,
    crew: Crew,
    mix: ReadonlyMap<Kind, number>,
    random: () => number,
    signal: AbortSignal,
  ) {
    this.#script = script;
    this.#crew = crew;
    this.#mix = mix;
    this.#random = random;
    this.#signal = signal;
  }

  async run(way: Parameters<typeof rollBack>[2]): Promise<void> {
    const script = this.#script;
    await script.play('preflight', async () => [await lookAtServers(this.#crew), null]);
    const [stage, due] = await script.play('forward', async (problem) => {
      const stage = await this.#setStage();
      const detail = await goForward(stage, this.#mix, problem);
      return [detail, [stage, await dueTimes(stage, problem)]] as const;
    });
    const pressed = await script.play('red button', (problem) => pressTheButton(stage, problem));
    this.report = await script.play('rollback', (problem) => rollBack(stage, pressed, way, problem));
    await script.play('stable runs it', async (problem) => [await runOnStable(stage, due, problem), null]);
    const runs = await script.play('runs counted', async (problem) => checkRuns(stage, problem));
    await script.play('results', async (problem) => [await readResults(stage, problem), null]);
    await script.play('forward again', async (problem) => [
      await goForwardAgain(stage, way.canaryDown, problem),
      null,
    ]);
    await script.play('ledger', async (problem) => [await checkLedger(stage, runs, problem), null]);
  }

  async #setStage(): Promise<Stage> {
    const held = (['finishing', 'heeding the abort', 'cancelled'] as const).reduce(
      (sum, kind) => sum + (this.#mix.get(kind) ?? 0),
      0,
    );
    this.stage = await setStage(this.#crew, held, this.#random, this.#signal);
    return this.stage;
  }
}

/** Both answer and can be used. @throws {RedisUnreachableError | RedisUnsuitableError} */
async function lookAtServers({ config }: Crew): Promise<string> {
  const allowEviction = process.env.NODE_ENV === 'development';
  const [control, canary] = serversOf(config);
  const seen: string[] = [];
  for (const [role, url] of [
    ['stable', control],
    ['canary', canary],
  ] as const) {
    if (url === undefined) continue;
    const { version } = await preflight(url, { role, allowEviction });
    seen.push(`${targetOf(readRedisAddress(url))} is Redis ${version ?? 'of unknown version'}`);
  }
  return canary === undefined ? `${seen.join('')}, for both` : `${seen.join(' (control), ')} (canary)`;
}

async function tidyUp(
  script: Script,
  crew: Crew,
  config: HybridConfig,
  drill: string,
): Promise<CleanUp | null> {
  try {
    return await script.play('clean up', async (problem) => {
      await crew.close();
      const keys = await cleanUp(config, drill);
      if (keys.remaining > 0) problem(`${keys.remaining} keys of ${drill} are still in Redis.`);
      const old = keys.leftOvers === 0 ? '' : `, and ${keys.leftOvers} of drills that were killed`;
      return [`${keys.removed} keys removed${old}, ${keys.remaining} left`, keys];
    });
  } catch (error) {
    if (!(error instanceof StepBroken)) throw error;
    return null;
  }
}
